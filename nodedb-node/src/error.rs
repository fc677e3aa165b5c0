//! What can go wrong in a node's log services, one variant per thing a caller might do about it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nodedb_wal::payload::PayloadError;
use nodedb_wal::{DatabaseId, Epoch, ErrorClass, LogId, Lsn, RecordKind, TenantId, VshardId};

use crate::tenants::BudgetKind;

mod consumer_fault;

pub use consumer_fault::ConsumerFault;

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
    /// A sink has applied records that the log does not have: the log is an old copy, or another
    /// one. Put back the log the sink was fed from, or start with an empty sink. Nothing was
    /// applied.
    #[error("a sink holds what was written up to LSN {applied}, and the log ends at LSN {last}")]
    SinkAhead {
        /// The last record the sink holds.
        applied: Lsn,
        /// The last record of the log.
        last: Lsn,
    },
    /// A replay was to be divided among no sinks.
    #[error("there is no sink to replay into")]
    NoSinks,
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
    /// The hold is moved by a consumer's acknowledgements, and goes when the consumer is dropped.
    #[error("the hold {hold} is that of a consumer: only what that acknowledges moves it")]
    HoldIsConsumer {
        /// The hold's name.
        hold: String,
    },
    /// Something is wrong with a consumer of the log, or with what it asks for.
    #[error("consumer {consumer:?}")]
    Consumer {
        /// Which.
        consumer: String,
        /// What.
        source: ConsumerFault,
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
    /// The catalog's file is not one, or is damaged. Move it away: while the log still starts at LSN 1
    /// it is made again from the log; otherwise put back a copy.
    #[error(
        "the catalog {} is damaged: move it away, and it is made again while the log still starts at \
         LSN 1; otherwise put back a copy", .path.display()
    )]
    CatalogDamaged {
        /// The catalog.
        path: PathBuf,
        /// What was wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An entry of the audit trail is not what was put into the catalog. `audit verify` says what
    /// else is wrong.
    #[error("the entry of record {lsn} in the audit trail of {} cannot be read", .path.display())]
    AuditUnreadable {
        /// The catalog.
        path: PathBuf,
        /// The record the entry is of.
        lsn: Lsn,
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
    /// A database has no surrogates left, or not as many in a row. Nothing was handed out; rows of
    /// another database can still be written.
    #[error("database {database} of tenant {tenant} has no surrogates left")]
    SurrogatesExhausted {
        /// The tenant.
        tenant: TenantId,
        /// The tenant's database.
        database: DatabaseId,
    },
    /// Bindings are no longer folded into the catalog, so none are made. Nothing that was
    /// acknowledged is lost: close the node, see to the cause, and open it again.
    #[error("surrogates are no longer assigned: folding them into the catalog stopped")]
    FoldStopped {
        /// Why; nothing when the thread panicked.
        source: Option<Arc<Error>>,
    },
    /// A Calvin transaction was applied on this vshard, and that is durable: there is nothing left to
    /// do. A transaction of an epoch that was sealed counts as applied.
    #[error("transaction {position} of epoch {epoch} was applied on vshard {vshard} already")]
    CalvinApplied {
        /// The vshard.
        vshard: VshardId,
        /// The transaction's epoch.
        epoch: Epoch,
        /// Its place in the epoch.
        position: u32,
    },
    /// An epoch was sealed on this vshard already, or a later one was.
    #[error("vshard {vshard} is sealed up to epoch {watermark} already")]
    CalvinSealed {
        /// The vshard.
        vshard: VshardId,
        /// The last epoch that is sealed.
        watermark: Epoch,
    },
    /// An earlier epoch has transactions on this vshard, and must be sealed first.
    #[error("epoch {epoch} of vshard {vshard} has transactions and is not sealed")]
    CalvinUnsealed {
        /// The vshard.
        vshard: VshardId,
        /// The earlier epoch.
        epoch: Epoch,
    },
    /// Calvin transactions belong to an epoch, from 1 on.
    #[error("a Calvin transaction needs an epoch from 1 on")]
    CalvinNoEpoch,
    /// A thread of the node could not be started.
    #[error("cannot start a thread")]
    Thread {
        /// What was wrong.
        source: std::io::Error,
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
            | Self::AuditUnreadable { .. }
            | Self::CatalogDamaged { .. }
            | Self::CatalogFormat { .. }
            | Self::CatalogMissing { .. }
            | Self::CatalogForeign { .. }
            | Self::CatalogBehind { .. }
            | Self::CatalogAhead { .. }
            | Self::SinkAhead { .. } => ErrorClass::Corruption,
            Self::Consumer { source, .. } => source.class(),
            Self::FoldStopped {
                source: Some(cause),
            } => cause.class(),
            Self::Catalog { .. } | Self::FoldStopped { source: None } | Self::Thread { .. } => {
                ErrorClass::Io
            }
            Self::Sink { .. }
            | Self::NoSinks
            | Self::EpochMismatch { .. }
            | Self::SurrogatesExhausted { .. }
            | Self::CalvinApplied { .. }
            | Self::CalvinSealed { .. }
            | Self::CalvinUnsealed { .. }
            | Self::CalvinNoEpoch
            | Self::HoldTooLate { .. }
            | Self::Held { .. }
            | Self::OverBudget { .. }
            | Self::HoldIsCheckpoint { .. }
            | Self::HoldIsConsumer { .. }
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
