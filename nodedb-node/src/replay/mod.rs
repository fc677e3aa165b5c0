//! Replay: a plan, one pass over the log, filters, a sink, and a report that accounts for every
//! record. It reads; it cannot append.
//!
//! What a sink is given, in the order of the log, is every record that
//!
//! 1. is at or after the plan's first LSN, in its scope, of its kinds and within its times;
//! 2. was not written in an epoch after the plan's last one (records outside every epoch always
//!    pass);
//! 3. is not hidden by a tombstone. Tombstones hide data, never control records: a sink sees
//!    tombstones, checkpoints, surrogate bindings and Calvin marks like any other record that
//!    passes 1 and 2, so that it can act on them.
//!
//! A tombstone counts wherever it stands, also before the plan's first LSN, in another vshard, or
//! outside the plan's kinds and times. Only one that was written in a withheld epoch does not: as
//! of the plan's last epoch it had not happened.

mod driver;
mod filters;
mod on_manager;
mod plan;
mod report;
mod sink;
mod source;
#[cfg(test)]
mod tests;

pub use driver::replay;
pub use filters::{EpochFilter, ScopeFilter, Tombstones};
pub use plan::ReplayPlan;
pub use report::{KindTally, ReplayProgress, ReplayReport, Skipped};
pub use sink::{ReplayRecord, ReplaySink, SinkError};
pub use source::ReplaySource;
