//! Rotation: a new segment is started behind the active one, then the old one is sealed.
//!
//! The new one comes first, so that a segment that was sealed in rotation always has one behind
//! it: if it is gone, somebody removed it. Between the two steps the old segment is unsealed and not
//! the last; opening the log finishes that.

use std::path::Path;
use std::sync::Arc;

use parking_lot::MutexGuard;

use super::prepare::{Prepared, Space};
use super::state::{Active, Core, Disk, State};
use crate::error::{Error, Result};
use crate::format::SegmentHeader;
use crate::format::checksum::Digest;
use crate::format::file_name;
use crate::format::layout::{BLOCK_BYTES, DATA_START};
use crate::segment::{IndexBuilder, SealedEnd, SegmentEntry, seal};
use crate::storage::{AlignedBuf, Storage, StorageFile, WriteError};
use crate::types::{Lsn, Timestamp};

/// How a segment ended, for its seal and for the header of the next.
#[derive(Debug)]
struct Ended {
    active: Active,
    last_lsn: Lsn,
    data_end: u64,
}

impl Core {
    /// Starts a new segment and seals the old one. Records appended before are durable then.
    pub(crate) fn rotate(&self) -> Result<()> {
        let mut state = self.usable()?;
        self.rotate_from(&mut state)
    }

    /// As [`Self::rotate`], with the state at hand. A segment without records stays the active one.
    pub(crate) fn rotate_from(&self, state: &mut MutexGuard<'_, State>) -> Result<()> {
        self.take_disk(state, Disk::Rotating)?;
        let started = self.start_segment(state);
        self.release_disk(state);
        let Some(ended) = started? else { return Ok(()) };
        let (start_lsn, sealed_at) = (state.start_lsn, state.last_timestamp);
        // The old segment is no longer written by anybody, so records go on meanwhile.
        let sealed = MutexGuard::unlocked(state, || seal_ended(&ended, start_lsn, sealed_at));
        match sealed {
            Ok(()) => Ok(()),
            // Its records are durable and found without the footer; opening the log seals it.
            Err(error @ Error::DiskFull { .. }) => {
                tracing::warn!(%error, "a full segment stays unsealed until the log is opened again");
                Ok(())
            }
            Err(error) => {
                let error = state.poison(error);
                self.changed.notify_all();
                self.waiters.end_round();
                self.waiters.wake_everybody();
                Err(error)
            }
        }
    }

    /// Starts the segment behind the active one, and gives back the old one.
    fn start_segment(&self, state: &mut MutexGuard<'_, State>) -> Result<Option<Ended>> {
        let first_lsn = match &state.active {
            Some(active) => active.entry.header().first_lsn,
            None => return Err(Error::Closed),
        };
        if state.next_lsn == first_lsn {
            return Ok(None);
        }
        // What can find the disk full comes first, before anything is changed.
        let position = state.filling.position();
        let is_bulk = state
            .active
            .as_ref()
            .is_some_and(|active| active.is_bulk(position));
        let prepared = MutexGuard::unlocked(state, || {
            if is_bulk {
                self.preparer.take_for_bulk()
            } else {
                self.preparer.take()
            }
        })?;
        if let Err(error) = self.write_pending(state) {
            self.preparer.give_back(prepared);
            return Err(error);
        }
        let Some(active) = state.active.take() else {
            return Err(Error::Closed);
        };
        let old = active.entry.header();
        let header = SegmentHeader {
            number: old.number + 1,
            first_lsn: state.next_lsn,
            previous_last_lsn: state.next_lsn.previous(),
            previous_digest: active.digest,
            created_at: state.last_timestamp,
            capacity: self.limits.segment_bytes,
            start_lsn: state.start_lsn,
            ..*old
        };
        let data_end = state.filling.position();
        let begun = MutexGuard::unlocked(state, || begin_segment(&self.storage, prepared, header));
        match begun {
            Ok(new) => {
                self.view.push(Arc::clone(&new.entry));
                state.active = Some(new);
                state.filling.start_at(DATA_START);
                state.counters.rotations += 1;
                let last_lsn = state.next_lsn.previous();
                Ok(Some(Ended {
                    active,
                    last_lsn,
                    data_end,
                }))
            }
            Err(Begin::NoSpace(error, prepared)) => {
                self.preparer.give_back(prepared);
                state.active = Some(active);
                Err(error)
            }
            Err(Begin::Failed(error)) => {
                state.active = Some(active);
                Err(state.poison(error))
            }
        }
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
        asked_for_next: prepared.space == Space::Hurried,
    })
}

fn seal_ended(ended: &Ended, start_lsn: Lsn, sealed_at: Timestamp) -> Result<()> {
    let index = ended.active.index.snapshot();
    let entry = &ended.active.entry;
    let end = SealedEnd {
        header: entry.header(),
        index: index.as_ref(),
        last_lsn: ended.last_lsn,
        digest: ended.active.digest,
        data_end: ended.data_end,
        start_lsn,
        sealed_at,
        continued: true,
        // A full file keeps its length, so that it can be used again. One that was left early gives
        // back what it did not use.
        shorten: ended.active.space == Space::Hurried,
    };
    seal_entry(entry, ended.active.file.as_ref(), entry.path(), &end)
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
