//! Samples of time series and log lines, in the order they came.

use std::collections::BTreeMap;

use nodedb_wal::payload::{AnyPayload, LogLine};
use nodedb_wal::types::Lsn;

use super::CollectionName;
use super::collections::{Collections, Droppable, stray, typed};
use crate::replay::{ReplayRecord, ReplaySink, SinkError};

/// The samples of one record.
///
/// Two are equal when they are bit by bit.
#[derive(Clone, Debug)]
pub struct SampleSpan {
    /// The record.
    pub lsn: Lsn,
    /// When each sample was taken, in nanoseconds since 1970-01-01 UTC.
    pub timestamps_ns: Vec<i64>,
    /// What was measured.
    pub values: Vec<f64>,
}

impl PartialEq for SampleSpan {
    fn eq(&self, other: &Self) -> bool {
        let bits = |of: &Self| of.values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        self.lsn == other.lsn
            && self.timestamps_ns == other.timestamps_ns
            && bits(self) == bits(other)
    }
}

impl Eq for SampleSpan {}

/// The log lines of one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineSpan {
    /// The record.
    pub lsn: Lsn,
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// Samples by series, and log lines by collection, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeseriesSink {
    collections: Collections<Streams>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Streams {
    by_series: BTreeMap<String, Vec<SampleSpan>>,
    lines: Vec<LineSpan>,
}

impl TimeseriesSink {
    /// The samples of a series in the order they came.
    #[must_use]
    pub fn samples(&self, collection: &CollectionName, series: &str) -> &[SampleSpan] {
        let streams = self.collections.find(collection);
        let spans = streams.and_then(|streams| streams.by_series.get(series));
        spans.map_or(&[], Vec::as_slice)
    }

    /// The log lines of a collection in the order they came.
    #[must_use]
    pub fn lines(&self, collection: &CollectionName) -> &[LineSpan] {
        let streams = self.collections.find(collection);
        streams.map_or(&[], |streams| streams.lines.as_slice())
    }

    /// Takes in what a sink holds that was given other vshards of the same replay. What was written
    /// to one series on several vshards is put in the order of the log.
    pub fn absorb(&mut self, other: Self) {
        self.collections.absorb(other.collections, |one, other| {
            for (series, spans) in other.by_series {
                let all = one.by_series.entry(series).or_default();
                all.extend(spans);
                all.sort_by_key(|span| span.lsn);
            }
            one.lines.extend(other.lines);
            one.lines.sort_by_key(|span| span.lsn);
        });
    }
}

impl Droppable for Streams {
    fn drop_before(&mut self, lsn: Lsn) {
        self.by_series.retain(|_, spans| {
            spans.retain(|span| span.lsn >= lsn);
            !spans.is_empty()
        });
        self.lines.retain(|span| span.lsn >= lsn);
    }

    fn is_empty(&self) -> bool {
        self.by_series.is_empty() && self.lines.is_empty()
    }
}

impl ReplaySink for TimeseriesSink {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        let lsn = record.lsn();
        match typed(record)? {
            AnyPayload::TimeseriesBatch(batch) => {
                let span = SampleSpan {
                    lsn,
                    timestamps_ns: batch.timestamps_ns,
                    values: batch.values,
                };
                let name = CollectionName::of(record, batch.collection);
                let streams = self.collections.entry(name);
                streams
                    .by_series
                    .entry(batch.series)
                    .or_default()
                    .push(span);
            }
            AnyPayload::LogBatch(batch) => {
                let name = CollectionName::of(record, batch.collection);
                let span = LineSpan {
                    lsn,
                    lines: batch.lines,
                };
                self.collections.entry(name).lines.push(span);
            }
            AnyPayload::CollectionTombstoned(dropped) => {
                self.collections.drop_collection(record, dropped);
            }
            payload if payload.kind().is_control() => {}
            payload => return Err(stray(&payload)),
        }
        Ok(())
    }
}
