//! The past: segments that opening found unsealed, whose ends are settled. They are examined whole
//! and sealed while the log is in use already, so that opening need not wait for it.
//!
//! Until a segment is sealed it can be read, and be the past of the next process in turn. Where
//! threads are not allowed, whoever rotates, truncates or closes does it first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::image::End;
use super::rotate::seal_entry;
use super::state::Core;
use crate::error::{Error, Result};
use crate::format::checksum::Digest;
use crate::segment::{IndexBuilder, SealedEnd, SegmentEntry, Tail, examine_settled};
use crate::storage::{Access, Storage, StorageFile};
use crate::sync::{JoinHandle, Mutex, ThreadBuilder};
use crate::types::{Lsn, LsnRange};

/// A segment that is to be sealed where it ended.
#[derive(Debug)]
pub(crate) struct Unsealed {
    pub(crate) entry: Arc<SegmentEntry>,
    pub(crate) last_lsn: Lsn,
    pub(crate) digest: Digest,
    /// What it holds, where all of it was examined.
    pub(crate) examined: Option<Tail>,
}

impl Unsealed {
    /// Whether `tail`, which was found in the segment, is what it held when it ended.
    pub(crate) fn is_as_it_ended(&self, tail: &mut Tail) -> Result<()> {
        if let Some(error) = tail.unreadable.take() {
            return Err(error);
        }
        let path = self.entry.path().to_path_buf();
        if tail.last_lsn != self.last_lsn {
            let (offset, first) = (tail.stop_offset, tail.last_lsn.next());
            let last = self.last_lsn;
            let lsns = LsnRange { first, last };
            return Err(Error::Damaged { path, offset, lsns });
        }
        if tail.digest == self.digest {
            Ok(())
        } else {
            Err(Error::ReplacedSegment { path })
        }
    }
}

/// What is left to do about the past.
#[derive(Debug)]
pub(crate) struct Past {
    /// Where the log ended when it was opened.
    end: End,
    /// Oldest first. Held to take one out, never across I/O.
    queue: Mutex<VecDeque<Unsealed>>,
    /// Held while segments are examined and sealed: by one at a time. Taken before `queue`.
    working: Mutex<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
    is_cancelled: AtomicBool,
    /// The first thing that was found to be wrong.
    fault: Mutex<Option<Arc<Error>>>,
}

impl Past {
    pub(crate) fn new(end: End, unsealed: Vec<Unsealed>) -> Self {
        Self {
            end,
            queue: Mutex::new(unsealed.into()),
            working: Mutex::new(()),
            thread: Mutex::new(None),
            is_cancelled: AtomicBool::new(false),
            fault: Mutex::new(None),
        }
    }
}

impl Core {
    /// Has the past sealed by a thread, where there is any and threads are allowed.
    pub(crate) fn begin_with_past(self: &Arc<Self>) -> Result<()> {
        if self.past.queue.lock().is_empty() || !self.storage.allows_threads() {
            return Ok(());
        }
        let core = Arc::clone(self);
        let thread = ThreadBuilder::new()
            .name("wal-past".to_owned())
            .spawn(move || core.seal_past())
            .map_err(|source| Error::Io {
                operation: "start a thread for",
                path: self.storage.path().to_path_buf(),
                source,
            })?;
        *self.past.thread.lock() = Some(thread);
        Ok(())
    }

    /// Seals what is left of the past, and says what was wrong with it.
    pub(crate) fn finish_past(&self) -> Result<()> {
        self.seal_past();
        self.join_past();
        match &*self.past.fault.lock() {
            Some(fault) => Err(Error::Unsealed {
                source: Arc::clone(fault),
            }),
            None => Ok(()),
        }
    }

    /// As [`Self::finish_past`], where no thread does it. What is wrong is not the caller's concern.
    pub(crate) fn finish_past_without_thread(&self) {
        if !self.storage.allows_threads() {
            self.seal_past();
        }
    }

    /// Leaves what is not sealed yet to the next process.
    pub(crate) fn leave_past(&self) {
        self.past.is_cancelled.store(true, Ordering::Relaxed);
        self.join_past();
    }

    fn join_past(&self) {
        let thread = self.past.thread.lock().take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that seals the past panicked");
        }
    }

    fn seal_past(&self) {
        let _one_at_a_time = self.past.working.lock();
        while !self.past.is_cancelled.load(Ordering::Relaxed) {
            let Some(past) = self.past.queue.lock().pop_front() else {
                return;
            };
            if let Err(error) = self.examine_and_seal(&past) {
                self.note_fault(error, &past.entry);
            }
        }
    }

    fn examine_and_seal(&self, past: &Unsealed) -> Result<()> {
        let is_cancelled = || self.past.is_cancelled.load(Ordering::Relaxed);
        let Some(mut tail) = examine_settled(&past.entry, past.last_lsn, &is_cancelled)? else {
            return Ok(());
        };
        if tail.claimed_lsn > past.last_lsn {
            // Records had been acknowledged behind what was taken for the end, and their numbers are
            // being given out again.
            let lsns = LsnRange {
                first: past.last_lsn.next(),
                last: tail.claimed_lsn,
            };
            let path = past.entry.path().to_path_buf();
            let offset = tail.stop_offset;
            let mut state = self.state.lock();
            let error = state.poison(Error::Damaged { path, offset, lsns });
            self.changed.notify_all();
            self.waiters.end_round();
            drop(state);
            self.wake_everybody();
            return Err(error);
        }
        past.is_as_it_ended(&mut tail)?;
        seal_found(self.storage.as_ref(), &past.entry, &tail, &self.past.end)
    }

    /// Takes in that a segment of the past could not be sealed: its damage is told to whoever reads
    /// it or asks, and the log goes on. One that was truncated away meanwhile needs no seal.
    fn note_fault(&self, error: Error, entry: &Arc<SegmentEntry>) {
        if !self.view.holds(entry) {
            return;
        }
        tracing::error!(%error, segment = %entry.path().display(), "a segment of the past stays unsealed");
        self.past.fault.lock().get_or_insert(Arc::new(error));
    }
}

/// Seals a segment of the past as `tail` says.
pub(crate) fn seal_found(
    storage: &dyn Storage,
    entry: &SegmentEntry,
    tail: &Tail,
    log: &End,
) -> Result<()> {
    let file = open_for_writing(storage, entry)?;
    let index = tail.index.as_ref().and_then(IndexBuilder::snapshot);
    let end = SealedEnd {
        header: entry.header(),
        index: index.as_ref(),
        last_lsn: tail.last_lsn,
        digest: tail.digest,
        data_end: tail.data_end,
        start_lsn: log.start_lsn,
        sealed_at: log.last_timestamp,
        continued: true,
        shorten: true,
    };
    match seal_entry(entry, file.as_ref(), entry.path(), &end) {
        // It can be read without a footer, and is sealed when there is room.
        Err(error @ Error::DiskFull { .. }) => {
            tracing::warn!(%error, "a segment of the past stays unsealed");
            Ok(())
        }
        sealed => sealed,
    }
}

pub(crate) fn open_for_writing(
    storage: &dyn Storage,
    entry: &SegmentEntry,
) -> Result<Arc<dyn StorageFile>> {
    storage
        .open(entry.name(), Access::Write)
        .map_err(|source| Error::Io {
            operation: "open",
            path: entry.path().to_path_buf(),
            source,
        })
}
