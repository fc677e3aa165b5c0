//! The log's own threads, and those that call it, stopped and continued in every order that chance
//! finds: the real code on the simulated disk, with the locks of a scheduler in place of the kernel's.
//!
//! What is watched: nobody waits for ever (the scheduler sees when all threads sleep), no LSN is given
//! twice, and what was acknowledged is on the disk. `INTERLEAVE_SCHEDULES` sets how many orders of each
//! case are tried, `INTERLEAVE_SEED` where chance starts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]
#![expect(clippy::print_stdout, reason = "what was tried is counted and told")]

mod commits;
mod disks;
mod orders;
mod places;
mod watchers;
