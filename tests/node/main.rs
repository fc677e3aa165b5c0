//! The node end to end: its services, and crashes at every write of its log and its catalog.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod check;
mod holds;
mod medium;
mod model;
mod player;
mod say;
mod services;
mod sweep;
