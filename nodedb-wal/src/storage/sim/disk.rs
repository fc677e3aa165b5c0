//! The simulated disk as a test holds it: power, time, faults and what survives.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::crash::{CrashPlan, SectorId, Survivors};
use super::faults::{FaultCounts, FaultPlan, Operation};
use super::names::{FileId, NameChange};
use super::room::SimStorage;
use super::state::State;
use crate::storage::{IoMode, Storage};
use crate::sync::{Mutex, MutexGuard};
use crate::types::Timestamp;

/// A disk in memory with one directory on it. Clones are the same disk; [`Self::fork`] makes
/// another one.
#[derive(Clone)]
pub struct SimDisk {
    /// Held for one operation at a time, never across a call into anything else.
    state: Arc<Mutex<State>>,
}

impl SimDisk {
    /// An empty disk. All chance comes from `seed`: the same calls on a disk of the same seed have
    /// the same effects.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::of(State::new(seed))
    }

    /// The door to the disk, for one run of a program: after [`Self::restart`] or
    /// [`Self::kill_process`] everything that came from it is dead, and the next run needs another.
    #[must_use]
    pub fn storage(&self) -> Arc<dyn Storage> {
        Arc::new(SimStorage::new(self.clone()))
    }

    /// An independent copy of the disk as it is, with everything that is not durable, but with no
    /// file open and the lock free. Memory is shared until either changes.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::of(self.state().fork())
    }

    /// What [`Storage::io_mode`] says, and how writes behave: a direct write makes its own bytes
    /// durable (and the file's length, if it needs it), a buffered one everything of the file.
    /// The default is direct.
    pub fn set_io_mode(&self, io_mode: IoMode) {
        self.state().io_mode = io_mode;
    }

    /// What was set so.
    #[must_use]
    pub fn io_mode(&self) -> IoMode {
        self.state().io_mode
    }

    /// What [`Storage::allows_threads`] says. The default is no: with threads, runs are not
    /// repeatable.
    pub fn set_allows_threads(&self, allows_threads: bool) {
        self.state().allows_threads = allows_threads;
    }

    /// What the disk's clock shows.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.state().clock.now()
    }

    /// Sets the clock, to later or earlier.
    pub fn set_time(&self, time: Timestamp) {
        self.state().clock.set(time);
    }

    /// Time passes.
    pub fn advance(&self, time: Duration) {
        self.state().clock.advance(time);
    }

    /// How much time passes with each operation, each read and each look at the clock. The default
    /// is a microsecond.
    pub fn set_time_step(&self, step: Duration) {
        self.state().clock.set_step(step);
    }

    /// How many operations there were that change something or make something durable: creations,
    /// renames, removals, directory syncs, writes, changes of length, syncs; failed ones too, but
    /// not those that were refused for what they asked. It goes on counting after a restart.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations.len() as u64
    }

    /// What each of the [`Self::operations`] was, so that a test can aim at the third sync, or say
    /// where it crashed.
    #[must_use]
    pub fn history(&self) -> Vec<Operation> {
        self.state().operations.clone()
    }

    /// How many reads of files there were.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.state().reads
    }

    /// The power goes during the operation of this number, as [`Self::operations`] counts from 0: it
    /// has its whole effect, of which nothing is durable. It and everything after it fails with
    /// [`PowerLost`](super::PowerLost). Replaces what was asked before.
    ///
    /// Then one of the crash methods decides what survives, and [`Self::restart`] goes on.
    pub fn crash_at(&self, operation: u64) {
        self.state().crash_at = Some(operation);
    }

    /// Whether the power is on.
    #[must_use]
    pub fn is_powered(&self) -> bool {
        self.state().is_powered()
    }

    /// The power goes, now if it has not gone yet, and chance decides what survives.
    pub fn crash(&self, plan: &CrashPlan) {
        self.state().crash_by_chance(plan);
    }

    /// The power goes; of the unsynced sectors exactly these survive, and of the lengths and names
    /// all, as under a file system whose journal was quicker than its data.
    pub fn crash_keeping(&self, sectors: &[SectorId]) {
        let mut state = self.state();
        let mut survivors = state.unsynced();
        survivors.sectors = sectors.iter().copied().collect();
        state.crash_exactly(&survivors);
    }

    /// The power goes, and exactly this survives of what is unsynced.
    pub fn crash_exactly(&self, survivors: &Survivors) {
        self.state().crash_exactly(survivors);
    }

    /// The power comes back: the next [`Self::storage`] sees what survived. If none of the crash
    /// methods decided what that is, chance decides, as with [`CrashPlan::atomic_sectors`].
    pub fn restart(&self) {
        let mut state = self.state();
        if state.is_undecided() {
            let seed = state.chance().bits();
            state.crash_by_chance(&CrashPlan::atomic_sectors(seed));
        }
        state.power_on();
    }

    /// The program dies and the machine goes on: nothing is lost, unsynced changes stay to be
    /// synced or lost later. After [`Self::crash_at`] struck, it is as if the program had been
    /// killed at the end of that operation.
    pub fn kill_process(&self) {
        let mut state = self.state();
        state.forget_process();
        state.power_on();
    }

    /// What is not durable now; more than this cannot survive.
    #[must_use]
    pub fn unsynced(&self) -> Survivors {
        self.state().unsynced()
    }

    /// The sectors that are not durable as they are, in order of file and place.
    #[must_use]
    pub fn unsynced_sectors(&self) -> Vec<SectorId> {
        self.state().unsynced().sectors.into_iter().collect()
    }

    /// The changes of the directory that are not durable, in order.
    #[must_use]
    pub fn unsynced_names(&self) -> Vec<NameChange> {
        self.state().names.unsynced().cloned().collect()
    }

    /// The file that has this name now.
    #[must_use]
    pub fn file_id(&self, name: &str) -> Option<FileId> {
        self.state().names.file(name).ok()
    }

    /// Sets what goes wrong from now on, in place of what was set before.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.state().plan = plan;
    }

    /// How many faults of each kind there were. A fork starts with the counts of its origin.
    #[must_use]
    pub fn faults(&self) -> FaultCounts {
        self.state().counts.clone()
    }

    fn of(state: State) -> Self {
        let state = Arc::new(Mutex::new(state));
        Self { state }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl fmt::Debug for SimDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimDisk").finish_non_exhaustive()
    }
}
