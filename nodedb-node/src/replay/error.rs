//! What stops a replay.

use nodedb_wal::ErrorClass;
use nodedb_wal::payload::PayloadError;
use nodedb_wal::types::Lsn;

use super::SinkError;

/// Why a replay stopped. Records before the one named have been applied; none after it has.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The log could not be read.
    #[error(transparent)]
    Log(#[from] nodedb_wal::Error),
    /// A tombstone does not say which collection was dropped. To go on without it would bring a
    /// dropped collection back.
    #[error("the tombstone at LSN {lsn} cannot be decoded")]
    UndecodableTombstone {
        /// The tombstone.
        lsn: Lsn,
        /// What is wrong with its payload; nothing when the payload is raw bytes of the caller.
        source: Option<PayloadError>,
    },
    /// A record may belong to a dropped collection, but does not say its collection's name.
    #[error("the payload of record {lsn}, which may be of a dropped collection, cannot be decoded")]
    UndecodableRecord {
        /// The record.
        lsn: Lsn,
        /// What is wrong with its payload.
        source: PayloadError,
    },
    /// The sink did not take a record.
    #[error("record {lsn} could not be applied")]
    Sink {
        /// The record.
        lsn: Lsn,
        /// What the sink said.
        source: SinkError,
    },
}

impl ReplayError {
    /// What a caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Log(source) => source.class(),
            Self::UndecodableTombstone { .. } | Self::UndecodableRecord { .. } => {
                ErrorClass::Corruption
            }
            Self::Sink { .. } => ErrorClass::Refused,
        }
    }
}
