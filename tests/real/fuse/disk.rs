//! The disk behind the file system: one directory, in memory, as it looks now and as it would look
//! after a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use fuser::Errno;
use nodedb_tests::random::Random;

const SECTOR_BYTES: usize = 512;

/// What goes wrong at one operation that changes the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The operation fails. If it is a sync, what it was to sync is gone.
    Error,
    /// There is no room from then on, until [`Disk::make_room`].
    Full,
    /// A write writes a part.
    Short,
    /// The power goes. Every operation fails from then on, until [`Disk::restart`].
    PowerCut,
}

/// A disk. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
pub(super) struct State {
    files: BTreeMap<u64, File>,
    names: BTreeMap<String, u64>,
    durable_names: BTreeMap<String, u64>,
    next_file: u64,
    /// Operations that change something, so far.
    operations: u64,
    fault: Option<(u64, Fault)>,
    injected: u64,
    is_full: bool,
    has_power: bool,
    random: Random,
}

#[derive(Clone, Debug, Default)]
struct File {
    now: Vec<u8>,
    durable: Vec<u8>,
    /// Sectors written since the last sync.
    unsynced: BTreeSet<usize>,
}

type Answer<T> = Result<T, Errno>;

impl Disk {
    pub(crate) fn new(seed: u64) -> Self {
        let state = State {
            files: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            next_file: 2,
            operations: 0,
            fault: None,
            injected: 0,
            is_full: false,
            has_power: true,
            random: Random::new(seed),
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Has `fault` happen at the operation with this number, counted from now on.
    pub(crate) fn inject(&self, at: u64, fault: Fault) {
        let mut state = self.state();
        state.operations = 0;
        state.fault = Some((at, fault));
    }

    /// How many operations there were.
    pub(crate) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// How many faults happened.
    pub(crate) fn injected(&self) -> u64 {
        self.state().injected
    }

    pub(crate) fn make_room(&self) {
        self.state().is_full = false;
    }

    /// Cuts the power now.
    pub(crate) fn cut_power(&self) {
        self.state().has_power = false;
    }

    /// Power again after a cut: of what was not synced, each sector and the names are there or not.
    pub(crate) fn restart(&self) {
        let mut state = self.state();
        let State {
            files,
            names,
            durable_names,
            random,
            ..
        } = &mut *state;
        // Unsynced names as a journal keeps them: all, or none.
        if random.percent(50) {
            durable_names.clone_from(names);
        }
        names.clone_from(durable_names);
        files.retain(|file, _| names.values().any(|named| named == file));
        for file in files.values_mut() {
            file.lose(random);
        }
        state.fault = None;
        state.is_full = false;
        state.has_power = true;
    }
}

impl File {
    fn lose(&mut self, random: &mut Random) {
        let len = if random.percent(50) {
            self.now.len()
        } else {
            self.durable.len()
        };
        let mut kept = self.durable.clone();
        kept.resize(len, 0);
        for sector in std::mem::take(&mut self.unsynced) {
            if random.percent(50) {
                copy_sector(&self.now, &mut kept, sector);
            }
        }
        self.now.clone_from(&kept);
        self.durable = kept;
    }

    fn touch(&mut self, offset: usize, end: usize) {
        self.unsynced
            .extend(offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES));
    }
}

/// Copies a sector as far as both have it.
fn copy_sector(from: &[u8], to: &mut [u8], sector: usize) {
    let start = sector * SECTOR_BYTES;
    let end = (start + SECTOR_BYTES).min(from.len()).min(to.len());
    if start < end {
        to[start..end].copy_from_slice(&from[start..end]);
    }
}

impl State {
    /// Whether there is power.
    pub(super) fn power(&self) -> Answer<()> {
        if self.has_power {
            Ok(())
        } else {
            Err(Errno::EIO)
        }
    }

    /// Begins an operation that changes something; the fault that meets it.
    fn begin(&mut self, takes_space: bool) -> Answer<Option<Fault>> {
        self.power()?;
        let at = self.operations;
        self.operations += 1;
        let meets = |(when, fault): &(u64, Fault)| match fault {
            // Only a write can be short: the next one.
            Fault::Short => *when <= at,
            _ => *when == at,
        };
        let fault = self.fault.filter(meets).map(|(_, fault)| fault);
        match fault {
            Some(Fault::Full) => self.is_full = true,
            Some(Fault::PowerCut) => {
                self.injected += 1;
                self.has_power = false;
                return Err(Errno::EIO);
            }
            _ => {}
        }
        if self.is_full && takes_space {
            self.injected += 1;
            return Err(Errno::ENOSPC);
        }
        Ok(fault)
    }

    /// As [`Self::begin`], for operations that know no other fault than an error.
    fn begin_plainly(&mut self, takes_space: bool) -> Answer<()> {
        match self.begin(takes_space)? {
            Some(Fault::Error) => {
                self.injected += 1;
                Err(Errno::EIO)
            }
            _ => Ok(()),
        }
    }

    fn file(&mut self, file: u64) -> Answer<&mut File> {
        self.files.get_mut(&file).ok_or(Errno::ENOENT)
    }

    pub(super) fn named(&self, name: &str) -> Answer<u64> {
        self.power()?;
        self.names.get(name).copied().ok_or(Errno::ENOENT)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = (&String, &u64)> {
        self.names.iter()
    }

    pub(super) fn len(&mut self, file: u64) -> Answer<u64> {
        self.power()?;
        Ok(self.file(file)?.now.len() as u64)
    }

    pub(super) fn create(&mut self, name: &str) -> Answer<u64> {
        self.begin_plainly(true)?;
        let file = self.next_file;
        self.next_file += 1;
        self.files.insert(file, File::default());
        self.names.insert(name.to_owned(), file);
        Ok(file)
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Answer<()> {
        self.begin_plainly(false)?;
        let file = self.names.remove(from).ok_or(Errno::ENOENT)?;
        self.names.insert(to.to_owned(), file);
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &str) -> Answer<()> {
        self.begin_plainly(false)?;
        self.names.remove(name).map(|_| ()).ok_or(Errno::ENOENT)
    }

    pub(super) fn set_len(&mut self, file: u64, len: usize) -> Answer<()> {
        self.begin_plainly(false)?;
        self.resize(file, len)
    }

    pub(super) fn allocate(&mut self, file: u64, end: usize) -> Answer<()> {
        self.begin_plainly(true)?;
        let len = self.file(file)?.now.len().max(end);
        self.resize(file, len)
    }

    fn resize(&mut self, file: u64, len: usize) -> Answer<()> {
        let file = self.file(file)?;
        let old = file.now.len();
        file.now.resize(len, 0);
        file.touch(old.min(len), old.max(len));
        Ok(())
    }

    pub(super) fn read(&mut self, file: u64, offset: usize, len: usize) -> Answer<Vec<u8>> {
        self.power()?;
        let bytes = &self.file(file)?.now;
        let end = (offset + len).min(bytes.len());
        Ok(bytes[offset.min(end)..end].to_vec())
    }

    /// Writes; how much of it.
    pub(super) fn write(&mut self, file: u64, offset: usize, bytes: &[u8]) -> Answer<usize> {
        let len = match self.begin(true)? {
            Some(Fault::Error) => {
                self.injected += 1;
                return Err(Errno::EIO);
            }
            Some(Fault::Short) if bytes.len() > SECTOR_BYTES => {
                self.injected += 1;
                self.fault = None;
                (bytes.len() / 2).next_multiple_of(SECTOR_BYTES)
            }
            _ => bytes.len(),
        };
        let file = self.file(file)?;
        let end = offset + len;
        if file.now.len() < end {
            file.now.resize(end, 0);
        }
        file.now[offset..end].copy_from_slice(&bytes[..len]);
        file.touch(offset, end);
        Ok(len)
    }

    /// Syncs a file's bytes and length. After a failure what was not synced is gone, although the
    /// kernel's cache may still show it.
    pub(super) fn sync(&mut self, file: u64) -> Answer<()> {
        let synced = self.begin_plainly(false);
        // The power cut takes care of what was not synced by itself.
        self.power()?;
        let file = self.file(file)?;
        let unsynced = std::mem::take(&mut file.unsynced);
        let (from, to) = match synced {
            Ok(()) => (&file.now, &mut file.durable),
            Err(_) => (&file.durable, &mut file.now),
        };
        to.resize(from.len(), 0);
        for sector in unsynced {
            copy_sector(from, to, sector);
        }
        synced
    }

    pub(super) fn sync_names(&mut self) -> Answer<()> {
        self.begin_plainly(false)?;
        self.durable_names.clone_from(&self.names);
        Ok(())
    }
}
