//! Real processes on real file systems: killed, stopped, cut off from power, short of space, files
//! and rights. Nothing acknowledged may be lost, nothing be invented, and what fails says why.
//!
//! What a machine does not allow (loop devices, mounts, FUSE) is skipped with a line that says so.
//! `REAL_ROUNDS` multiplies the rounds of everything that is random or swept.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]
#![expect(clippy::print_stderr, reason = "what was skipped has to be seen")]

mod aftermath;
mod consumers;
mod full;
mod fuse;
mod kill;
mod limits;
mod places;
mod power;
mod processes;
mod program;
mod surrogates;
mod tailing;
mod writer;
