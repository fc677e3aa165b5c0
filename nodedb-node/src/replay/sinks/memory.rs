//! One sink in memory for each engine family, together: the state of a whole node.

use super::{ArraySink, CrdtSink, KeyValueSink, Router, TimeseriesSink, VectorSink};
use crate::replay::{EngineFamily, ReplayRecord, ReplaySink, ReplayTransaction, SinkError};

/// One sink in memory for each engine family.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemorySinks {
    /// Rows.
    pub kv: KeyValueSink,
    /// Vectors.
    pub vector: VectorSink,
    /// Samples and log lines.
    pub timeseries: TimeseriesSink,
    /// Documents.
    pub crdt: CrdtSink,
    /// Array cells.
    pub array: ArraySink,
}

impl MemorySinks {
    /// A router to them.
    pub fn router(&mut self) -> Router<'_> {
        Router::new()
            .with(EngineFamily::KeyValue, &mut self.kv)
            .with(EngineFamily::Vector, &mut self.vector)
            .with(EngineFamily::Timeseries, &mut self.timeseries)
            .with(EngineFamily::Crdt, &mut self.crdt)
            .with(EngineFamily::Array, &mut self.array)
    }

    /// Takes in what others hold that were given other vshards of the same replay.
    pub fn absorb(&mut self, other: Self) {
        self.kv.absorb(other.kv);
        self.vector.absorb(other.vector);
        self.timeseries.absorb(other.timeseries);
        self.crdt.absorb(other.crdt);
        self.array.absorb(other.array);
    }
}

impl ReplaySink for MemorySinks {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        self.router().apply(record)
    }

    fn apply_transaction(&mut self, transaction: &ReplayTransaction<'_>) -> Result<(), SinkError> {
        self.router().apply_transaction(transaction)
    }
}
