//! What a read lends out, and what it cost.

use std::path::Path;

use crate::format::RecordHeader;
use crate::format::layout::record;
use crate::types::Lsn;

/// What a read has cost and brought so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReadStats {
    /// Bytes read from segments, read-ahead included.
    pub bytes_read: u64,
    /// Records whose header was looked at.
    pub records_read: u64,
    /// Records delivered.
    pub records_delivered: u64,
    /// Records of an optional kind that this version does not know, passed over.
    pub records_unknown: u64,
    /// Segments opened and read.
    pub segments_read: u64,
    /// Segments passed over because of their footer.
    pub segments_skipped: u64,
}

/// A record of the log, lent out in place.
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    /// The header; its checksum was right.
    pub header: RecordHeader,
    /// The payload; its checksum was right, unless the read was of headers only. Its memory is
    /// aligned to 16 bytes.
    pub payload: &'a [u8],
    /// Where the record starts in its segment, in bytes.
    pub offset: u64,
    /// The segment's file.
    pub segment: &'a Path,
    pub(super) stored: &'a [u8],
}

impl<'a> RecordView<'a> {
    /// The record that is stored as `stored`, at `offset` of `segment`.
    #[inline]
    pub(super) fn new(
        header: RecordHeader,
        offset: u64,
        segment: &'a Path,
        stored: &'a [u8],
    ) -> Self {
        Self {
            header,
            payload: stored.get(record::BYTES..).unwrap_or_default(),
            offset,
            segment,
            stored,
        }
    }

    /// The record's number.
    #[must_use]
    pub const fn lsn(&self) -> Lsn {
        self.header.lsn
    }

    /// Header and payload as they are on disk.
    #[must_use]
    pub const fn stored_bytes(&self) -> &'a [u8] {
        self.stored
    }
}
