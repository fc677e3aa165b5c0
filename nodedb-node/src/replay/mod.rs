//! Replay: a plan, one pass over the log, filters, sinks, and a report that accounts for every
//! record. It reads; it cannot append.
//!
//! What a sink is given, in the order of the log, is every record that
//!
//! 1. is within the plan's first and last LSN, in its scope, of its engines and kinds and within
//!    its times, and not held by its own engine's checkpoint;
//! 2. was not written in an epoch after the plan's last one (records outside every epoch always
//!    pass);
//! 3. was not aborted, and is not of a Calvin transaction that was not applied to its end, where
//!    the plan asks for that;
//! 4. is not hidden by a tombstone, nor held by the flushed files of its array.
//!
//! 3 and 4 withhold data, never control records: a sink sees tombstones, checkpoints, surrogate
//! bindings and Calvin marks like any other record that passes 1 and 2, so that it can act on them.
//! The operations of a transaction are asked about one by one.
//!
//! What control records say counts wherever they stand, also before the plan's first LSN, in another
//! vshard, or outside the plan's kinds and times. Only a tombstone that was written in a withheld
//! epoch does not: as of the plan's last epoch it had not happened.

mod batch;
mod driver;
mod engine;
mod filters;
mod itinerary;
mod known;
mod on_manager;
mod outlet;
mod partition;
mod plan;
mod progress;
mod report;
mod sink;
pub mod sinks;
mod source;
mod stream;
#[cfg(test)]
mod tests;
mod transaction;

pub use driver::{Replay, replay};
pub use engine::EngineFamily;
pub use filters::{
    AbortedWrites, CalvinGate, EngineFilter, EpochFilter, FlushedArrays, KindFilter, ScopeFilter,
    Skipped, TimeWindow, Tombstones,
};
pub use known::Known;
pub use partition::Workers;
pub use plan::ReplayPlan;
pub use progress::ReplayProgress;
pub use report::{KindTally, OperationTally, ReplayReport};
pub use sink::{ReplayRecord, ReplaySink, SinkError};
pub use source::ReplaySource;
pub use transaction::ReplayTransaction;
