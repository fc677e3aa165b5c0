//! Compatibility: old bytes stay readable, new ones are refused as the format says, and what is
//! written today is what was written when the golden files were made.
//!
//! A golden log is a directory under `golden/`: the files of a log as text, and `expected.txt`, which
//! says what opening, verifying and reading it must give. `docs/TESTING.md` says how they are made.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

mod cases;
mod describe;
mod error_text;
mod golden;
mod kept;
mod opens;
mod questions;
mod samples;
mod scribe;
mod sparse;
