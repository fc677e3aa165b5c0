//! A write-ahead log of typed, tenant-scoped records.

pub mod config;
pub mod error;
pub mod format;
mod log;
pub mod payload;
mod segment;
pub mod storage;
pub mod types;

pub use config::{Config, OpenCheck, TailPolicy};
pub use error::{Error, ErrorClass, Result};
pub use log::{
    Commit, Dropped, DurableLsn, Finding, Log, ReadOptions, ReadStats, Reader, RecordView, Records,
    RecoveryReport, SegmentInfo, Stats, Truncated, Verdict, VerifyReport,
};
pub use types::{
    CollectionTag, DatabaseId, Epoch, Lsn, LsnRange, Record, RecordKind, Scope, TenantId,
    Timestamp, VshardId,
};
