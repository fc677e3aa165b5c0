//! The log end to end, on the real file system.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod basics;
mod filters;
mod handover;
mod holes;
mod open_cost;
mod salvage;
mod tail_blocks;
