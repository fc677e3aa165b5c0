//! What replay withholds, one pure filter per file. Nothing here reads the log or decodes more of
//! a payload than the names of its collection and its array.

mod aborted;
mod calvin;
mod chain;
mod engines;
mod epoch;
mod flushed;
mod kinds;
mod scope;
mod skip;
mod tag_key;
#[cfg(test)]
mod testing;
mod tombstone;
mod window;

pub use aborted::AbortedWrites;
pub use calvin::CalvinGate;
pub(super) use chain::{Decision, Filters};
pub use engines::EngineFilter;
pub use epoch::EpochFilter;
pub use flushed::FlushedArrays;
pub use kinds::KindFilter;
pub use scope::ScopeFilter;
pub(super) use skip::SkipReason;
pub use skip::Skipped;
pub use tombstone::Tombstones;
pub use window::TimeWindow;
