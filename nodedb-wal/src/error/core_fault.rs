//! What can be wrong with one core of a log per core, or with what was asked of it.

use super::ErrorClass;
use crate::types::{Epoch, Lsn, RecordKind};

/// What is wrong with a core, or with what was asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CoreFault {
    /// The manifest names the core, and its log is not there.
    #[error("the manifest names it, and no segment of it is there")]
    Missing,
    /// The core holds records, and no manifest names it.
    #[error("it holds records up to {last}, and the manifest does not name it")]
    Unknown {
        /// Its last record.
        last: Lsn,
    },
    /// The segments are those of another core.
    #[error("its segments were written by core {found}")]
    WrittenByAnother {
        /// Which core's they are.
        found: u32,
    },
    /// The log ends before records that were durable at the last consistent cut.
    #[error("it ends at {last}, and records up to {cut} were durable at the last cut")]
    Behind {
        /// Its last record of the cut.
        cut: Lsn,
        /// Its last record now.
        last: Lsn,
    },
    /// Records are missing in the core's sequence.
    #[error("record {found} comes where {expected} should")]
    Gap {
        /// The record that should have come.
        expected: Lsn,
        /// The one that came.
        found: Lsn,
    },
    /// A record comes again in the core's sequence.
    #[error("record {found} comes again, where {expected} should")]
    Repeated {
        /// The record that should have come.
        expected: Lsn,
        /// The one that came.
        found: Lsn,
    },
    /// A record is of an earlier epoch or time than the one in front of it.
    #[error("record {lsn} is of an earlier epoch or time than the one in front")]
    OutOfOrder {
        /// The record.
        lsn: Lsn,
    },
    /// Epochs only go forward.
    #[error("it is in epoch {epoch} and cannot go back to {asked}")]
    EpochWentBack {
        /// Where the core is.
        epoch: Epoch,
        /// What was asked for.
        asked: Epoch,
    },
    /// The core's epoch ended with its barrier: it takes records once it is in a later one.
    #[error("its epoch {epoch} ended; it needs a later one to be written to")]
    EpochEnded {
        /// The epoch that ended.
        epoch: Epoch,
    },
    /// A cut needs one barrier of each core that is written, all of the same epoch.
    #[error("the cut of epoch {epoch} has no barrier of it")]
    NoBarrier {
        /// The epoch of the cut.
        epoch: Epoch,
    },
    /// Records of this kind are appended with a call of their own.
    #[error("{} records are appended with a call of their own", .kind.name())]
    OwnCall {
        /// The kind.
        kind: RecordKind,
    },
    /// The core's writer is still held by somebody.
    #[error("its writer is still in use")]
    InUse,
}

impl CoreFault {
    /// What a caller can do about it.
    #[must_use]
    pub fn class(self) -> ErrorClass {
        match self {
            Self::EpochWentBack { .. }
            | Self::EpochEnded { .. }
            | Self::NoBarrier { .. }
            | Self::OwnCall { .. }
            | Self::InUse => ErrorClass::Refused,
            Self::Missing
            | Self::Unknown { .. }
            | Self::WrittenByAnother { .. }
            | Self::Behind { .. }
            | Self::Gap { .. }
            | Self::Repeated { .. }
            | Self::OutOfOrder { .. } => ErrorClass::Corruption,
        }
    }
}
