//! Plain values: numbers with names. Nothing here knows of bytes or files.

mod collection;
mod epoch;
mod kind;
mod log_id;
mod lsn;
mod record;
mod scope;
mod timestamp;

pub use collection::CollectionTag;
pub use epoch::Epoch;
pub use kind::{CustomKind, KindCode, RecordKind};
pub use log_id::LogId;
pub use lsn::{Lsn, LsnRange};
pub use record::{Envelope, Record, RecordFlags};
pub use scope::{DatabaseId, Scope, TenantId, VshardId};
pub use timestamp::Timestamp;
