//! What can go wrong in a node's log services, one variant per thing a caller might do about it.

use nodedb_wal::payload::PayloadError;
use nodedb_wal::{Epoch, ErrorClass};

/// The result of an operation of the node.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation of the node failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log refused, or failed.
    #[error(transparent)]
    Log(#[from] nodedb_wal::Error),
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
            Self::EpochMismatch { .. } => ErrorClass::Refused,
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
