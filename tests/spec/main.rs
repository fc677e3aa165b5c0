//! The protocol by itself, without bytes: append, write, acknowledge, rotate, truncate, crash, recover.
//! A model small enough that every history within a bound is walked, and every state checked.
//!
//! What the model says has to be true of the log for the same reasons: the same order of steps, the
//! same evidence in frontiers and headers, the same decision about the tail. What it leaves out: footers,
//! more than one damaged place, the disk being full. That the log takes no step which the model does not
//! have is checked on recorded runs of it (`trace.rs`).
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod actions;
mod recovery;
mod search;
mod shadow;
mod state;
mod trace;
