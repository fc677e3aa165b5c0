//! Counters of a running log.

use crate::storage::IoMode;

/// What a log has done since it was opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// How bytes get to the disk: direct I/O falls back to buffered where a file system refuses it.
    pub io_mode: IoMode,
    /// Records appended.
    pub records: u64,
    /// Payload bytes appended.
    pub payload_bytes: u64,
    /// Writes to the disk.
    pub writes: u64,
    /// Bytes of those writes, whole blocks.
    pub bytes_written: u64,
    /// Calls of `commit` and `sync` that succeeded.
    pub commits: u64,
    /// Segments started after the first.
    pub rotations: u64,
}

/// The counters kept under the log's lock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) records: u64,
    pub(crate) payload_bytes: u64,
    pub(crate) writes: u64,
    pub(crate) bytes_written: u64,
    pub(crate) rotations: u64,
}
