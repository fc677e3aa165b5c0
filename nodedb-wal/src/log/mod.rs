//! The log: segments in a row, one writer, any number of readers.

mod append;
mod bell;
mod bulk;
mod close;
mod commit;
mod commit_async;
mod handover;
mod image;
mod link;
mod link_error;
mod log_handle;
#[cfg(feature = "metrics")]
mod metrics_export;
mod open;
mod past;
mod prepare;
mod read;
mod read_ahead;
mod read_enter;
mod read_filter;
mod read_options;
mod read_place;
mod read_route;
mod reader;
mod record_view;
mod report;
mod retire;
mod rotate;
mod sealing;
mod shares;
mod state;
mod stats;
mod sync_behind;
mod time;
mod verdict;
mod verify;
mod view;
mod waiters;
mod witness;

pub use bell::Bell;
pub use commit::DurableLsn;
pub use commit_async::Commit;
pub use log_handle::Log;
#[cfg(feature = "metrics")]
pub use metrics_export::MetricsExporter;
pub use read::Records;
pub use read_options::ReadOptions;
pub use reader::Reader;
pub use record_view::{ReadStats, RecordView};
pub use report::{Dropped, RecoveryReport, ScopeUsage, SegmentExtent, SegmentInfo};
pub use retire::Truncated;
pub use stats::{Histogram, SegmentSpace, Stall, Stats, WriteMethod};
pub use sync_behind::Acknowledged;
pub use time::{Clocks, Looked, LsnAt};
pub use verdict::Verdict;
pub use verify::{Finding, VerifyReport};
