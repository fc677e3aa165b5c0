//! Appending: records get their LSN and go into the buffer, or nothing happens.

use std::sync::Arc;

use parking_lot::MutexGuard;

use super::prepare::Space;
use super::state::{Active, Core, Disk, State};
use crate::error::{Error, Result};
use crate::format::RecordHeader;
use crate::format::checksum::crc32c;
use crate::format::layout::{BLOCK_BYTES, DATA_START, block_ceil, frontier, record, record_bytes};
use crate::format::record_header::stored_crc;
use crate::segment::{footer_bytes_bound, sealing_bytes};
use crate::types::{Lsn, LsnRange, Record, RecordFlags};

impl Core {
    /// Appends one record.
    pub(crate) fn append(self: &Arc<Self>, record: &Record<'_>) -> Result<Lsn> {
        self.append_all(std::slice::from_ref(record))
            .map(|lsns| lsns.first)
    }

    /// Appends records that become durable all or none.
    pub(crate) fn append_all(self: &Arc<Self>, records: &[Record<'_>]) -> Result<LsnRange> {
        let bytes = self.check_sizes(records)?;
        let Some(last) = records.len().checked_sub(1) else {
            return Err(Error::EmptyBatch);
        };
        // Outside the lock: the payloads are the caller's and do not change. One record, the
        // common case, needs no list.
        let mut one = [0];
        let mut many = Vec::new();
        let crcs: &[u32] = if let [record] = records {
            one[0] = crc32c(record.payload);
            &one
        } else {
            many.extend(records.iter().map(|record| crc32c(record.payload)));
            &many
        };
        let now = self.storage.now();
        let mut state = self.usable()?;
        self.make_room(&mut state, records.len(), bytes)?;
        let timestamp = state.advance_time(now);
        let first = state.next_lsn;
        let State {
            active,
            filling,
            next_lsn,
            counters,
            ..
        } = &mut *state;
        // `make_room` does not return without an active segment.
        let Some(active) = active.as_mut() else {
            return Err(Error::Closed);
        };
        for (at, (record, &payload_crc)) in records.iter().zip(crcs).enumerate() {
            let header = RecordHeader {
                payload_crc,
                payload_len: u32::try_from(record.payload.len()).unwrap_or(u32::MAX),
                kind: record.kind.code(),
                flags: flags(record, at < last),
                lsn: *next_lsn,
                scope: record.scope,
                collection: record.collection,
                epoch: record.epoch,
                timestamp,
            };
            let bytes = header.encode(active.seed);
            active.index.add(&header, filling.position());
            active.digest = active.digest.extended(stored_crc(&bytes));
            filling.push(&bytes, record.payload);
            *next_lsn = next_lsn.next();
            counters.payload_bytes += record.payload.len() as u64;
        }
        counters.records += records.len() as u64;
        Ok(LsnRange {
            first,
            last: state.next_lsn.previous(),
        })
    }

    /// The bytes the records take, when each and all together are within the limits.
    fn check_sizes(&self, records: &[Record<'_>]) -> Result<usize> {
        let payload_max = u64::from(self.limits.payload_bytes_max);
        let mut bytes = 0_usize;
        for record in records {
            let len_bytes = record.payload.len() as u64;
            if len_bytes > payload_max {
                return Err(Error::TooLarge {
                    what: "payload",
                    len_bytes,
                    len_bytes_max: payload_max,
                });
            }
            bytes = bytes.saturating_add(record_bytes(record.payload.len()));
        }
        let overhead = DATA_START + overhead_bytes(0, records.len(), bytes);
        let len_bytes_max = self.limits.segment_bytes.saturating_sub(overhead);
        let len_bytes = bytes as u64;
        if len_bytes > len_bytes_max {
            let what = if records.len() == 1 {
                "payload"
            } else {
                "batch"
            };
            return Err(Error::TooLarge {
                what,
                len_bytes,
                len_bytes_max,
            });
        }
        Ok(bytes)
    }

    /// Makes room for `records` records of `bytes` in all: in the segment, by starting a new one,
    /// and in the buffer, by writing it out. When it fails, nothing has changed.
    fn make_room(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        records: usize,
        bytes: usize,
    ) -> Result<()> {
        loop {
            state.check_usable()?;
            let fits_segment = self.fits_segment(state, records, bytes);
            if fits_segment && state.disk != Disk::Rotating && self.fits_buffer(state, bytes) {
                return Ok(());
            }
            // Whoever is at the disk may make the room; then there is nothing to do here.
            match (state.disk, fits_segment) {
                (Disk::Idle, true) => self.write_or_hand_over(state)?,
                (Disk::Idle, false) => self.rotate_from(state)?,
                (Disk::Writing | Disk::Rotating, _) => self.changed.wait(state),
            }
        }
    }

    /// Whether the active segment takes the records and can still be sealed after them.
    pub(crate) fn fits_segment(&self, state: &State, records: usize, bytes: usize) -> bool {
        let Some(Active {
            index,
            entry,
            space,
            ..
        }) = &state.active
        else {
            return false;
        };
        let has_records = state.next_lsn > entry.header().first_lsn;
        if *space == Space::Hurried && has_records && self.preparer.has_ready() {
            return false;
        }
        let end = state.filling.position() + bytes as u64;
        end + overhead_bytes(index.encoded_len(), records, bytes) <= entry.header().capacity
    }

    /// Whether the buffer takes the bytes. An empty buffer takes anything: a record or batch larger
    /// than the buffer is written by itself.
    fn fits_buffer(&self, state: &State, bytes: usize) -> bool {
        state.filling.is_empty()
            || state.filling.new_bytes() + bytes + frontier::BYTES <= self.limits.buffer_bytes
    }
}

/// What a segment needs behind its records, at most: the last frontier, footer and trailer.
fn overhead_bytes(index_bytes: usize, records: usize, bytes: usize) -> u64 {
    let footer = footer_bytes_bound(index_bytes, records, bytes);
    block_ceil(frontier::BYTES as u64 + record::BYTES as u64)
        + BLOCK_BYTES as u64
        + sealing_bytes(footer)
}

fn flags(record: &Record<'_>, batch_continues: bool) -> RecordFlags {
    let mut flags = RecordFlags::NONE;
    if batch_continues {
        flags = flags.with(RecordFlags::BATCH_CONTINUES);
    }
    if record.opaque {
        flags = flags.with(RecordFlags::OPAQUE);
    }
    flags
}
