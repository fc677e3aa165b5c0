//! What a log says of its work: plain values, with their units.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::histogram::Histogram;
use crate::log::state::Core;
use crate::storage::IoMode;
use crate::types::Lsn;

/// The longest time told apart from longer ones: 100 s.
pub(crate) const NANOS_MAX: u64 = 100_000_000_000;
/// The most records of a write told apart from more.
pub(crate) const RECORDS_MAX: u64 = 1 << 28;
/// The most bytes of a write told apart from more.
pub(crate) const BYTES_MAX: u64 = 1 << 34;

/// What a log has done since it was opened, and how it stands. Counting never stops; taking the
/// snapshot holds the log's lock for as long as copying some ten thousand numbers takes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// How bytes get to the disk: direct I/O falls back to buffered where a file system refuses it.
    pub io_mode: IoMode,
    /// The calls a write is made of.
    pub write_method: WriteMethod,
    /// How long opening took, reading included.
    pub open_duration: Duration,
    /// Bytes that opening read to find the end of the log.
    pub open_bytes_read: u64,
    /// The oldest record; `next_lsn` when there is none.
    pub start_lsn: Lsn,
    /// The durable frontier.
    pub durable_lsn: Lsn,
    /// The LSN the next record will get.
    pub next_lsn: Lsn,
    /// Records appended.
    pub records: u64,
    /// Payload bytes appended.
    pub payload_bytes: u64,
    /// Bytes of records that wait for a write.
    pub bytes_buffered: u64,
    /// Bytes, whole blocks, of writes that are on their way.
    pub bytes_in_flight: u64,
    /// Writes to the disk, each durable when it ended but for [`Self::writes_bulk`].
    pub writes: u64,
    /// Of those, the writes of full buffers that nobody waited for: durable with a later sync.
    pub writes_bulk: u64,
    /// Syncs of such writes, several at a time.
    pub syncs_bulk: u64,
    /// Bytes of those writes, whole blocks.
    pub bytes_written: u64,
    /// How long each of those writes took: nanoseconds, up to 100 s.
    pub write_nanos: Histogram,
    /// Records in each of those writes.
    pub write_records: Histogram,
    /// Bytes of each of those writes, whole blocks.
    pub write_bytes: Histogram,
    /// Calls of `commit` and `sync`, and futures, that succeeded.
    pub commits: u64,
    /// How long each commit waited that had to wait: nanoseconds, up to 100 s. Of futures one in
    /// sixteen is timed, from its first poll to its last, and counts for sixteen.
    pub commit_wait_nanos: Histogram,
    /// Appends that waited because the buffer was full and its predecessor still on its way.
    pub stalled_buffer_full: Stall,
    /// Appends that waited for the next segment to be started, or started it themselves.
    pub stalled_rotation: Stall,
    /// Appends that waited because their tenant had filled its share of a write that several
    /// tenants fill.
    pub stalled_share: Stall,
    /// Calls that were refused because the disk was full.
    pub disk_full: u64,
    /// Segments started after the first.
    pub rotations: u64,
    /// What space those segments were started in, and what became of retired ones.
    pub segments: SegmentSpace,
}

/// The calls a write is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WriteMethod {
    /// One `pwrite` to a file opened with `O_DIRECT` and `O_DSYNC`.
    DirectDsync,
    /// One `pwrite` through the page cache and one `fdatasync`.
    BufferedFdatasync,
}

/// How often calls waited for one reason, and how long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stall {
    /// How often.
    pub count: u64,
    /// How long altogether, of all threads.
    pub total: Duration,
    /// How long at most.
    pub longest: Duration,
}

/// The space of segments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SegmentSpace {
    /// Started in space that was written before: filled ahead, or recycled.
    pub filled: u64,
    /// Started in space that was allocated for a bulk load.
    pub bulk: u64,
    /// Of those, and of the segment the log was opened with, the ones that small writes came to, which
    /// pay for space that was not made ready; left as soon as some is.
    pub hurried: u64,
    /// Dropped by truncation.
    pub retired: u64,
    /// Of those, the ones whose file was kept as space for a segment to come.
    pub recycled: u64,
}

impl Core {
    /// What was counted and how things stand; what opening found is its caller's to add.
    pub(crate) fn stats(&self) -> Stats {
        let io_mode = self.storage.io_mode();
        let commit_wait_nanos = self.waits.snapshot();
        let state = self.state.lock();
        let counters = &state.counters;
        Stats {
            io_mode,
            write_method: WriteMethod::of(io_mode),
            open_duration: Duration::ZERO,
            open_bytes_read: 0,
            start_lsn: state.start_lsn,
            durable_lsn: self.view.durable(),
            next_lsn: state.next_lsn,
            records: counters.records,
            payload_bytes: counters.payload_bytes,
            bytes_buffered: state.filling.new_bytes() as u64,
            bytes_in_flight: counters.bytes_in_flight,
            writes: counters.writes,
            writes_bulk: counters.writes_bulk,
            syncs_bulk: counters.syncs_bulk,
            bytes_written: counters.bytes_written,
            write_nanos: counters.write_nanos.clone(),
            write_records: counters.write_records.clone(),
            write_bytes: counters.write_bytes.clone(),
            commits: self.commits.load(Ordering::Relaxed),
            commit_wait_nanos,
            stalled_buffer_full: counters.buffer_full,
            stalled_rotation: counters.rotating,
            stalled_share: counters.share,
            disk_full: counters.disk_full,
            rotations: counters.rotations,
            segments: counters.segments,
        }
    }
}

impl WriteMethod {
    const fn of(io_mode: IoMode) -> Self {
        match io_mode {
            IoMode::Direct => Self::DirectDsync,
            IoMode::Buffered => Self::BufferedFdatasync,
        }
    }
}

impl fmt::Display for WriteMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DirectDsync => "direct, O_DSYNC",
            Self::BufferedFdatasync => "buffered, fdatasync",
        })
    }
}

impl Stall {
    pub(crate) fn add(&mut self, time: Duration) {
        self.count += 1;
        self.total += time;
        self.longest = self.longest.max(time);
    }
}

/// Nanoseconds since `started`.
pub(crate) fn nanos_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_nanos()).unwrap_or(NANOS_MAX)
}
