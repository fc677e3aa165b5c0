//! What input files look like, and how their content becomes payloads and can be read back from
//! them. Pure: from bytes to values; nothing here opens a file or appends to a log.
//!
//! Each mapping is lossless: from the payloads of a replay everything that was in the input can be
//! had again, numbers bit by bit. What a format does not keep is said in its file.

mod crdt;
mod csv_rows;
mod error;
mod kv;
mod log_lines;
mod time;
mod timeseries;
mod vector;

pub use crdt::EditingTrace;
pub use csv_rows::{CsvRow, CsvRows};
pub use error::FormatError;
pub use kv::{BlockRequest, Operation};
pub use log_lines::LogLines;
pub(in crate::cli) use time::parse as parse_time;
pub use timeseries::Sample;
pub use vector::{VectorRow, VectorRows};
