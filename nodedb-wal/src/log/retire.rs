//! Retiring: whole segments at the front of the log are dropped or reused.

use std::sync::Arc;

use super::prepare::{self, Preparer};
use super::state::{Core, Disk, State};
use crate::error::{Error, Result};
use crate::format::layout::BLOCK_BYTES;
use crate::segment::SegmentEntry;
use crate::storage::Storage;
use crate::sync::MutexGuard;
use crate::types::Lsn;

/// What truncation dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Truncated {
    /// Segments dropped.
    pub segments: usize,
    /// Their files' bytes.
    pub bytes: u64,
    /// The oldest LSN there is now.
    pub start_lsn: Lsn,
}

impl Core {
    /// Retires every segment whose records are all before `before` and durable. First the log's
    /// new start is made durable, then the files go: after a crash in between, opening the log
    /// finishes the job, and a segment that is missing for another reason is told apart.
    pub(crate) fn truncate_before(self: &Arc<Self>, before: Lsn) -> Result<Truncated> {
        self.finish_past_without_thread();
        let mut state = self.usable()?;
        loop {
            if !self.fits_segment(&state, 0, BLOCK_BYTES) {
                // No room for one more frontier: it goes into a new segment.
                self.rotate_from(&mut state, self.limits.segment_bytes)?;
            }
            self.take_disk(&mut state, Disk::Writing)?;
            if !state.is_spent() {
                break;
            }
            // Whoever had the disk gave up a batch.
            self.release_disk(&mut state);
        }
        // A file that is being written is no space to be used again.
        self.finish_sealing(&mut state);
        let done = state
            .check_usable()
            .and_then(|()| self.truncate_with_disk(&mut state, before));
        self.release_disk(&mut state);
        done
    }

    fn truncate_with_disk(
        &self,
        state: &mut MutexGuard<'_, State>,
        before: Lsn,
    ) -> Result<Truncated> {
        let before = before.min(self.view.durable().next());
        let placed = self.view.find(before);
        let start_lsn = placed.map_or(state.start_lsn, |placed| placed.entry.header().first_lsn);
        if start_lsn <= state.start_lsn {
            return Ok(Truncated {
                segments: 0,
                bytes: 0,
                start_lsn: state.start_lsn,
            });
        }
        let old_start = std::mem::replace(&mut state.start_lsn, start_lsn);
        if let Err(error) = self.write_frontier(state) {
            state.start_lsn = old_start;
            return Err(error);
        }
        let retired = self.view.take_before(start_lsn);
        let (segments, bytes) = (retired.len(), retired.iter().map(|e| e.file_bytes()).sum());
        let recycled = MutexGuard::unlocked(state, || {
            drop_files(self.storage.as_ref(), &self.preparer, retired)
        })?;
        state.counters.segments_retired(segments, recycled);
        Ok(Truncated {
            segments,
            bytes,
            start_lsn,
        })
    }

    /// A write whose frontier carries the log's start, with whatever records wait.
    fn write_frontier(&self, state: &mut MutexGuard<'_, State>) -> Result<()> {
        self.write_pending(state)?;
        let write = self.cut(state);
        self.write_one(state, write)
    }
}

/// Drops or recycles the files of retired segments, oldest first, and gives back how many were
/// recycled.
pub(crate) fn drop_files(
    storage: &dyn Storage,
    preparer: &Preparer,
    retired: Vec<Arc<SegmentEntry>>,
) -> Result<usize> {
    let mut recycled = Vec::new();
    for entry in retired {
        // A reader that still holds the segment must not see its file written again.
        let is_read = Arc::strong_count(&entry) > 1;
        let space = if is_read {
            None
        } else {
            preparer.recycle(entry.name(), entry.file_bytes(), recycled.len())?
        };
        match space {
            Some(name) => recycled.push(name),
            None => prepare::remove(storage, entry.name())?,
        }
    }
    storage.sync_directory().map_err(|source| Error::Io {
        operation: "sync",
        path: storage.path().to_path_buf(),
        source,
    })?;
    let count = recycled.len();
    preparer.offer(recycled);
    Ok(count)
}
