//! The witness: when the log has been idle for a while, one more frontier, in a block of its own,
//! says that the last write was durable. Damage to that write is told from a torn one from then on.
//!
//! A thread watches for idle times. It sleeps without a timer while there is nothing to vouch for,
//! and while writes go on it looks once per idle time. Where threads are not allowed, nobody does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::state::{Core, Disk, State};
use crate::error::{Error, Result};
use crate::format::layout::BLOCK_BYTES;
use crate::sync::{Condvar, JoinHandle, MutexGuard, ThreadBuilder};
use crate::types::Lsn;

/// How the thread is told.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    /// There is something to vouch for, or the log ends. Waited on with `Core::state`.
    asked: Condvar,
}

/// The part of the state that is about vouching.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Some frontier or segment header says that everything up to here was durable.
    pub(crate) vouched_lsn: Lsn,
    /// When the last write ended.
    last_write: Option<Instant>,
    /// Whether the thread sleeps until it is told.
    is_parked: bool,
    /// Whether vouching for the last write was tried and did not go.
    has_failed: bool,
    thread: Option<JoinHandle<()>>,
    is_over: bool,
}

/// What the thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Sleep until there is something to vouch for.
    Park,
    SleepFor(Duration),
    Vouch,
}

/// The thread's decision: `idle` is how long ago the last write ended.
fn next(is_vouched: bool, is_busy: bool, idle: Duration, after: Duration) -> Next {
    match (is_vouched, is_busy, after.saturating_sub(idle)) {
        (true, ..) => Next::Park,
        (false, true, _) => Next::SleepFor(after.max(Duration::from_millis(1))),
        (false, false, Duration::ZERO) => Next::Vouch,
        (false, false, left) => Next::SleepFor(left),
    }
}

impl Watch {
    pub(crate) fn from(vouched_lsn: Lsn) -> Self {
        Self {
            vouched_lsn,
            last_write: None,
            is_parked: false,
            has_failed: false,
            thread: None,
            is_over: false,
        }
    }
}

impl Core {
    /// Has a thread watch for idle times of this length.
    pub(crate) fn begin_to_watch(self: &Arc<Self>, after: Duration) -> Result<()> {
        if !self.storage.allows_threads() {
            return Ok(());
        }
        let core = Arc::clone(self);
        let thread = ThreadBuilder::new()
            .name("wal-witness".to_owned())
            .spawn(move || core.watch(after))
            .map_err(|source| Error::Io {
                operation: "start a thread for",
                path: self.storage.path().to_path_buf(),
                source,
            })?;
        self.state.lock().watch.thread = Some(thread);
        Ok(())
    }

    /// Ends the thread, after the write it is at.
    pub(crate) fn end_watch(&self) {
        let thread = {
            let mut state = self.state.lock();
            state.watch.is_over = true;
            self.watcher.asked.notify_all();
            state.watch.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that vouches for the last write panicked");
        }
    }

    /// Takes in that a write ended.
    pub(crate) fn note_write(&self, state: &mut State) {
        if state.watch.thread.is_none() {
            return;
        }
        state.watch.last_write = Some(Instant::now());
        state.watch.has_failed = false;
        if std::mem::take(&mut state.watch.is_parked) {
            self.watcher.asked.notify_one();
        }
    }

    fn watch(self: &Arc<Self>, after: Duration) {
        let mut state = self.state.lock();
        while !state.watch.is_over {
            let is_over = state.check_usable().is_err() || state.refused.is_some();
            let is_vouched = is_over || state.watch.has_failed || !self.needs_witness(&state);
            let idle = state.watch.last_write.map_or(after, |at| at.elapsed());
            match next(is_vouched, state.disk != Disk::Idle, idle, after) {
                Next::Park => {
                    state.watch.is_parked = true;
                    self.watcher.asked.wait(&mut state);
                }
                Next::SleepFor(left) => {
                    // Woken early or late, it looks again.
                    let _timed_out = self.watcher.asked.wait_for(&mut state, left);
                }
                Next::Vouch => {
                    // A failed write has poisoned the log, and whoever writes next is told.
                    if let Err(error) = self.vouch(&mut state) {
                        state.watch.has_failed = true;
                        tracing::debug!(%error, "nothing vouches for the last write");
                    }
                }
            }
        }
    }

    /// Vouches for the last write, unless something does already; whether it was needed.
    pub(crate) fn witness(self: &Arc<Self>) -> Result<bool> {
        let mut state = self.usable()?;
        let needed = self.needs_witness(&state);
        if needed {
            self.vouch(&mut state)?;
        }
        Ok(needed)
    }

    /// Whether nothing vouches for the last write, or it is not even synced.
    fn needs_witness(&self, state: &State) -> bool {
        state.watch.vouched_lsn < self.view.durable() || !state.unsynced.is_empty()
    }

    fn vouch(self: &Arc<Self>, state: &mut MutexGuard<'_, State>) -> Result<()> {
        if !self.fits_segment(state, 0, 2 * BLOCK_BYTES) {
            // The header of the next segment says it as well.
            return self.rotate_from(state, self.limits.segment_bytes);
        }
        self.take_disk(state, Disk::Writing)?;
        if state.is_spent() {
            // Whoever had the disk gave up a batch.
            self.release_disk(state);
            return self.rotate_from(state, self.limits.segment_bytes);
        }
        let written = if state.filling.is_empty() && state.refused.is_none() {
            self.sync_written(state).and_then(|()| {
                // Not in the block of what it vouches for: one damage must not take both. Unless records
                // came while the sync was on its way, which stand there.
                if state.filling.is_empty() {
                    state.filling.leave_block();
                }
                let write = self.cut(state);
                self.write_one(state, write)
            })
        } else {
            self.write_pending(state)
        };
        self.release_disk(state);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_vouches_once_it_is_idle_and_sleeps_otherwise() {
        let ms = Duration::from_millis;
        let table = [
            (true, false, ms(50), Next::Park),
            (true, true, ms(0), Next::Park),
            (false, true, ms(50), Next::SleepFor(ms(10))),
            (false, false, ms(3), Next::SleepFor(ms(7))),
            (false, false, ms(10), Next::Vouch),
            (false, false, ms(50), Next::Vouch),
        ];
        for (is_vouched, is_busy, idle, expected) in table {
            assert_eq!(next(is_vouched, is_busy, idle, ms(10)), expected);
        }
    }
}
