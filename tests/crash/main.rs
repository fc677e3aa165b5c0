//! The log on a simulated disk that is crashed, damaged and made to fail on purpose.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]
#![expect(clippy::print_stdout, reason = "what was tried is counted and told")]

mod batches;
mod bulk;
mod calvin;
mod canary;
mod consumers;
mod damage;
mod exhaustive;
mod following;
mod io_errors;
mod lessons;
mod node;
mod policies;
mod recovery;
mod ruin;
mod settings;
mod structure;
mod subject;
mod surrogates;
mod sweep;
mod table;
mod tail;
mod unknown;
