//! What can go wrong in a node's log services, one variant per thing a caller might do about it.

use std::path::PathBuf;
use std::time::Duration;

use nodedb_wal::payload::PayloadError;
use nodedb_wal::{Epoch, ErrorClass, LogId, Lsn, RecordKind, TenantId};

use crate::tenants::BudgetKind;

/// The result of an operation of the node.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation of the node failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The log refused, or failed.
    #[error(transparent)]
    Log(#[from] nodedb_wal::Error),
    /// A control record cannot be understood. Replay stops: to go on without it would bring dropped
    /// rows back, or apply something twice.
    #[error("the {kind} at LSN {lsn} cannot be decoded")]
    UndecodableControl {
        /// The record.
        lsn: Lsn,
        /// What it is.
        kind: RecordKind,
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
    /// A tenant's budget is used up. Nothing was appended, and no LSN was taken. Try again after
    /// `retry_after`, or, where there is none, once old segments were dropped.
    #[error(
        "tenant {tenant} is over its budget: {bytes} bytes more would be above {allowed_bytes} {budget}"
    )]
    OverBudget {
        /// The tenant.
        tenant: TenantId,
        /// Which budget.
        budget: BudgetKind,
        /// How much the budget is, in bytes, or bytes a second.
        allowed_bytes: u64,
        /// What was to be appended, headers included.
        bytes: u64,
        /// After what time it may be taken, if nothing else is appended.
        retry_after: Option<Duration>,
    },
    /// A hold needs records that the log no longer has. Whoever has it starts from `start`, with what
    /// it needs of the records before from elsewhere.
    #[error("the hold {hold} needs LSN {needs}, and the log starts at LSN {start}")]
    HoldTooLate {
        /// The hold's name.
        hold: String,
        /// The first record it needs.
        needs: Lsn,
        /// The oldest record of the log.
        start: Lsn,
    },
    /// Records that were to be dropped are held. Wait for the hold to move, or release it.
    #[error("nothing before LSN {before} was dropped: the hold {hold} {}", needs_text(*.needs))]
    Held {
        /// The hold's name.
        hold: String,
        /// The first record it needs; nothing while it has not said.
        needs: Option<Lsn>,
        /// Where the log was to start.
        before: Lsn,
    },
    /// The hold is moved by an engine's checkpoints, and by nothing else.
    #[error("the hold {hold} is that of an engine's checkpoint: only a checkpoint moves it")]
    HoldIsCheckpoint {
        /// The hold's name.
        hold: String,
    },
    /// An engine's checkpoint is further on than what it says now. Checkpoints do not go back: what
    /// an engine no longer needed may be gone.
    #[error("the checkpoint of {engine} is at LSN {at} and does not go back to LSN {lsn}")]
    CheckpointBack {
        /// The engine.
        engine: String,
        /// Where its checkpoint is.
        at: Lsn,
        /// Where it was to be put.
        lsn: Lsn,
    },
    /// The catalog could not be opened, read or written. The log is not touched by that; the
    /// catalog's last transaction stands.
    #[error("cannot {operation} the catalog {}", .path.display())]
    Catalog {
        /// What was tried.
        operation: &'static str,
        /// The catalog.
        path: PathBuf,
        /// What was wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The catalog was written by another version of this program. Use that version, or, while the
    /// log still starts at LSN 1, move the catalog away: it is made again from the log.
    #[error("the catalog {} has format {found}; this version reads {known}", .path.display())]
    CatalogFormat {
        /// The catalog.
        path: PathBuf,
        /// The format it has.
        found: u128,
        /// The format this version reads.
        known: u128,
    },
    /// There is no catalog, and it can no longer be made from the log, whose oldest records are
    /// gone. Put back a copy that holds every record before `start`.
    #[error(
        "there is no catalog {}, and the log starts at LSN {start}: put back a copy of the catalog \
         that reaches LSN {} or further", .path.display(), .start.previous()
    )]
    CatalogMissing {
        /// Where the catalog should be.
        path: PathBuf,
        /// The oldest record of the log.
        start: Lsn,
    },
    /// The catalog belongs to another log. Put back this log's catalog or, while the log still starts
    /// at LSN 1, move the other one away.
    #[error("the catalog {} is of log {found}, not of log {expected}", .path.display())]
    CatalogForeign {
        /// The catalog.
        path: PathBuf,
        /// The log that is there.
        expected: LogId,
        /// The log the catalog was made of.
        found: LogId,
    },
    /// The catalog is an old copy: records it has not seen are gone from the log. Put back a newer
    /// copy.
    #[error(
        "the catalog {} holds what was said up to LSN {applied}, and the log starts at LSN {start}: \
         put back a copy that reaches LSN {} or further", .path.display(), .start.previous()
    )]
    CatalogBehind {
        /// The catalog.
        path: PathBuf,
        /// The last record it holds.
        applied: Lsn,
        /// The oldest record of the log.
        start: Lsn,
    },
    /// The catalog has seen records that the log does not have: the log is an old copy, or its end
    /// was taken away. Put back the log the catalog was made of.
    #[error(
        "the catalog {} holds what was said up to LSN {applied}, and the log ends at LSN {last}: \
         put back the log it was made of", .path.display()
    )]
    CatalogAhead {
        /// The catalog.
        path: PathBuf,
        /// The last record it holds.
        applied: Lsn,
        /// The last record of the log.
        last: Lsn,
    },
}

impl Error {
    /// What a caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Log(error) => error.class(),
            Self::UndecodableControl { .. }
            | Self::UndecodableRecord { .. }
            | Self::CatalogFormat { .. }
            | Self::CatalogMissing { .. }
            | Self::CatalogForeign { .. }
            | Self::CatalogBehind { .. }
            | Self::CatalogAhead { .. } => ErrorClass::Corruption,
            Self::Catalog { .. } => ErrorClass::Io,
            Self::Sink { .. }
            | Self::EpochMismatch { .. }
            | Self::HoldTooLate { .. }
            | Self::Held { .. }
            | Self::OverBudget { .. }
            | Self::HoldIsCheckpoint { .. }
            | Self::CheckpointBack { .. } => ErrorClass::Refused,
        }
    }

    /// Whether the same call may succeed later without the log being opened again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Log(error) => error.is_retryable(),
            Self::OverBudget { .. } => true,
            _ => false,
        }
    }
}

impl From<PayloadError> for Error {
    fn from(error: PayloadError) -> Self {
        Self::Log(error.into())
    }
}

fn needs_text(needs: Option<Lsn>) -> String {
    needs.map_or_else(
        || "has not said what it needs".to_owned(),
        |needs| format!("needs LSN {needs}"),
    )
}
