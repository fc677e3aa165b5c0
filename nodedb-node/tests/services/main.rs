//! The services of a node as somebody uses them from the command line.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod applied;
mod consumers;
mod home;
mod told;
