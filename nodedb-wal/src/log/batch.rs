//! Batches: records that become durable all or none.
//!
//! A batch that the buffer takes goes in as a record does. A larger one is placed in parts by whoever
//! appends it, who has the disk meanwhile: each part is a write, but for the last, which stays in the
//! buffer. So a batch is whole on disk only once it was appended, and one whose appending failed is never
//! found. Until it is whole nobody sees any of it: neither its LSNs, nor its records in counts or in
//! the segment's index, and the durable frontier stays in front of it.

use std::sync::Arc;
use std::time::Instant;

use super::state::{Core, Disk, State};
use super::stats::Stalled;
use crate::config::TailPolicy;
use crate::error::{Error, Result};
use crate::format::checksum::{Digest, crc32c};
use crate::format::layout::{BLOCK_BYTES, frontier, record_bytes};
use crate::segment::IndexBuilder;
use crate::sync::MutexGuard;
use crate::types::{Lsn, LsnRange, Record};

/// A batch that is within the limits.
struct Batch<'a> {
    records: &'a [Record<'a>],
    /// The checksums of the payloads.
    crcs: Vec<u32>,
    /// What the records take.
    bytes: usize,
    /// How many parts the buffer takes it in.
    parts: usize,
}

impl Batch<'_> {
    /// Its records, with their checksums and whether the batch goes on behind them.
    fn records(&self) -> impl Iterator<Item = (&Record<'_>, u32, bool)> {
        let last = self.records.len() - 1;
        let records = self.records.iter().zip(&self.crcs).enumerate();
        records.map(move |(at, (record, &payload_crc))| (record, payload_crc, at < last))
    }
}

impl Core {
    /// Appends records that become durable all or none.
    pub(crate) fn append_all(self: &Arc<Self>, records: &[Record<'_>]) -> Result<LsnRange> {
        let batch = self.measure(records)?;
        let mut state = self.state.lock();
        let lsns = if batch.parts == 1 {
            self.append_in_one(&mut state, &batch)?
        } else {
            self.append_in_parts(&mut state, &batch)?
        };
        if !state.syncing.waits_for_commit() {
            self.sync_by_policy(state, lsns)?;
        }
        Ok(lsns)
    }

    /// The batch of these records, when each and all together are within the limits. The payloads are
    /// the caller's and do not change: their checksums need no lock.
    fn measure<'a>(&self, records: &'a [Record<'a>]) -> Result<Batch<'a>> {
        let lens = || records.iter().map(|record| record.payload.len());
        let Some(longest) = lens().max() else {
            return Err(Error::EmptyBatch);
        };
        self.check_record(longest)?;
        let (mut bytes, mut parts, mut in_part) = (0_usize, 1, 0);
        for record in lens().map(record_bytes) {
            if in_part > 0 && in_part + record + frontier::BYTES > self.limits.buffer_bytes {
                parts += 1;
                in_part = 0;
            }
            in_part += record;
            bytes = bytes.saturating_add(record);
        }
        let (len_bytes, len_bytes_max) = (bytes as u64, self.limits.batch_bytes_max);
        if len_bytes > len_bytes_max {
            return Err(Error::TooLarge {
                what: "batch",
                len_bytes,
                len_bytes_max,
            });
        }
        let crcs = records.iter().map(|record| crc32c(record.payload));
        Ok(Batch {
            records,
            crcs: crcs.collect(),
            bytes,
            parts,
        })
    }

    /// Appends a batch that the buffer takes. It takes the share of whoever comes first in it.
    fn append_in_one(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        batch: &Batch<'_>,
    ) -> Result<LsnRange> {
        let tenant = batch.records.first().map(|record| record.scope.tenant);
        let tenant = tenant.unwrap_or_default();
        self.make_room(state, tenant, batch.records.len(), batch.bytes)?;
        let timestamp = state.read_time(self.storage.as_ref());
        let first = state.next_lsn;
        for (record, payload_crc, continues) in batch.records() {
            state.place(&record.envelope(), timestamp, continues, |payload| {
                payload.copy_from_slice(record.payload);
                Ok::<_, Error>(payload_crc)
            })?;
        }
        let last = state.next_lsn.previous();
        Ok(LsnRange { first, last })
    }

    /// Appends a batch that the buffer does not take at once.
    fn append_in_parts(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        batch: &Batch<'_>,
    ) -> Result<LsnRange> {
        state.check_usable()?;
        if state.disk != Disk::Idle {
            let started = Instant::now();
            let had_disk = self.take_disk(state, Disk::Batch);
            let reason = Stalled::BufferFull;
            state.counters.append_stalled(reason, started);
            had_disk?;
        }
        state.disk = Disk::Batch;
        let placed = self
            .make_room_for_parts(state, batch)
            .and_then(|()| self.place_in_parts(state, batch));
        if let Err(error) = &placed {
            state.counters.refused(error);
        }
        self.release_disk(state);
        placed
    }

    /// Sees that the active segment takes the batch, and that nothing waits in front of it. When it
    /// fails, nothing has changed.
    fn make_room_for_parts(
        self: &Arc<Self>,
        state: &mut MutexGuard<'_, State>,
        batch: &Batch<'_>,
    ) -> Result<()> {
        let padding = match self.limits.tail_policy {
            TailPolicy::Rewrite => 0,
            TailPolicy::Pad => BLOCK_BYTES,
        };
        // A frontier for each part, and for the write in front of them.
        let ends = (batch.parts + 1) * (frontier::BYTES + padding);
        let (records, bytes) = (batch.records.len(), batch.bytes + ends);
        if !self.fits_segment(state, records, bytes) {
            state.disk = Disk::Rotating;
            let rotated = self.rotate_with_disk(state, self.capacity_for(records, bytes));
            state.disk = Disk::Batch;
            rotated?;
        }
        self.write_pending(state)?;
        state.check_usable()
    }

    /// Places the batch in the active segment, and writes all of it but the last part.
    fn place_in_parts(
        &self,
        state: &mut MutexGuard<'_, State>,
        batch: &Batch<'_>,
    ) -> Result<LsnRange> {
        let timestamp = state.read_time(self.storage.as_ref());
        let (first, start) = (state.next_lsn, state.filling.position());
        let Some(mut hidden) = Hidden::before_batch(state) else {
            return Err(Error::Closed);
        };
        state.batch_from = Some(start);
        let mut placed = Ok(());
        for (record, payload_crc, continues) in batch.records() {
            if !self.fits_buffer(state, record_bytes(record.payload.len())) {
                placed = self.write_part(state, &mut hidden, first.previous());
            }
            if placed.is_err() {
                break;
            }
            placed = state.place(&record.envelope(), timestamp, continues, |payload| {
                payload.copy_from_slice(record.payload);
                Ok(payload_crc)
            });
        }
        state.batch_from = None;
        match placed {
            Ok(()) => {
                let last = state.next_lsn.previous();
                Ok(LsnRange { first, last })
            }
            Err(error) => {
                hidden.swap(state);
                Self::give_up_batch(state, start);
                Err(error)
            }
        }
    }

    /// Writes what waits, which ends inside the batch, with the lock free and the batch hidden.
    fn write_part(
        &self,
        state: &mut MutexGuard<'_, State>,
        hidden: &mut Hidden,
        before_batch: Lsn,
    ) -> Result<()> {
        let mut part = self.cut(state);
        part.end_inside_batch(before_batch);
        hidden.swap(state);
        let written = self.write_one(state, part);
        let written = written.and_then(|()| state.check_usable());
        hidden.swap(state);
        written
    }

    /// Takes in that a batch, which starts at `start`, was not placed to its end. Parts of it may be on
    /// disk, whole and with the LSNs that others get next: nothing may come to stand in front of them.
    fn give_up_batch(state: &mut State, start: u64) {
        if let Some(part) = state.refused.take() {
            state.spare = part;
        }
        state.last_cut_lsn = state.next_lsn.previous();
        state.filling.end_at(start);
        if let Some(active) = &mut state.active {
            active.is_spent = true;
            active.roomy_end = 0;
        }
    }
}

/// What nobody may see of a batch before it is whole, while the lock is free; and what is seen in its
/// place, while the lock is held to go on with the batch.
struct Hidden {
    next_lsn: Lsn,
    digest: Digest,
    index: IndexBuilder,
    records: u64,
    payload_bytes: u64,
}

impl Hidden {
    /// What is to be seen while a batch is placed.
    fn before_batch(state: &State) -> Option<Self> {
        state.active.as_ref().map(|active| Self {
            next_lsn: state.next_lsn,
            digest: active.digest,
            index: active.index.clone(),
            records: state.counters.records,
            payload_bytes: state.counters.payload_bytes,
        })
    }

    /// Shows what is hidden, and hides what is shown.
    fn swap(&mut self, state: &mut State) {
        use std::mem::swap;
        if let Some(active) = &mut state.active {
            swap(&mut self.digest, &mut active.digest);
            swap(&mut self.index, &mut active.index);
        }
        swap(&mut self.next_lsn, &mut state.next_lsn);
        swap(&mut self.records, &mut state.counters.records);
        swap(&mut self.payload_bytes, &mut state.counters.payload_bytes);
    }
}
