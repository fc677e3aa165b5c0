//! What can go wrong in a node's log services, one variant per thing a caller might do about it.

use nodedb_wal::payload::PayloadError;
use nodedb_wal::{Epoch, ErrorClass, Lsn};

/// The result of an operation of the node.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation of the node failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log refused, or failed.
    #[error(transparent)]
    Log(#[from] nodedb_wal::Error),
    /// A tombstone does not say which collection was dropped. Replay stops: to go on without it
    /// would bring a dropped collection back.
    #[error("the tombstone at LSN {lsn} cannot be decoded")]
    UndecodableTombstone {
        /// The tombstone.
        lsn: Lsn,
        /// What is wrong with its payload; nothing when the payload is raw bytes of the caller.
        source: Option<PayloadError>,
    },
    /// A record may belong to a dropped collection, but does not say its collection's name. Replay
    /// stops.
    #[error("the payload of record {lsn}, which may be of a dropped collection, cannot be decoded")]
    UndecodableRecord {
        /// The record.
        lsn: Lsn,
        /// What is wrong with its payload.
        source: PayloadError,
    },
    /// A sink did not take a record. Replay stops; the records before it have been applied.
    #[error("record {lsn} could not be applied")]
    Sink {
        /// The record.
        lsn: Lsn,
        /// What the sink said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A payload that speaks of one epoch was appended in another. Nothing was appended.
    #[error("a payload of epoch {payload} was to be appended in epoch {scope}")]
    EpochMismatch {
        /// The epoch the caller appends in.
        scope: Epoch,
        /// The epoch the payload speaks of.
        payload: Epoch,
    },
}

impl Error {
    /// What a caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Log(error) => error.class(),
            Self::UndecodableTombstone { .. } | Self::UndecodableRecord { .. } => {
                ErrorClass::Corruption
            }
            Self::Sink { .. } | Self::EpochMismatch { .. } => ErrorClass::Refused,
        }
    }

    /// Whether the same call may succeed later without the log being opened again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Log(error) if error.is_retryable())
    }
}

impl From<PayloadError> for Error {
    fn from(error: PayloadError) -> Self {
        Self::Log(error.into())
    }
}
