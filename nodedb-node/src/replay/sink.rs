//! Where replayed records go.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::{AnyPayload, PayloadError};
use nodedb_wal::types::Lsn;

use super::ReplayTransaction;

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

    /// The payload's bytes, as they were appended. Nothing is promised of their alignment.
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
///
/// Only [`apply`](Self::apply) has to be written. A sink that keeps its state on disk keeps the LSN
/// of the last record it applied in the same transaction, and is brought up by
/// [`ReplayPlan::after`](super::ReplayPlan::after).
pub trait ReplaySink {
    /// Takes one record, or one operation of a transaction. Records come in the order of the log,
    /// each once; the operations of a transaction share their LSN.
    ///
    /// # Errors
    ///
    /// Whatever keeps the sink from taking the record. It stops the replay.
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError>;

    /// Takes a transaction, all of it or nothing. As it comes, it begins one, applies each
    /// operation and ends it.
    ///
    /// # Errors
    ///
    /// As [`Self::apply`].
    fn apply_transaction(&mut self, transaction: &ReplayTransaction<'_>) -> Result<(), SinkError> {
        self.begin_transaction(transaction.lsn())?;
        for operation in transaction.operations() {
            self.apply(operation)?;
        }
        self.end_transaction(transaction.lsn())
    }

    /// What is applied from here on belongs to the transaction of this LSN. As it comes, it does
    /// nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::apply`].
    fn begin_transaction(&mut self, _: Lsn) -> Result<(), SinkError> {
        Ok(())
    }

    /// The transaction of this LSN is whole. As it comes, it does nothing.
    ///
    /// # Errors
    ///
    /// As [`Self::apply`].
    fn end_transaction(&mut self, _: Lsn) -> Result<(), SinkError> {
        Ok(())
    }

    /// Whatever is meant for this sink, up to and with the record `through`, it has been given. It
    /// is not called when the stream or this sink failed; of several sinks, those that were done
    /// before another failed may have been called. As it comes, it does nothing.
    ///
    /// # Errors
    ///
    /// Whatever keeps the sink from ending what it was doing.
    fn finish(&mut self, _through: Lsn) -> Result<(), SinkError> {
        Ok(())
    }
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
