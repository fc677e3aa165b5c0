//! What control records say, as plain state: dropped collections, aborted writes, flushes,
//! checkpoints, holds, consumers, source offsets, Calvin progress. Pure: nothing here reads a log or a catalog.
//!
//! The same records in the same order give the same state, so it can be made from the log, kept in
//! the catalog, and compared.

mod audit_chain;
mod audit_entry;
mod calvin;
mod calvin_digest;
mod consumers;
mod holds;
mod offsets;
mod pins;
mod record;
mod state;

pub use audit_chain::{AuditChain, AuditDigest};
pub use audit_entry::{AuditEntry, AuditLink, audit_entry_bytes, audit_entry_record};
pub use calvin::{CalvinPosition, CalvinProgress, VshardProgress};
pub use calvin_digest::{EpochTally, TransactionDigest};
pub use consumers::{ConsumerState, ConsumerStates};
pub use holds::{Hold, Holds};
pub use offsets::{SourceOffsets, SourceProgress};
pub use pins::{Pin, pins};
pub use record::ControlRecord;
pub use state::{ArrayName, ControlState, DroppedName};
