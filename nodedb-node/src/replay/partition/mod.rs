//! Replay into several sinks at once, each with a thread of its own, divided by vshard.
//!
//! The rule: a data record, and a transaction as a whole, goes to the worker of its vshard; a control
//! record goes to every worker. Each worker has one queue and takes from it in order, so each sink is
//! given its vshards' records and all control records in the order of the log: what a control record
//! says comes behind every one of its own records that the log has in front, and in front of every
//! one that the log has behind. Between sinks no order is kept.

mod crew;
mod handout;
mod parcel;
mod queue;
#[cfg(test)]
mod tests;
mod worker;

pub use crew::Workers;
