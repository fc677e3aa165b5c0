//! Everything a simulated disk is, behind one lock: files, names, power, time and chance.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

use nix::errno::Errno;

use super::clock::Clock;
use super::faults::{Fault, FaultCounts, FaultKind, FaultPlan, Operation};
use super::inode::Inode;
use super::names::{Directory, FileId, NameChange};
use super::random::Random;
use crate::format::file_name;
use crate::storage::{FileEntry, IoMode};

/// The power of a simulated disk is gone, or was in between: whatever was opened before the
/// restart stays dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the simulated disk lost power")]
pub struct PowerLost;

impl PowerLost {
    /// Whether `error` says that the power was lost.
    #[must_use]
    pub fn is(error: &io::Error) -> bool {
        error
            .get_ref()
            .is_some_and(<dyn std::error::Error + Send + Sync>::is::<Self>)
    }
}

/// Whether operations are possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Power {
    On,
    /// It went in the middle of an operation; what survives is not decided.
    Lost,
    /// It is gone, and the images are what survived.
    Off,
}

/// How an operation begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    /// Nothing is wrong.
    Well,
    /// This goes wrong.
    With(Fault),
    /// The power goes before it ends: nothing of it is durable, all of it may be.
    PowerLost,
}

impl Begun {
    pub(super) fn is(self, fault: Fault) -> bool {
        self == Self::With(fault)
    }

    /// How an operation ends that has done all it could.
    pub(super) fn end(self) -> io::Result<()> {
        match self {
            Self::PowerLost => Err(io::Error::other(PowerLost)),
            Self::Well | Self::With(_) => Ok(()),
        }
    }
}

#[derive(Clone)]
pub(super) struct State {
    inodes: BTreeMap<FileId, Arc<Inode>>,
    files_made: u64,
    pub(super) names: Directory,
    /// How many handles each file has.
    open: BTreeMap<FileId, usize>,
    /// The numbers of the locks that are held, by the lock file's name.
    locks: BTreeMap<String, u64>,
    locks_taken: u64,
    power: Power,
    /// Handles of an earlier boot are dead.
    boot: u64,
    pub(super) operations: Vec<Operation>,
    pub(super) reads: u64,
    pub(super) crash_at: Option<u64>,
    pub(super) plan: FaultPlan,
    pub(super) counts: FaultCounts,
    pub(super) clock: Clock,
    /// Decides about faults.
    chance: Random,
    /// What the program under test gets.
    pub(super) entropy: Random,
    pub(super) io_mode: IoMode,
    pub(super) allows_threads: bool,
}

impl State {
    pub(super) fn new(seed: u64) -> Self {
        let mut seeds = Random::new(seed);
        Self {
            inodes: BTreeMap::new(),
            files_made: 0,
            names: Directory::default(),
            open: BTreeMap::new(),
            locks: BTreeMap::new(),
            locks_taken: 0,
            power: Power::On,
            boot: 0,
            operations: Vec::new(),
            reads: 0,
            crash_at: None,
            plan: FaultPlan::default(),
            counts: FaultCounts::default(),
            clock: Clock::new(),
            chance: Random::new(seeds.bits()),
            entropy: Random::new(seeds.bits()),
            io_mode: IoMode::Direct,
            allows_threads: false,
        }
    }

    /// The same disk again, without anybody using it.
    pub(super) fn fork(&self) -> Self {
        let mut fork = self.clone();
        fork.forget_process();
        fork
    }

    pub(super) fn boot(&self) -> u64 {
        self.boot
    }

    pub(super) fn is_powered(&self) -> bool {
        self.power == Power::On
    }

    /// Chance for one decision; what it takes from it does not change later decisions.
    pub(super) fn chance(&mut self) -> Random {
        Random::new(self.chance.bits())
    }

    /// Nobody holds anything any more.
    pub(super) fn forget_process(&mut self) {
        self.boot += 1;
        self.open.clear();
        self.locks.clear();
        self.collect_garbage();
    }

    pub(super) fn power_off(&mut self) {
        if self.power == Power::On {
            self.counts.count(FaultKind::PowerLoss);
        }
        self.power = Power::Off;
        self.forget_process();
    }

    pub(super) fn power_on(&mut self) {
        self.power = Power::On;
    }

    /// Whether what survived is still to be decided.
    pub(super) fn is_undecided(&self) -> bool {
        self.power != Power::Off
    }

    /// Lets a handle of `boot` go on.
    pub(super) fn check_alive(&self, boot: u64) -> io::Result<()> {
        if self.power == Power::On && boot == self.boot {
            Ok(())
        } else {
            Err(io::Error::other(PowerLost))
        }
    }

    /// Counts an operation and says how it begins.
    pub(super) fn begin(&mut self, operation: Operation) -> Begun {
        let index = self.operations.len() as u64;
        self.operations.push(operation);
        self.clock.step();
        if self.crash_at == Some(index) {
            self.power = Power::Lost;
            self.counts.count(FaultKind::PowerLoss);
            return Begun::PowerLost;
        }
        match self.plan.draw(index, operation, &mut self.chance) {
            Some(Fault::Stall(time)) => {
                self.counts.count(FaultKind::Stall);
                self.clock.advance(time);
                Begun::Well
            }
            Some(Fault::ClockJump(nanos)) => {
                self.counts.count(FaultKind::ClockJump);
                self.clock.jump(nanos);
                Begun::Well
            }
            Some(fault) => Begun::With(fault),
            None => Begun::Well,
        }
    }

    /// Adds a file that has no name yet.
    pub(super) fn add(&mut self, inode: Inode) -> FileId {
        let file = FileId(self.files_made);
        self.files_made += 1;
        self.inodes.insert(file, Arc::new(inode));
        file
    }

    pub(super) fn inode(&self, file: FileId) -> io::Result<&Inode> {
        let inode = self.inodes.get(&file);
        inode
            .map(|inode| &**inode)
            .ok_or_else(|| Errno::ESTALE.into())
    }

    pub(super) fn inode_mut(&mut self, file: FileId) -> io::Result<&mut Inode> {
        let inode = self.inodes.get_mut(&file);
        inode.map(Arc::make_mut).ok_or_else(|| Errno::ESTALE.into())
    }

    /// Every file that a crash can change and that may have a name after it.
    pub(super) fn unsynced_inodes(&self) -> impl Iterator<Item = (FileId, &Inode)> {
        let named = self.names.files();
        let unsynced = self.inodes.iter().filter(|(_, inode)| !inode.is_durable());
        unsynced
            .filter(move |(file, _)| named.contains(file))
            .map(|(file, inode)| (*file, &**inode))
    }

    /// Disk space that is left, in bytes.
    pub(super) fn room(&self) -> u64 {
        let Some(capacity) = self.plan.capacity_bytes else {
            return u64::MAX;
        };
        let taken: u64 = self.inodes.values().map(|inode| inode.allocated()).sum();
        capacity.saturating_sub(taken)
    }

    pub(super) fn open(&mut self, file: FileId) {
        *self.open.entry(file).or_default() += 1;
    }

    pub(super) fn close(&mut self, boot: u64, file: FileId) {
        if boot != self.boot {
            return;
        }
        if let Some(handles) = self.open.get_mut(&file) {
            *handles -= 1;
            if *handles == 0 {
                self.open.remove(&file);
                if self.names.iter().all(|(_, named)| named != file) {
                    self.collect_garbage();
                }
            }
        }
    }

    /// Frees files that nobody can reach, now or after a crash.
    pub(super) fn collect_garbage(&mut self) {
        let named = self.names.files();
        let open = &self.open;
        self.inodes
            .retain(|file, _| named.contains(file) || open.contains_key(file));
    }

    /// Takes the lock of the directory whose names start with `prefix`: its number, or `None` when it
    /// is held.
    pub(super) fn lock(&mut self, boot: u64, prefix: &str) -> io::Result<Option<u64>> {
        self.check_alive(boot)?;
        let lock = format!("{prefix}{}", file_name::LOCK);
        if self.locks.contains_key(&lock) {
            return Ok(None);
        }
        if self.names.file(&lock).is_err() {
            let file = self.add(Inode::default());
            let name = lock.as_str().into();
            self.names.change(NameChange::Created { name, file }, false);
        }
        self.locks_taken += 1;
        self.locks.insert(lock, self.locks_taken);
        Ok(Some(self.locks_taken))
    }

    pub(super) fn unlock(&mut self, number: u64) {
        self.locks.retain(|_, held| *held != number);
    }

    pub(super) fn is_locked(&self, boot: u64, prefix: &str) -> io::Result<bool> {
        self.check_alive(boot)?;
        Ok(self
            .locks
            .contains_key(&format!("{prefix}{}", file_name::LOCK)))
    }

    /// The files of the directory whose names start with `prefix`, without those of directories in it.
    pub(super) fn list(&mut self, boot: u64, prefix: &str) -> io::Result<Vec<FileEntry>> {
        self.check_alive(boot)?;
        self.clock.step();
        let own = self.names.iter().filter_map(|(name, file)| {
            let own = name.strip_prefix(prefix).filter(|own| !own.contains('/'));
            Some((own?, file))
        });
        let entries = own.map(|(name, file)| {
            let (name, len) = (name.to_owned(), self.inode(file)?.len());
            Ok(FileEntry { name, len })
        });
        entries.collect()
    }

    /// The directories in the directory whose names start with `prefix`, in order.
    pub(super) fn subdirectories(&mut self, boot: u64, prefix: &str) -> io::Result<Vec<String>> {
        self.check_alive(boot)?;
        self.clock.step();
        let below = self.names.iter().filter_map(|(name, _)| {
            let (directory, _) = name.strip_prefix(prefix)?.split_once('/')?;
            Some(directory.to_owned())
        });
        let names: BTreeSet<String> = below.collect();
        Ok(names.into_iter().collect())
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("power", &self.power)
            .field("operations", &self.operations.len())
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}
