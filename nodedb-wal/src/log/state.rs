//! What the writing side of a log is made of, and who may touch what.

use std::path::PathBuf;
use std::sync::Arc;

use super::bulk::Unsynced;
use super::commit_async::Pending;
use super::followers::Followers;
use super::handover::{Handed, Handover};
use super::past::Past;
use super::prepare::Preparer;
use super::sealing::{Sealer, Sealing};
use super::shares::Shares;
use super::space_pool::Space;
use super::stats::{Counters, Waits};
use super::sync_behind::{Syncer, Syncing};
use super::view::View;
use super::waiters::{Sleepers, Waiters};
use super::witness::{Watch, Watcher};
use crate::config::TailPolicy;
use crate::error::{Error, Result};
use crate::format::checksum::{Digest, HeaderSeed};
use crate::segment::{IndexBuilder, SegmentEntry, WriteBuffer};
use crate::storage::{DirectoryLock, Storage, StorageFile};
use crate::sync::{AtomicU64, Condvar, Mutex, MutexGuard};
use crate::types::{Lsn, Timestamp};

/// The settings the write path needs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) segment_bytes: u64,
    pub(crate) payload_bytes_max: u32,
    pub(crate) batch_bytes_max: u64,
    pub(crate) buffer_bytes: usize,
    pub(crate) tail_policy: TailPolicy,
}

/// A log that is open.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) limits: Limits,
    pub(crate) view: Arc<View>,
    pub(crate) preparer: Preparer,
    pub(crate) state: Mutex<State>,
    /// The disk is free again, a segment was sealed, or the log takes no more calls. Whoever needs
    /// the disk itself waits on this, with `state`: appends that need room, rotation, truncation.
    pub(crate) changed: Condvar,
    /// A write ended, or the log takes no more calls: the turn of appends that have filled their
    /// tenant's share of the write that is being filled. They wait on this with `state`, and whoever
    /// is woken and lets the next one in wakes it.
    pub(crate) turn: Condvar,
    /// Whoever waits for a record to be durable.
    pub(crate) waiters: Waiters,
    /// The thread that writes full buffers.
    pub(crate) handover: Handover,
    /// The thread that vouches for the last write.
    pub(crate) watcher: Watcher,
    /// The thread that syncs every so often.
    pub(crate) syncer: Syncer,
    /// The thread that seals segments.
    pub(crate) sealer: Sealer,
    /// Futures that wait for the same.
    pub(crate) pending: Pending,
    /// Whoever follows the durable frontier and commits nothing.
    pub(crate) followers: Followers,
    /// Segments of earlier processes that are not sealed yet.
    pub(crate) past: Past,
    pub(crate) commits: AtomicU64,
    /// How long commits waited.
    pub(crate) waits: Waits,
}

/// The writing side, under one lock that is never held across I/O.
#[derive(Debug)]
pub(crate) struct State {
    /// The LSN the next record gets.
    pub(crate) next_lsn: Lsn,
    /// No record so far is later.
    pub(crate) last_timestamp: Timestamp,
    /// The oldest LSN the log promises to hold.
    pub(crate) start_lsn: Lsn,
    /// The segment that takes records; `None` only before the first and after `close`.
    pub(crate) active: Option<Active>,
    /// Records that wait for a write.
    pub(crate) filling: WriteBuffer,
    /// Where the batch starts that is being placed in parts.
    pub(crate) batch_from: Option<u64>,
    /// What each tenant has filled of them.
    pub(crate) shares: Shares,
    /// A write that found no room on the disk, to be tried again before anything else.
    pub(crate) refused: Option<WriteBuffer>,
    /// What the thread that writes full buffers is to do.
    pub(crate) handed: Handed,
    /// What was written of the active segment and is not synced.
    pub(crate) unsynced: Unsynced,
    /// What vouches for the last write.
    pub(crate) watch: Watch,
    /// What becomes durable unasked, and when.
    pub(crate) syncing: Syncing,
    /// The segment that is full and not sealed yet.
    pub(crate) sealing: Sealing,
    /// A buffer that is not in use.
    pub(crate) spare: WriteBuffer,
    /// Who is at the disk. Whoever sets it to something else than `Idle` sets it back.
    pub(crate) disk: Disk,
    /// Committers who went to sleep since the disk was last given back.
    pub(crate) sleepers: Sleepers,
    /// How many they were when it was.
    pub(crate) slept: u64,
    /// Writes cut since the log was opened: the number of the write on its way, or of the last.
    pub(crate) writes_cut: u64,
    /// The last record of that write.
    pub(crate) last_cut_lsn: Lsn,
    pub(crate) poison: Option<Arc<Error>>,
    pub(crate) is_closed: bool,
    pub(crate) counters: Counters,
    /// The directory's lock, given back by `close`.
    pub(crate) lock: Option<Box<dyn DirectoryLock>>,
}

/// What is under way at the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// Nothing: the next waiter may write.
    Idle,
    /// A write; records may be appended meanwhile.
    Writing,
    /// A new segment is being started; appending waits.
    Rotating,
    /// A batch is being placed in parts; appending waits.
    Batch,
}

impl Disk {
    /// Whether records may be appended meanwhile.
    pub(crate) fn admits_records(self) -> bool {
        matches!(self, Self::Idle | Self::Writing)
    }
}

/// The segment that takes records.
#[derive(Debug)]
pub(crate) struct Active {
    pub(crate) entry: Arc<SegmentEntry>,
    /// Opened for durable writes.
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) seed: HeaderSeed,
    pub(crate) index: IndexBuilder,
    pub(crate) digest: Digest,
    /// Writes built so far.
    pub(crate) writes: u64,
    pub(crate) space: Space,
    /// Records that end here or before fit for sure.
    pub(crate) roomy_end: u64,
    /// Whether the segment after this one was asked for.
    pub(crate) asked_for_next: bool,
    /// Whether space for it was asked for, a bulk load going on.
    pub(crate) asked_for_space: bool,
    /// Whether parts of a batch that was given up stand behind the last record: whole records, which
    /// nothing may be written in front of. The segment takes nothing more.
    pub(crate) is_spent: bool,
}

/// Writes of this many bytes on average are a bulk load: a stream that fills its buffers, or large
/// batches. Writing into space that was never written costs such a write little, and a commit of
/// one block as much as the write itself.
const BULK_WRITE_BYTES: u64 = 256 * 1024;

impl Active {
    /// Whether the segment, filled up to `position`, was filled by large writes.
    pub(crate) fn is_bulk(&self, position: u64) -> bool {
        position >= self.writes * BULK_WRITE_BYTES
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.entry.path().to_path_buf()
    }
}

impl Core {
    /// The state, when the log still takes calls.
    pub(crate) fn usable(&self) -> Result<MutexGuard<'_, State>> {
        let state = self.state.lock();
        state.check_usable()?;
        Ok(state)
    }

    /// Waits until the disk is idle and takes it for `purpose`.
    pub(crate) fn take_disk(&self, state: &mut MutexGuard<'_, State>, purpose: Disk) -> Result<()> {
        while state.disk != Disk::Idle {
            self.changed.wait(state);
            state.check_usable()?;
        }
        state.disk = purpose;
        Ok(())
    }

    /// Gives the disk back and wakes whoever waited for that, outside the lock.
    pub(crate) fn release_disk(&self, state: &mut MutexGuard<'_, State>) {
        state.disk = Disk::Idle;
        state.slept = std::mem::take(&mut state.sleepers).count();
        self.waiters.end_round();
        self.changed.notify_all();
        let write = state.writes_cut;
        // After a failure nobody is left to be the next writer for the others.
        let is_over = state.check_usable().is_err() || state.refused.is_some();
        MutexGuard::unlocked(state, || {
            if is_over {
                self.turn.notify_all();
                self.wake_everybody();
            } else {
                self.turn.notify_one();
                self.waiters.wake_after(write);
                self.followers.tell(self.view.durable());
            }
        });
    }
}

impl Core {
    /// Wakes whoever sleeps until something is durable: it looks again whether the log goes on. Called
    /// with no lock held.
    pub(crate) fn wake_everybody(&self) {
        self.waiters.wake_everybody();
        self.followers.tell_all();
    }
}

impl State {
    /// Where the last record ends that others may know of.
    pub(crate) fn data_end(&self) -> u64 {
        self.batch_from.unwrap_or_else(|| self.filling.position())
    }

    /// Whether the active segment takes nothing more.
    pub(crate) fn is_spent(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.is_spent)
    }

    /// # Errors
    ///
    /// [`Error::Poisoned`] or [`Error::Closed`].
    pub(crate) fn check_usable(&self) -> Result<()> {
        if let Some(cause) = &self.poison {
            return Err(Error::Poisoned {
                source: Arc::clone(cause),
            });
        }
        if self.is_closed {
            Err(Error::Closed)
        } else {
            Ok(())
        }
    }

    /// Stops the log for good, and gives back what the caller is told.
    pub(crate) fn poison(&mut self, cause: Error) -> Error {
        tracing::error!(error = %cause, "a write failed; the log stops until it is opened again");
        let cause = Arc::new(cause);
        self.poison.get_or_insert_with(|| Arc::clone(&cause));
        Error::Poisoned { source: cause }
    }

    /// The wall clock, but never before a record that is there: read when the first record of a
    /// write comes, and roughly for those behind it.
    pub(crate) fn read_time(&self, storage: &dyn Storage) -> Timestamp {
        let now = if self.filling.is_empty() {
            storage.now()
        } else {
            storage.now_roughly()
        };
        self.last_timestamp.max(now)
    }
}
