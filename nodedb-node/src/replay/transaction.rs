//! Transactions: records that carry operations, which are applied all or none, less those that the
//! filters withhold.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::{Operation, Payload as _, Transaction, collection_of};
use nodedb_wal::types::{CollectionTag, Lsn};

use super::ReplayRecord;
use super::filters::{Decision, Filters, SkipReason};
use crate::error::{Error, Result};

/// A transaction lent to a sink for the time of one call.
#[derive(Clone, Copy, Debug)]
pub struct ReplayTransaction<'a> {
    header: &'a RecordHeader,
    operations: &'a [ReplayRecord<'a>],
}

impl<'a> ReplayTransaction<'a> {
    /// The transaction with this header and these operations.
    #[must_use]
    pub const fn new(header: &'a RecordHeader, operations: &'a [ReplayRecord<'a>]) -> Self {
        Self { header, operations }
    }

    /// The record's number, which all its operations share.
    #[must_use]
    pub const fn lsn(&self) -> Lsn {
        self.header.lsn
    }

    /// Whose the transaction is, and when it was written.
    #[must_use]
    pub const fn header(&self) -> &'a RecordHeader {
        self.header
    }

    /// The operations that no filter withheld, in the order they apply. Each has the transaction's
    /// header, but its own kind, collection and length, and a payload checksum of 0.
    #[must_use]
    pub const fn operations(&self) -> &'a [ReplayRecord<'a>] {
        self.operations
    }
}

/// A transaction after the filters.
#[derive(Debug, Default)]
pub(super) struct Opened {
    /// What the sink gets.
    pub(super) operations: Vec<(RecordHeader, Vec<u8>)>,
    /// Why it does not get the others.
    pub(super) withheld: Vec<SkipReason>,
}

impl Opened {
    /// Opens the transaction in `payload` and asks the filters about each operation.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableRecord`]: the payload, or one of an operation that may have to be
    /// withheld, cannot be decoded. An operation of a required kind is not known to this version.
    pub(super) fn open(filters: &Filters, header: &RecordHeader, payload: &[u8]) -> Result<Self> {
        let undecodable = |source| Error::UndecodableRecord {
            lsn: header.lsn,
            source,
        };
        let transaction = Transaction::decode(payload).map_err(undecodable)?;
        let mut opened = Self::default();
        for operation in transaction.operations {
            let header = header_of(&operation, header)?;
            let decision = match operation.kind.known() {
                Some(_) => filters.decide_operation(&header, &operation.payload)?,
                None => Decision::Skip(SkipReason::UnknownOptional),
            };
            match decision {
                Decision::Apply => opened.operations.push((header, operation.payload)),
                Decision::Skip(reason) => opened.withheld.push(reason),
            }
        }
        Ok(opened)
    }

    /// What the transaction's record comes to.
    pub(super) fn decision(&self) -> Decision {
        match self.withheld.first() {
            Some(reason) if self.operations.is_empty() => Decision::Skip(*reason),
            _ => Decision::Apply,
        }
    }
}

/// The header the operation would have as a record of its own. The collection's name is looked up
/// in the payload: what the operation says beside it is for those who do not decode it.
fn header_of(operation: &Operation, header: &RecordHeader) -> Result<RecordHeader> {
    let (lsn, kind) = (header.lsn, operation.kind);
    let collection = match kind.known() {
        Some(known) => collection_of(known, &operation.payload)
            .map_err(|source| Error::UndecodableRecord { lsn, source })?
            .map_or(CollectionTag::NONE, |name| CollectionTag::of(&name)),
        None if kind.is_required() => {
            return Err(nodedb_wal::Error::UnknownRequiredKind { lsn, kind }.into());
        }
        None => CollectionTag::NONE,
    };
    Ok(RecordHeader {
        payload_crc: 0,
        payload_len: u32::try_from(operation.payload.len()).unwrap_or(u32::MAX),
        kind,
        collection,
        ..*header
    })
}
