//! Sinks in memory, one per engine family: what a replay must come to, in the plainest form that
//! can be looked at. And a router that gives each record to its family's sink.
//!
//! None of them is an engine: they answer no queries, and keep every record's LSN to be able to
//! drop a collection.

mod array;
mod collections;
mod crdt;
mod kv;
mod memory;
mod router;
mod series;
#[cfg(test)]
mod tests;
mod vector;

pub use array::{ArraySink, CellVersion};
pub use collections::CollectionName;
pub use crdt::{CrdtSink, DocumentUpdate};
pub use kv::{KeyValueSink, Row};
pub use memory::MemorySinks;
pub use router::{Router, Unrouted};
pub use series::{LineSpan, SampleSpan, TimeseriesSink};
pub use vector::{StoredVector, VectorSink};
