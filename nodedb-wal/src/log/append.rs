//! Appending: records get their LSN and go into the buffer, or nothing happens.

use std::sync::Arc;
use std::time::Instant;

use super::space_pool::Space;
use super::state::{Active, Core, Disk, State};
use super::stats::Stalled;
use crate::error::{Error, Result};
use crate::format::RecordHeader;
use crate::format::checksum::crc32c;
use crate::format::layout::{BLOCK_BYTES, DATA_START, block_ceil, frontier, record, record_bytes};
use crate::format::record_header::stored_crc;
use crate::segment::{footer_bytes_bound, sealing_bytes};
use crate::sync::MutexGuard;
use crate::types::{Envelope, Epoch, Lsn, LsnRange, Record, RecordFlags, TenantId, Timestamp};

impl Core {
    /// Appends one record.
    pub(crate) fn append(self: &Arc<Self>, record: &Record<'_>) -> Result<Lsn> {
        self.append_in(record.epoch, record)
    }

    /// Appends one record, in `epoch` whatever epoch it names.
    pub(crate) fn append_in(self: &Arc<Self>, epoch: Epoch, record: &Record<'_>) -> Result<Lsn> {
        // Outside the lock: the payload is the caller's and does not change.
        let payload_crc = crc32c(record.payload);
        let envelope = Envelope {
            epoch,
            ..record.envelope()
        };
        self.append_one(&envelope, |payload| {
            payload.copy_from_slice(record.payload);
            Ok(payload_crc)
        })
    }

    /// Appends one record whose payload `fill` writes in its place.
    pub(crate) fn append_with<E: From<Error>>(
        self: &Arc<Self>,
        envelope: &Envelope,
        fill: impl FnOnce(&mut [u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<Lsn, E> {
        self.append_one(envelope, |payload| {
            // What was in memory is other people's records.
            payload.fill(0);
            fill(payload)?;
            Ok(crc32c(payload))
        })
    }

    fn append_one<E: From<Error>>(
        self: &Arc<Self>,
        envelope: &Envelope,
        fill: impl FnOnce(&mut [u8]) -> std::result::Result<u32, E>,
    ) -> std::result::Result<Lsn, E> {
        let bytes = self.check_record(envelope.payload_len)?;
        let mut state = self.state.lock();
        self.make_room(&mut state, envelope.scope.tenant, 1, bytes)?;
        let timestamp = state.read_time(self.storage.as_ref());
        let lsn = state.next_lsn;
        state.place(envelope, timestamp, false, fill)?;
        if !state.syncing.waits_for_commit() {
            self.sync_by_policy(
                state,
                LsnRange {
                    first: lsn,
                    last: lsn,
                },
            )?;
        }
        Ok(lsn)
    }

    /// The bytes a record takes, when it is within the limits: a segment of the usual length must take
    /// it.
    pub(super) fn check_record(&self, payload_len: usize) -> Result<usize> {
        let payload_max = u64::from(self.limits.payload_bytes_max);
        let len_bytes = payload_len as u64;
        if len_bytes > payload_max {
            return Err(Error::TooLarge {
                what: "payload",
                len_bytes,
                len_bytes_max: payload_max,
            });
        }
        let bytes = record_bytes(payload_len);
        let overhead = DATA_START + overhead_bytes(0, 1, bytes);
        let len_bytes_max = self.limits.segment_bytes.saturating_sub(overhead);
        if bytes as u64 > len_bytes_max {
            return Err(Error::TooLarge {
                what: "payload",
                len_bytes: bytes as u64,
                len_bytes_max,
            });
        }
        Ok(bytes)
    }

    /// How long a segment has to be to take so many records of so many bytes in all, the usual length
    /// at least.
    pub(super) fn capacity_for(&self, records: usize, bytes: usize) -> u64 {
        let needed = DATA_START + bytes as u64 + overhead_bytes(0, records, bytes);
        block_ceil(needed).max(self.limits.segment_bytes)
    }

    /// Makes room for `records` records of `bytes` in all: in the segment, by starting a new one,
    /// in the buffer, by writing it out, and in the tenant's share of it. When it fails, nothing has changed.
    pub(super) fn make_room(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        tenant: TenantId,
        records: usize,
        bytes: usize,
    ) -> Result<()> {
        let made = self.wait_for_room(state, tenant, records, bytes);
        if let Err(error) = &made {
            state.counters.refused(error);
        }
        made
    }

    fn wait_for_room(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        tenant: TenantId,
        records: usize,
        bytes: usize,
    ) -> Result<()> {
        let mut turns = Turns::default();
        loop {
            state.check_usable()?;
            let is_roomy = state.fits_roomy_segment(bytes);
            let fits_segment = is_roomy || self.fits_segment(state, records, bytes);
            let is_admitted = state.disk.admits_records();
            let fits_buffer = self.fits_buffer(state, bytes);
            let fits_share = state.shares.admits(tenant, bytes);
            if fits_segment && is_admitted && fits_buffer && fits_share {
                if !is_roomy {
                    state.note_room();
                }
                self.pass_turn(&mut turns, state);
                return Ok(());
            }
            let reason = match (state.disk, fits_segment, fits_buffer) {
                (Disk::Rotating, ..) | (_, false, _) => Stalled::Rotation,
                // Of the parts of a batch.
                (Disk::Batch, ..) | (_, _, false) => Stalled::BufferFull,
                (_, true, true) => Stalled::Share,
            };
            let started = Instant::now();
            self.pass_turn(&mut turns, state);
            // Whoever is at the disk may make the room; then there is nothing to do here.
            match (state.disk, fits_segment) {
                (Disk::Idle, true) => {
                    self.write_or_hand_over(state)?;
                    continue;
                }
                (Disk::Idle, false) => {
                    self.rotate_from(state, self.capacity_for(records, bytes))?;
                }
                _ if reason == Stalled::Share => {
                    self.turn.wait(state);
                    turns.was_woken = true;
                }
                _ => self.changed.wait(state),
            }
            state.counters.append_stalled(reason, started);
        }
    }

    /// Wakes the next one whose turn it may be, when this one was woken for that: whether it went in
    /// or not, but once for each write, so that those who all have to wait do not wake each other
    /// for ever.
    fn pass_turn(&self, turns: &mut Turns, state: &State) {
        if std::mem::take(&mut turns.was_woken) && turns.passed != Some(state.writes_cut) {
            turns.passed = Some(state.writes_cut);
            self.turn.notify_one();
        }
    }

    /// Whether the active segment takes the records and can still be sealed after them.
    pub(crate) fn fits_segment(&self, state: &State, records: usize, bytes: usize) -> bool {
        let Some(Active {
            index,
            entry,
            space,
            is_spent,
            ..
        }) = &state.active
        else {
            return false;
        };
        let has_records = state.next_lsn > entry.header().first_lsn;
        let is_left_early = matches!(space, Space::Hurried | Space::Fitted);
        if *is_spent || (is_left_early && has_records && self.preparer.has_ready()) {
            return false;
        }
        let end = state.filling.position() + bytes as u64;
        end + overhead_bytes(index.encoded_len(), records, bytes) <= entry.header().capacity
    }

    /// Whether the buffer takes the bytes. An empty buffer takes anything: a record or batch larger
    /// than the buffer is written by itself.
    pub(super) fn fits_buffer(&self, state: &State, bytes: usize) -> bool {
        state.filling.is_empty()
            || state.filling.new_bytes() + bytes + frontier::BYTES <= self.limits.buffer_bytes
    }
}

impl State {
    /// Whether the active segment takes records of so many bytes for sure, as most segments do most
    /// of the time: what [`Core::fits_segment`] finds out by looking at the index.
    fn fits_roomy_segment(&self, bytes: usize) -> bool {
        let end = self.filling.position() + bytes as u64;
        self.active
            .as_ref()
            .is_some_and(|active| end <= active.roomy_end)
    }

    /// Notes how far the active segment is roomy, records having come that fit and go past that: a
    /// quarter of what is left, should it fit even as records without payload.
    #[cold]
    fn note_room(&mut self) {
        let position = self.filling.position();
        let Some(active) = self.active.as_mut() else {
            return;
        };
        let capacity = active.entry.header().capacity;
        let quarter = capacity.saturating_sub(position) / 4;
        let Ok(quarter_bytes) = usize::try_from(quarter) else {
            return;
        };
        let records = quarter_bytes / record::BYTES;
        let overhead = overhead_bytes(active.index.encoded_len(), records, quarter_bytes);
        if position + quarter + overhead <= capacity {
            active.roomy_end = position + quarter;
        }
    }

    /// Puts one record behind those that wait, where there is room for it. `fill` writes the payload
    /// and gives back its checksum; when it fails or panics, nothing has changed.
    pub(super) fn place<E: From<Error>>(
        &mut self,
        envelope: &Envelope,
        timestamp: Timestamp,
        batch_continues: bool,
        fill: impl FnOnce(&mut [u8]) -> std::result::Result<u32, E>,
    ) -> std::result::Result<(), E> {
        // `make_room` does not return without an active segment.
        let Some(active) = self.active.as_mut() else {
            return Err(Error::Closed.into());
        };
        let offset = self.filling.position();
        let slot = self.filling.slot(envelope.payload_len);
        let payload_crc = fill(slot.payload)?;
        let header = RecordHeader {
            payload_crc,
            payload_len: u32::try_from(envelope.payload_len).unwrap_or(u32::MAX),
            kind: envelope.kind.code(),
            flags: flags(envelope, batch_continues),
            lsn: self.next_lsn,
            scope: envelope.scope,
            collection: envelope.collection,
            epoch: envelope.epoch,
            timestamp,
        };
        header.encode_into(slot.header, active.seed);
        active.digest = active.digest.extended(stored_crc(slot.header));
        active.index.add(&header, offset);
        self.filling.keep(envelope.payload_len);
        self.shares
            .add(envelope.scope.tenant, record_bytes(envelope.payload_len));
        self.last_timestamp = timestamp;
        self.next_lsn = self.next_lsn.next();
        self.counters.records += 1;
        self.counters.payload_bytes += envelope.payload_len as u64;
        Ok(())
    }
}

/// What one append knows of the turns it was woken for.
#[derive(Debug, Default)]
struct Turns {
    was_woken: bool,
    /// The number of the last write at which it woke the next one.
    passed: Option<u64>,
}

/// What a segment needs behind its records, at most: the last frontier, footer and trailer.
fn overhead_bytes(index_bytes: usize, records: usize, bytes: usize) -> u64 {
    let footer = footer_bytes_bound(index_bytes, records, bytes);
    block_ceil(frontier::BYTES as u64 + record::BYTES as u64)
        + BLOCK_BYTES as u64
        + sealing_bytes(footer)
}

fn flags(envelope: &Envelope, batch_continues: bool) -> RecordFlags {
    let mut flags = RecordFlags::NONE;
    if batch_continues {
        flags = flags.with(RecordFlags::BATCH_CONTINUES);
    }
    if envelope.opaque {
        flags = flags.with(RecordFlags::OPAQUE);
    }
    flags
}
