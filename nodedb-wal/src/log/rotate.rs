//! Rotation: a new segment is started behind the active one, and the old one is left to be sealed.
//!
//! The new one comes first, so that a segment that was sealed in rotation always has one behind
//! it: if it is gone, somebody removed it. Between the two steps the old segment is unsealed and not
//! the last; opening the log finishes that.

use std::path::Path;
use std::sync::Arc;

use super::sealing::Ended;
use super::space_pool::{Prepared, Space};
use super::state::{Active, Core, Disk, State};
use crate::error::{Error, Result};
use crate::format::SegmentHeader;
use crate::format::checksum::Digest;
use crate::format::file_name;
use crate::format::layout::{BLOCK_BYTES, DATA_START};
use crate::segment::{IndexBuilder, SealedEnd, SegmentEntry, seal};
use crate::storage::{AlignedBuf, Storage, StorageFile, WriteError};
use crate::sync::MutexGuard;

impl Core {
    /// Starts a new segment and seals the old one. Records appended before are durable then.
    pub(crate) fn rotate(self: &Arc<Self>) -> Result<()> {
        self.finish_past_without_thread();
        let mut state = self.usable()?;
        self.rotate_from(&mut state, self.limits.segment_bytes)?;
        self.finish_sealing(&mut state);
        state.check_usable()
    }

    /// Starts a new segment of this length, with the state at hand, and has the old one sealed without
    /// waiting for that. A segment without records stays the active one, if it is as long.
    pub(crate) fn rotate_from(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        capacity: u64,
    ) -> Result<()> {
        self.take_disk(state, Disk::Rotating)?;
        let started = self.rotate_with_disk(state, capacity);
        self.release_disk(state);
        started
    }

    /// As [`Self::rotate_from`], for a caller that has the disk.
    pub(crate) fn rotate_with_disk(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        capacity: u64,
    ) -> Result<()> {
        // One at a time: the segment before the old one comes first.
        self.finish_sealing(state);
        state.check_usable()?;
        if let Some(ended) = self.start_segment(state, capacity)? {
            self.seal_behind(state, ended);
        }
        Ok(())
    }

    /// Starts the segment behind the active one, and gives back the old one; or in its place, when it
    /// has no record and is too short, or takes none.
    fn start_segment(
        &self,
        state: &mut MutexGuard<'_, State>,
        capacity: u64,
    ) -> Result<Option<Ended>> {
        let Some(active) = &state.active else {
            return Err(Error::Closed);
        };
        let old = active.entry.header();
        let has_records = state.next_lsn > old.first_lsn;
        if !has_records && !active.is_spent && old.capacity >= capacity {
            return Ok(None);
        }
        // What can find the disk full comes first, before anything is changed.
        let prepared = self.space_for(state, capacity)?;
        if let Err(error) = self.write_pending(state) {
            MutexGuard::unlocked(state, || self.preparer.give_back(prepared));
            return Err(error);
        }
        let Some(active) = state.active.take() else {
            return Err(Error::Closed);
        };
        let header = header_behind(&active, state, capacity);
        let data_end = state.filling.position();
        let begun = MutexGuard::unlocked(state, || begin_segment(&self.storage, prepared, header));
        match begun {
            Ok(new) => {
                self.go_on_in(state, new, has_records);
                Ok(has_records.then(|| Ended {
                    active,
                    last_lsn: state.next_lsn.previous(),
                    data_end,
                    start_lsn: state.start_lsn,
                    sealed_at: state.last_timestamp,
                }))
            }
            Err(Begin::NoSpace(error, prepared)) => {
                MutexGuard::unlocked(state, || self.preparer.give_back(prepared));
                state.active = Some(active);
                Err(error)
            }
            Err(Begin::Failed(error)) => {
                state.active = Some(active);
                Err(state.poison(error))
            }
        }
    }

    /// A file for the next segment.
    fn space_for(&self, state: &mut MutexGuard<'_, State>, capacity: u64) -> Result<Prepared> {
        let position = state.filling.position();
        let active = state.active.as_ref();
        let is_bulk = active.is_some_and(|active| active.is_bulk(position));
        MutexGuard::unlocked(state, || {
            if capacity > self.limits.segment_bytes {
                self.preparer.make_fitted(capacity)
            } else if is_bulk {
                self.preparer.take_quickly()
            } else {
                self.preparer.take()
            }
        })
    }

    /// Makes `new` the segment that takes records, behind the others or in place of the last.
    fn go_on_in(&self, state: &mut State, mut new: Active, is_behind: bool) {
        if is_behind {
            self.view.push(Arc::clone(&new.entry));
        } else {
            self.view.replace_last(Arc::clone(&new.entry));
        }
        state.counters.segment_began(new.space);
        if new.space == Space::Fitted {
            // It is left as soon as there is another.
            new.asked_for_next = true;
            self.preparer.want_next();
        }
        state.active = Some(new);
        state.filling.start_at(DATA_START);
        state.watch.vouched_lsn = state.next_lsn.previous();
    }
}

/// The header of the segment that comes behind `active`, or in its place when that has no record.
fn header_behind(active: &Active, state: &State, capacity: u64) -> SegmentHeader {
    let old = *active.entry.header();
    let renewed = SegmentHeader {
        created_at: state.last_timestamp,
        capacity,
        start_lsn: state.start_lsn,
        ..old
    };
    if state.next_lsn == old.first_lsn {
        return renewed;
    }
    SegmentHeader {
        number: old.number + 1,
        first_lsn: state.next_lsn,
        previous_last_lsn: state.next_lsn.previous(),
        previous_digest: active.digest,
        ..renewed
    }
}

/// Why a segment could not be started.
#[derive(Debug)]
pub(crate) enum Begin {
    /// No room; the file is as good as before.
    NoSpace(Error, Prepared),
    Failed(Error),
}

/// Turns a prepared file into the segment with this header, under a fresh salt. When it returns, the
/// segment is there after a crash, and the log may write to it.
pub(crate) fn begin_segment(
    storage: &Arc<dyn Storage>,
    prepared: Prepared,
    header: SegmentHeader,
) -> std::result::Result<Active, Begin> {
    let name = file_name::segment(header.first_lsn);
    let path = storage.path().join(&name);
    let io = |operation, source| {
        Begin::Failed(Error::Io {
            operation,
            path: path.clone(),
            source,
        })
    };
    let mut salt = [0; 8];
    storage
        .fill_random(&mut salt)
        .map_err(|source| io("draw a salt for", source))?;
    let header = SegmentHeader {
        salt: u64::from_le_bytes(salt),
        ..header
    };
    let mut block = AlignedBuf::zeroed(BLOCK_BYTES);
    block.as_mut_slice().copy_from_slice(&header.encode_block());
    match prepared.file.write_durable(block.as_slice(), 0) {
        Ok(()) => {}
        Err(WriteError::NoSpace(source)) => {
            return Err(Begin::NoSpace(Error::DiskFull { path, source }, prepared));
        }
        Err(WriteError::Failed(source)) => return Err(io("write", source)),
    }
    storage
        .rename(&prepared.name, &name)
        .map_err(|source| io("rename", source))?;
    storage
        .sync_directory()
        .map_err(|source| io("sync the directory of", source))?;
    let entry = SegmentEntry::started(storage, name, header);
    Ok(Active {
        entry: Arc::new(entry),
        file: prepared.file,
        seed: header.seed(),
        index: IndexBuilder::default(),
        digest: Digest::EMPTY,
        writes: 0,
        space: prepared.space,
        roomy_end: 0,
        asked_for_next: false,
        asked_for_space: false,
        is_spent: false,
    })
}

/// Seals a segment and lets its readers know.
pub(crate) fn seal_entry(
    entry: &SegmentEntry,
    file: &dyn StorageFile,
    path: &Path,
    end: &SealedEnd<'_>,
) -> Result<()> {
    let trailer = seal(file, path, end)?;
    entry.set_sealed(trailer);
    Ok(())
}
