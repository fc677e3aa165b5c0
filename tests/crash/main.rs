//! The log on a simulated disk that is crashed, damaged and made to fail on purpose.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]
#![expect(clippy::print_stdout, reason = "what was tried is counted and told")]

mod canary;
mod damage;
mod io_errors;
mod lessons;
mod recovery;
mod structure;
mod sweep;
mod tail;
mod unknown;
