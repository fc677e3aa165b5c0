//! A control record, decoded. One that cannot be decoded is an error: to go on without it would
//! bring dropped rows back, or apply something twice.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{KindCode, RecordKind};

use crate::error::{Error, Result};

/// A control record with its payload.
#[derive(Clone, Debug, PartialEq)]
pub struct ControlRecord {
    /// Whose it is, when, and its LSN.
    pub header: RecordHeader,
    /// What it says.
    pub payload: AnyPayload,
    /// The payload's bytes as they were written, for the audit trail.
    pub stored: Vec<u8>,
}

impl ControlRecord {
    /// Whether records of this kind are entries of the audit trail: all but those that only say
    /// how far consumers have come, which are many and tell of nothing that was done.
    #[must_use]
    pub fn is_audited(kind: KindCode) -> bool {
        kind != RecordKind::ConsumerCursors.code()
    }

    /// The control record of these bytes; nothing when the record is of another role.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableControl`].
    pub fn decode(header: &RecordHeader, payload: &[u8]) -> Result<Option<Self>> {
        let Some(kind) = header.kind.known().filter(|kind| kind.is_control()) else {
            return Ok(None);
        };
        let undecodable = |source| Error::UndecodableControl {
            lsn: header.lsn,
            kind,
            source,
        };
        if header.is_opaque() {
            return Err(undecodable(None));
        }
        let decoded =
            AnyPayload::decode(kind, payload).map_err(|source| undecodable(Some(source)))?;
        Ok(Some(Self {
            header: *header,
            payload: decoded,
            stored: payload.to_vec(),
        }))
    }
}
