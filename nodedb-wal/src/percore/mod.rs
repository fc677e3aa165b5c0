//! One log per core: each written by its owner alone, all of them read as one.
//!
//! A directory tree, one lock: `core-0000`, `core-0001`, ... are each the directory of an ordinary log,
//! and `cores.manifest` beside them says which there are and what the last consistent cut was. A
//! [`CoreWriter`] appends to its core's log and shares no lock and no atomic number with another core;
//! [`CoreLogs`] is what they have in common: the global epoch, cuts across all cores, truncation. A
//! [`Merge`] brings the records of all cores in the order of (epoch, time, core, sequence).
//!
//! ```
//! use nodedb_wal::payload::Put;
//! use nodedb_wal::percore::{CoreLogs, CoresConfig, MergeOptions};
//! use nodedb_wal::{Config, Scope};
//!
//! # let directory = tempfile::tempdir().unwrap();
//! let config = Config::new(directory.path()).segment_bytes(1 << 20);
//! let (mut logs, mut writers) = CoreLogs::open(CoresConfig::new(config, 2))?;
//! std::thread::scope(|scope| {
//!     for writer in &mut writers {
//!         scope.spawn(|| {
//!             let key = writer.core().to_le_bytes().to_vec();
//!             let row = Put { collection: "rows".into(), key, value: b"a row".to_vec() };
//!             writer.append_payload(Scope::default(), &row)
//!         });
//!     }
//! });
//! let cut = logs.checkpoint(&mut writers, &[])?;
//!
//! let mut merge = logs.merge(&MergeOptions::all().complete())?;
//! let mut rows = 0;
//! while let Some(merged) = merge.next()? {
//!     rows += u32::from(merged.record.header.epoch <= cut.epoch);
//! }
//! assert_eq!(rows, 2 + 2); // Two rows, and the barrier of each core.
//! logs.close(writers)?;
//! # Ok::<_, nodedb_wal::Error>(())
//! ```

mod config;
mod cut;
mod follow;
mod logs;
mod manifest;
mod merge;
mod merge_options;
mod merge_order;
mod open;
mod reader;
mod restore;
mod retire;
mod sources;
mod survey;
mod sync;
#[cfg(test)]
mod tests;
mod writer;

pub use config::CoresConfig;
pub use cut::{Barrier, Cut};
pub use follow::{CoreFollower, CoreFollowerStop, core_directories};
pub use logs::{CoreLogs, CorePosition};
pub use merge::{Merge, MergeStats, Merged};
pub use merge_options::MergeOptions;
pub use reader::CoreReader;
pub use restore::Restored;
pub use sync::SyncDone;
pub use writer::CoreWriter;
