//! A catalog's bytes in memory, beside a simulated log and on the same power.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nodedb_node::catalog::Medium;
use nodedb_wal::storage::sim::{CrashPlan, PowerLost, SimDisk};

use crate::random::Random;

/// What survives whole or not at all.
const SECTOR: usize = 512;

/// A medium without power keeps what was synced, and of the rest whichever sectors chance has it.
/// Clones are the same medium.
#[derive(Clone, Debug)]
pub struct SimMedium {
    disk: SimDisk,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    durable: Vec<u8>,
    current: Vec<u8>,
    unsynced: Vec<Range<usize>>,
    operations: u64,
    crash_at: Option<u64>,
}

impl SimMedium {
    /// An empty medium on the power of `disk`.
    #[must_use]
    pub fn new(disk: &SimDisk) -> Self {
        Self {
            disk: disk.clone(),
            state: Arc::default(),
        }
    }

    /// Writes, changes of length and syncs so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// The power of the disk, and of this, goes during the operation of this number, counted from 0.
    pub fn crash_at(&self, operation: Option<u64>) {
        self.state().crash_at = operation;
    }

    /// Decides what survives, while the power is off.
    pub fn settle(&self, random: &mut Random) {
        let mut guard = self.state();
        let state = &mut *guard;
        let len = random.pick(&[state.durable.len(), state.current.len()]);
        state.durable.resize(len, 0);
        for range in std::mem::take(&mut state.unsynced) {
            let mut start = range.start;
            while start < range.end {
                let end = range.end.min((start / SECTOR + 1) * SECTOR);
                if end <= len.min(state.current.len()) && random.percent(50) {
                    state.durable[start..end].copy_from_slice(&state.current[start..end]);
                }
                start = end;
            }
        }
        state.current.clone_from(&state.durable);
        state.crash_at = None;
    }

    /// A copy of what is durable, as somebody makes one who backs files up.
    #[must_use]
    pub fn copy(&self) -> Vec<u8> {
        self.state().durable.clone()
    }

    /// Puts a copy in place of what is there; an empty one is a lost file.
    pub fn put_back(&self, bytes: &[u8]) {
        let mut state = self.state();
        state.durable = bytes.to_vec();
        state.current = bytes.to_vec();
        state.unsynced.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a counted operation, unless the power is off; the power may go with it.
    fn operate(&self, change: impl FnOnce(&mut State), synced: bool) -> io::Result<()> {
        self.check()?;
        let mut guard = self.state();
        let state = &mut *guard;
        let operation = state.operations;
        state.operations += 1;
        change(state);
        if state.crash_at == Some(operation) {
            self.disk.crash(&CrashPlan::atomic_sectors(operation));
            return Err(io::Error::other(PowerLost));
        }
        if synced {
            let State {
                durable, current, ..
            } = state;
            durable.resize(current.len(), 0);
            for range in std::mem::take(&mut state.unsynced) {
                let end = range.end.min(current.len());
                if range.start < end {
                    durable[range.start..end].copy_from_slice(&current[range.start..end]);
                }
            }
        }
        Ok(())
    }

    fn check(&self) -> io::Result<()> {
        if self.disk.is_powered() {
            return Ok(());
        }
        Err(io::Error::other(PowerLost))
    }
}

fn index(number: u64) -> io::Result<usize> {
    usize::try_from(number).map_err(io::Error::other)
}

impl Medium for SimMedium {
    fn len(&self) -> io::Result<u64> {
        self.check()?;
        Ok(self.state().current.len() as u64)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.check()?;
        let start = index(offset)?;
        let state = self.state();
        let found = state.current.get(start..start + bytes.len());
        let found = found.ok_or(io::ErrorKind::UnexpectedEof)?;
        bytes.copy_from_slice(found);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = index(offset)?;
        let end = start + bytes.len();
        let change = |state: &mut State| {
            if state.current.len() < end {
                state.current.resize(end, 0);
            }
            state.current[start..end].copy_from_slice(bytes);
            state.unsynced.push(start..end);
        };
        self.operate(change, false)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = index(len)?;
        self.operate(|state| state.current.resize(len, 0), false)
    }

    fn sync(&self) -> io::Result<()> {
        self.operate(|_| (), true)
    }
}
