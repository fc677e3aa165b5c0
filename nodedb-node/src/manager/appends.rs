//! A typed append for each kind of record, on the manager and on its handle for an epoch.

use nodedb_wal::payload::{
    ArrayDelete, ArrayFlush, ArrayPut, AuditSeal, CalvinApplied, CalvinSeal, Checkpoint,
    CollectionTombstoned, CommitOffsets, ConsumerAdded, ConsumerCursors, ConsumerDropped,
    CrdtDelta, Delete, EpochBarrier, Hold, LogBatch, Noop, Payload, Put, SurrogateAlloc,
    SurrogateBind, TemporalPurge, TimeAnchor, TimeseriesBatch, Transaction, VectorDelete,
    VectorParams, VectorPut, WriteAborted,
};
use nodedb_wal::{DatabaseId, Epoch, Lsn, LsnRange, Scope, TenantId, VshardId};

use super::scratch::with_scratch;
use super::{Batch, Input, WalManager};
use crate::error::Result;

/// Appends records in one epoch. Made by [`WalManager::in_epoch`].
///
/// A payload that speaks of an epoch itself is refused unless it is the same one.
#[derive(Clone, Copy, Debug)]
pub struct InEpoch<'w> {
    wal: &'w WalManager,
    epoch: Epoch,
}

impl WalManager {
    /// A handle whose appends belong to `epoch`: `wal.in_epoch(epoch).append_put(..)`.
    #[must_use]
    pub fn in_epoch(&self, epoch: Epoch) -> InEpoch<'_> {
        InEpoch { wal: self, epoch }
    }

    /// Appends the records of a batch: after a crash all of them are there, or none. Their LSNs
    /// follow each other. The batch stays as it is and may be appended again.
    ///
    /// # Errors
    ///
    /// As [`Self::append`]; also [`EmptyBatch`](nodedb_wal::Error::EmptyBatch), and
    /// [`TooLarge`](nodedb_wal::Error::TooLarge) for a batch over
    /// [`Config::batch_bytes_max`](nodedb_wal::Config::batch_bytes_max). A batch that was refused left
    /// no trace and took no LSN.
    pub fn append_batch(&self, batch: &Batch) -> Result<LsnRange> {
        let records: Vec<_> = batch.records().collect();
        self.admit_all(&records, || Ok(self.log().append_batch(&records)?))
    }
}

impl InEpoch<'_> {
    /// The epoch.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }
}

/// Appends one record. Encoding allocates nothing once the thread has appended before.
fn append<P: Payload>(
    wal: &WalManager,
    epoch: Epoch,
    scope: Scope,
    payload: Input<'_, P>,
) -> Result<Lsn> {
    with_scratch(|buffer| {
        let record = payload.record(scope, epoch, buffer)?;
        wal.append_record(&record)
    })
}

macro_rules! typed_appends {
    ($($name:ident($payload:ident): $what:literal;)+) => {
        typed_appends!(@on WalManager, |this| (this, Epoch::NONE), $($name($payload): $what;)+);
        typed_appends!(@on InEpoch<'_>, |this| (this.wal, this.epoch), $($name($payload): $what;)+);
    };
    (@on $target:ty, |$this:ident| $parts:expr, $($name:ident($payload:ident): $what:literal;)+) => {
        impl $target {
            /// Appends a payload of any kind, the embedding database's own included, or raw bytes
            /// as a record of that kind. It is in memory then;
            /// [`commit`](WalManager::commit) makes it durable.
            ///
            /// # Errors
            ///
            /// [`Payload`](nodedb_wal::Error::Payload) when the payload breaks a rule of its kind,
            /// [`EpochMismatch`](crate::Error::EpochMismatch),
            /// [`OverBudget`](crate::Error::OverBudget) when the tenant's budget is used up,
            /// [`TooLarge`](nodedb_wal::Error::TooLarge), a full disk (try again later), or a log
            /// that is poisoned or closed. A record that was refused left no trace and took no LSN.
            pub fn append<'a, P: Payload + 'a>(
                &self,
                tenant: TenantId,
                vshard: VshardId,
                database: DatabaseId,
                payload: impl Into<Input<'a, P>>,
            ) -> Result<Lsn> {
                let $this = self;
                let (wal, epoch) = $parts;
                append(wal, epoch, Scope::new(tenant, database, vshard), payload.into())
            }

            $(
                #[doc = concat!("Appends a [`", stringify!($payload), "`]: ", $what)]
                ///
                /// # Errors
                ///
                /// As [`Self::append`].
                pub fn $name<'a>(
                    &self,
                    tenant: TenantId,
                    vshard: VshardId,
                    database: DatabaseId,
                    payload: impl Into<Input<'a, $payload>>,
                ) -> Result<Lsn> {
                    self.append(tenant, vshard, database, payload)
                }
            )+
        }
    };
}

typed_appends! {
    append_noop(Noop): "nothing.";
    append_put(Put): "a row was written.";
    append_delete(Delete): "a row was deleted.";
    append_vector_put(VectorPut): "a vector was written.";
    append_vector_delete(VectorDelete): "a vector was deleted.";
    append_vector_params(VectorParams): "a vector index was given its parameters.";
    append_crdt_delta(CrdtDelta): "a CRDT document took an update.";
    append_timeseries_batch(TimeseriesBatch): "samples of a time series.";
    append_log_batch(LogBatch): "log lines.";
    append_array_put(ArrayPut): "array cells were written.";
    append_array_delete(ArrayDelete): "array cells were deleted.";
    append_array_flush(ArrayFlush): "an array's memory was flushed.";
    append_transaction(Transaction): "several operations that apply all or none.";
    append_surrogate_alloc(SurrogateAlloc): "a run of surrogate ids was handed out.";
    append_surrogate_bind(SurrogateBind): "a primary key was bound to a surrogate id.";
    append_commit_offsets(CommitOffsets): "source offsets and a watermark were committed.";
    append_epoch_barrier(EpochBarrier): "an epoch ended on a core; the record belongs to it.";
    append_write_aborted(WriteAborted): "an earlier record's operation was aborted.";
    append_checkpoint(Checkpoint): "an engine holds everything up to an LSN elsewhere.";
    append_collection_tombstone(CollectionTombstoned): "a collection was dropped.";
    append_time_anchor(TimeAnchor): "what the wall clock says.";
    append_temporal_purge(TemporalPurge): "old versions of rows were purged.";
    append_calvin_applied(CalvinApplied):
        "a Calvin transaction was applied; the record belongs to the transaction's epoch.";
    append_calvin_seal(CalvinSeal):
        "a Calvin epoch ended on a vshard; the record belongs to it.";
    append_hold(Hold): "somebody needs old records, or no longer does.";
    append_audit_seal(AuditSeal): "the audit trail up to an LSN, in one digest.";
    append_consumer_added(ConsumerAdded): "a consumer of the log was added.";
    append_consumer_dropped(ConsumerDropped): "a consumer of the log was dropped.";
    append_consumer_cursors(ConsumerCursors): "how far consumers of the log have come.";
}
