//! What is counted under the log's lock: once a write, once a stall; only two sums once a record.

use std::time::Instant;

use super::histogram::Histogram;
use super::snapshot::{BYTES_MAX, NANOS_MAX, RECORDS_MAX, SegmentSpace, Stall, nanos_since};
use crate::error::Error;
use crate::log::space_pool::Space;

/// The counters kept under the log's lock.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) records: u64,
    pub(crate) payload_bytes: u64,
    pub(crate) writes: u64,
    pub(crate) bytes_written: u64,
    pub(crate) writes_bulk: u64,
    pub(crate) syncs_bulk: u64,
    pub(crate) bytes_in_flight: u64,
    pub(crate) write_nanos: Histogram,
    pub(crate) write_records: Histogram,
    pub(crate) write_bytes: Histogram,
    pub(crate) buffer_full: Stall,
    pub(crate) rotating: Stall,
    pub(crate) share: Stall,
    pub(crate) disk_full: u64,
    pub(crate) rotations: u64,
    pub(crate) segments: SegmentSpace,
}

/// What an append waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stalled {
    /// The next segment.
    Rotation,
    /// Room in the buffer.
    BufferFull,
    /// Its tenant's share of the next write.
    Share,
}

/// A write on its way.
#[derive(Clone, Copy, Debug)]
#[must_use = "a write that began ends"]
pub(crate) struct Underway {
    started: Instant,
    bytes: u64,
}

impl Default for Counters {
    fn default() -> Self {
        Self {
            records: 0,
            payload_bytes: 0,
            writes: 0,
            bytes_written: 0,
            writes_bulk: 0,
            syncs_bulk: 0,
            bytes_in_flight: 0,
            write_nanos: Histogram::up_to(NANOS_MAX),
            write_records: Histogram::up_to(RECORDS_MAX),
            write_bytes: Histogram::up_to(BYTES_MAX),
            buffer_full: Stall::default(),
            rotating: Stall::default(),
            share: Stall::default(),
            disk_full: 0,
            rotations: 0,
            segments: SegmentSpace::default(),
        }
    }
}

impl Counters {
    /// A write of so many bytes, whole blocks, goes to the disk.
    pub(crate) fn write_began(&mut self, bytes: usize) -> Underway {
        let bytes = bytes as u64;
        self.bytes_in_flight += bytes;
        Underway {
            started: Instant::now(),
            bytes,
        }
    }

    /// The write is over; it carried `records` records, when it worked.
    pub(crate) fn write_ended(&mut self, write: Underway, records: Option<u64>) {
        self.bytes_in_flight -= write.bytes;
        if let Some(records) = records {
            self.writes += 1;
            self.bytes_written += write.bytes;
            self.write_nanos.record(nanos_since(write.started));
            self.write_records.record(records);
            self.write_bytes.record(write.bytes);
        }
    }

    /// An append waited since `started` for the disk, for this reason.
    pub(crate) fn append_stalled(&mut self, reason: Stalled, started: Instant) {
        let stall = match reason {
            Stalled::Rotation => &mut self.rotating,
            Stalled::BufferFull => &mut self.buffer_full,
            Stalled::Share => &mut self.share,
        };
        stall.add(started.elapsed());
    }

    /// A call ends with `error`.
    pub(crate) fn refused(&mut self, error: &Error) {
        if matches!(error, Error::DiskFull { .. }) {
            self.disk_full += 1;
        }
    }

    /// A segment was started in such space.
    pub(crate) fn segment_began(&mut self, space: Space) {
        self.rotations += 1;
        match space {
            Space::Filled => self.segments.filled += 1,
            // That it is hurried shows only once something was written to it.
            Space::Bulk | Space::Hurried | Space::Fitted => self.segments.bulk += 1,
        }
    }

    /// Segments were retired, and the files of `recycled` of them kept as space.
    pub(crate) fn segments_retired(&mut self, retired: usize, recycled: usize) {
        self.segments.retired += retired as u64;
        self.segments.recycled += recycled as u64;
    }
}
