//! Where replayed records go.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::{AnyPayload, PayloadError};
use nodedb_wal::types::Lsn;

/// What a sink says when it cannot take a record.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// A record lent to a sink for the time of one call.
#[derive(Clone, Copy, Debug)]
pub struct ReplayRecord<'a> {
    header: &'a RecordHeader,
    payload: &'a [u8],
}

impl<'a> ReplayRecord<'a> {
    /// The record with this header and payload.
    #[must_use]
    pub const fn new(header: &'a RecordHeader, payload: &'a [u8]) -> Self {
        Self { header, payload }
    }

    /// The record's number.
    #[must_use]
    pub const fn lsn(&self) -> Lsn {
        self.header.lsn
    }

    /// What the record is, whose, and when.
    #[must_use]
    pub const fn header(&self) -> &'a RecordHeader {
        self.header
    }

    /// The payload's bytes, as they were appended.
    #[must_use]
    pub const fn payload(&self) -> &'a [u8] {
        self.payload
    }

    /// The payload, typed; nothing for raw payloads, whose form only their writer knows.
    ///
    /// # Errors
    ///
    /// The bytes are no payload of the record's kind.
    pub fn decode(&self) -> Result<Option<AnyPayload>, PayloadError> {
        match self.header.kind.known() {
            Some(kind) if !self.header.is_opaque() => {
                AnyPayload::decode(kind, self.payload).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Takes the records of a replay: an engine that builds its state again, a counter, a test.
pub trait ReplaySink {
    /// Takes one record. Records come in the order of the log, each once.
    ///
    /// # Errors
    ///
    /// Whatever keeps the sink from taking the record. It stops the replay.
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError>;
}

/// A closure is a sink.
impl<F> ReplaySink for F
where
    F: FnMut(&ReplayRecord<'_>) -> Result<(), SinkError>,
{
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        self(record)
    }
}
