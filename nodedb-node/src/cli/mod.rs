//! The command-line program: arguments in, text or JSON out. The only place that prints.
//!
//! Every command takes `--json` and then prints JSON on standard output, errors included. Exit
//! codes: 0 fine, 1 usage or refusal, 2 corruption, 3 I/O; a reader of standard output that goes
//! away early is no error. Only `ingest`, `truncate` and `demo` change a log, and
//! `holds` and `checkpoint` where they are told to.

mod answer;
mod args;
mod audit;
mod audit_verify;
mod bench;
mod calvin;
mod calvin_compare;
mod checkpoint;
mod consumer_rows;
mod consumers;
mod core_line;
mod demo;
mod dump;
mod error;
mod holds;
pub mod ingest;
mod inspect;
mod interrupt;
mod look;
mod merge;
mod place;
mod progress;
mod replay;
mod run;
mod stats;
mod surrogates;
mod tail;
mod tail_cores;
mod tenants;
mod text;
mod times;
mod truncate;
mod values;
mod verify;

pub use run::{main, takes};
