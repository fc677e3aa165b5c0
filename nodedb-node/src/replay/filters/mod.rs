//! What replay withholds, one pure filter per file. Nothing here reads the log or decodes more of
//! a payload than the name of its collection.

mod chain;
mod epoch;
mod scope;
mod tombstone;

pub(super) use chain::{Decision, Filters, SkipReason};
pub use epoch::EpochFilter;
pub use scope::ScopeFilter;
pub use tombstone::Tombstones;
