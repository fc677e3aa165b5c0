//! A write-ahead log of typed, tenant-scoped records.

pub mod config;
pub mod error;
pub mod format;
mod log;
pub mod payload;
pub mod percore;
mod segment;
pub mod storage;
mod sync;
pub mod types;

pub use config::{Config, OpenCheck, SyncPolicy, TailPolicy};
pub use error::{CoreFault, Error, ErrorClass, Result};
#[cfg(feature = "metrics")]
pub use log::MetricsExporter;
pub use log::{
    Acknowledged, Bell, Clocks, Commit, Dropped, DurableLsn, Finding, Follower, FollowerStop,
    Histogram, Log, Looked, LsnAt, OwnedRecord, ReadOptions, ReadStats, Reader, RecordView,
    Records, RecoveryReport, ScopeUsage, SegmentExtent, SegmentInfo, SegmentSpace, Stall, Stats,
    Tail, TailStream, Tailed, Truncated, Verdict, VerifyReport, WriteMethod,
};
#[cfg(feature = "interleave")]
#[doc(hidden)]
pub use sync::{Planted, plant};
pub use types::{
    CollectionTag, DatabaseId, Envelope, Epoch, LogId, Lsn, LsnRange, Record, RecordKind, Scope,
    TenantId, Timestamp, VshardId,
};
