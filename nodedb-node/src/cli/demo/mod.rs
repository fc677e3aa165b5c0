//! `demo`: a child process writes every kind of record from many threads and tells what was
//! acknowledged; it is killed at a random moment; what comes back is held against what it said.
//!
//! Beside the writers a thread uses the services of a node (checkpoints, holds, tombstones, purges,
//! truncation) on a log of its own, under the same kills.
//!
//! Everything written follows from the seed, so the parent can make each expected record again,
//! byte by byte, and needs to remember only how far each thread came. Filters are held against a
//! model that is computed from the unfiltered log and shares no code with them.

mod aftermath;
mod args;
mod checker;
mod command;
mod content;
mod content_consumers;
mod ledger;
mod model;
mod report;
mod round;
mod service_checks;
mod services;
#[cfg(test)]
mod tests;
mod wire;
mod worker;
mod workload;

pub(super) use args::{DemoArgs, WorkerArgs};
pub(super) use command::run;
pub(super) use worker::work;
