//! The log: segments in a row, one writer, any number of readers.

mod append;
mod close;
mod commit;
mod commit_async;
mod handover;
mod image;
mod link;
mod link_error;
mod log_handle;
mod open;
mod prepare;
mod read;
mod read_filter;
mod read_options;
mod read_route;
mod reader;
mod report;
mod retire;
mod rotate;
mod state;
mod stats;
mod verdict;
mod verify;
mod view;
mod waiters;

pub use commit::DurableLsn;
pub use commit_async::Commit;
pub use log_handle::Log;
pub use read::{ReadStats, RecordView, Records};
pub use read_options::ReadOptions;
pub use reader::Reader;
pub use report::{Dropped, RecoveryReport, SegmentInfo};
pub use retire::Truncated;
pub use stats::Stats;
pub use verdict::Verdict;
pub use verify::{Finding, VerifyReport};
