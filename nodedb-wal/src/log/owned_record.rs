//! A record of the log with memory of its own.

use super::record_view::RecordView;
use crate::format::RecordHeader;
use crate::types::Lsn;

/// Payloads are aligned so, that they can be read in place.
const PAYLOAD_ALIGN: usize = 16;

/// A record that was copied out of the log.
#[derive(Debug)]
pub struct OwnedRecord {
    header: RecordHeader,
    offset: u64,
    /// The payload, from `start` on, where memory is aligned.
    bytes: Box<[u8]>,
    start: usize,
}

impl OwnedRecord {
    fn new(header: RecordHeader, offset: u64, payload: &[u8]) -> Self {
        let mut bytes = vec![0; payload.len() + PAYLOAD_ALIGN].into_boxed_slice();
        // The box does not move its bytes.
        let start = bytes.as_ptr().align_offset(PAYLOAD_ALIGN);
        bytes[start..start + payload.len()].copy_from_slice(payload);
        Self {
            header,
            offset,
            bytes,
            start,
        }
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &RecordHeader {
        &self.header
    }

    /// The record's number.
    #[must_use]
    pub const fn lsn(&self) -> Lsn {
        self.header.lsn
    }

    /// Where the record starts in its segment, in bytes.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// The payload. Its memory is aligned to 16 bytes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        let end = self.bytes.len() - PAYLOAD_ALIGN + self.start;
        &self.bytes[self.start..end]
    }
}

impl From<&RecordView<'_>> for OwnedRecord {
    fn from(view: &RecordView<'_>) -> Self {
        Self::new(view.header, view.offset, view.payload)
    }
}

/// Into other memory, where the payload may have to start elsewhere.
impl Clone for OwnedRecord {
    fn clone(&self) -> Self {
        Self::new(self.header, self.offset, self.payload())
    }
}
