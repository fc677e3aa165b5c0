//! Records that were delivered together, copied out of the log.

use std::ops::Range;

use nodedb_wal::RecordView;
use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::Lsn;

/// Records that were delivered together.
#[derive(Clone, Debug, Default)]
pub struct Delivered {
    payloads: Vec<u8>,
    entries: Vec<(RecordHeader, Range<usize>)>,
    bytes: usize,
}

/// A record that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveredRecord<'d> {
    /// Its header; the checksum was right.
    pub header: RecordHeader,
    /// Its payload; the checksum was right.
    pub payload: &'d [u8],
}

impl Delivered {
    pub(super) fn push(&mut self, record: &RecordView<'_>) {
        let from = self.payloads.len();
        self.payloads.extend_from_slice(record.payload);
        self.entries
            .push((record.header, from..self.payloads.len()));
        self.bytes += record.stored_bytes().len();
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none: the consumer is up to date.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of their headers and payloads, as they are on disk.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The last of them, for [`Consumer::acknowledge`](super::Consumer::acknowledge).
    #[must_use]
    pub fn last_lsn(&self) -> Option<Lsn> {
        self.entries.last().map(|(header, _)| header.lsn)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = DeliveredRecord<'_>> {
        self.entries
            .iter()
            .map(|(header, payload)| DeliveredRecord {
                header: *header,
                payload: self.payloads.get(payload.clone()).unwrap_or_default(),
            })
    }
}
