//! The log end to end, on the real file system.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod append_with;
mod basics;
mod batches;
mod filters;
mod following;
mod following_cores;
mod grains;
mod handover;
mod holes;
mod lock;
mod metrics;
mod open_batch;
mod open_cost;
mod read_ahead;
mod salvage;
mod sealing;
mod stats;
mod sync_policy;
mod tail_blocks;
mod time;
