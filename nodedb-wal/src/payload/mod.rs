//! Typed payloads: one file per kind. The only user of `zerompk` and `rkyv`, whose types appear in
//! no public signature.
//!
//! Every payload but the empty one starts with a version. Small ones go on with a msgpack
//! array; large ones, which are read in place, with 15 more bytes of prefix and an archive. The log
//! itself never looks into a payload, and takes raw bytes as well
//! ([`Record::raw`](crate::types::Record::raw)).

mod any;
mod archive;
mod array_delete;
mod array_flush;
mod array_put;
mod audit_seal;
mod calvin_applied;
mod calvin_seal;
mod checkpoint;
mod collection_tombstoned;
mod commit_offsets;
mod consumer_added;
mod consumer_cursors;
mod consumer_dropped;
mod contract;
mod crdt_delta;
mod delete;
mod epoch_barrier;
mod error;
mod hold;
mod log_batch;
mod msgpack;
mod noop;
mod put;
mod summary;
mod surrogate_alloc;
mod surrogate_bind;
mod temporal_purge;
#[cfg(test)]
mod tests;
mod time_anchor;
mod timeseries_batch;
mod transaction;
mod vector_delete;
mod vector_params;
mod vector_put;
mod write_aborted;

pub use any::{AnyPayload, collection_of};
pub use archive::AlignedScratch;
pub use array_delete::ArrayDelete;
pub use array_flush::ArrayFlush;
pub use array_put::{ArrayCell, ArrayPut};
pub use audit_seal::AuditSeal;
pub use calvin_applied::CalvinApplied;
pub use calvin_seal::CalvinSeal;
pub use checkpoint::Checkpoint;
pub use collection_tombstoned::CollectionTombstoned;
pub use commit_offsets::{CommitOffsets, PartitionOffset};
pub use consumer_added::{ConsumerAdded, WhenOver};
pub use consumer_cursors::{ConsumerCursor, ConsumerCursors};
pub use consumer_dropped::ConsumerDropped;
pub use contract::Payload;
pub use crdt_delta::CrdtDelta;
pub use delete::Delete;
pub use epoch_barrier::EpochBarrier;
pub use error::PayloadError;
pub use hold::Hold;
pub use log_batch::{LogBatch, LogBatchView, LogLine};
pub use noop::Noop;
pub use put::Put;
pub use surrogate_alloc::SurrogateAlloc;
pub use surrogate_bind::SurrogateBind;
pub use temporal_purge::TemporalPurge;
pub use time_anchor::TimeAnchor;
pub use timeseries_batch::{TimeseriesBatch, TimeseriesBatchView};
pub use transaction::{Operation, Transaction};
pub use vector_delete::VectorDelete;
pub use vector_params::{VectorMetric, VectorParams};
pub use vector_put::{VectorPut, VectorPutView};
pub use write_aborted::WriteAborted;
