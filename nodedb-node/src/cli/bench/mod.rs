//! `bench`: the log's speed beside the raw disk's, in one run on one directory.
//!
//! The order of things: the catalogue ([`work`]) says what there is to measure; the command goes
//! through it round after round, each workload in a [`worker`] process of its own; [`summary`] takes medians
//! over the rounds; the report prints them. A raw row goes through the log's own storage door, so
//! that both sides ask the same things of the operating system.

mod args;
mod command;
mod commit;
mod compare;
mod content;
mod figures;
mod futures_commit;
mod goals;
mod html;
mod latency;
mod logs;
mod machine;
mod open;
mod percore;
mod place;
mod plots;
mod raw_reads;
mod raw_writes;
mod replay;
mod report;
mod rotation;
mod stream;
mod summary;
mod tenants;
#[cfg(test)]
mod tests;
mod work;
mod worker;

pub(super) use args::BenchArgs;
pub(super) use command::run;
pub(super) use worker::{BenchWorkerArgs, work};
