//! Rows by key.

use std::collections::BTreeMap;

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::Lsn;

use super::CollectionName;
use super::collections::{Collections, Droppable, stray, typed};
use crate::replay::{ReplayRecord, ReplaySink, SinkError};

/// A row, and the record that wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The record.
    pub lsn: Lsn,
    /// What the row holds.
    pub value: Vec<u8>,
}

/// Rows by key, in memory: the last `Put` stands until a `Delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyValueSink {
    rows: Collections<BTreeMap<Vec<u8>, Row>>,
}

impl KeyValueSink {
    /// The row of this key.
    #[must_use]
    pub fn find(&self, collection: &CollectionName, key: &[u8]) -> Option<&Row> {
        self.rows.find(collection)?.get(key)
    }

    /// Every row, in order of collection and key.
    pub fn iter(&self) -> impl Iterator<Item = (&CollectionName, &[u8], &Row)> {
        let collections = self.rows.iter();
        collections.flat_map(|(name, rows)| {
            let rows = rows.iter();
            rows.map(move |(key, row)| (name, key.as_slice(), row))
        })
    }

    /// Takes in the rows of a sink that was given other vshards of the same replay.
    pub fn absorb(&mut self, other: Self) {
        self.rows.absorb(other.rows, Extend::extend);
    }
}

impl Droppable for BTreeMap<Vec<u8>, Row> {
    fn drop_before(&mut self, lsn: Lsn) {
        self.retain(|_, row| row.lsn >= lsn);
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl ReplaySink for KeyValueSink {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        match typed(record)? {
            AnyPayload::Put(put) => {
                let row = Row {
                    lsn: record.lsn(),
                    value: put.value,
                };
                let name = CollectionName::of(record, put.collection);
                self.rows.entry(name).insert(put.key, row);
            }
            AnyPayload::Delete(delete) => {
                let name = CollectionName::of(record, delete.collection);
                self.rows.entry(name).remove(&delete.key);
            }
            AnyPayload::CollectionTombstoned(dropped) => {
                self.rows.drop_collection(record, dropped);
            }
            payload if payload.kind().is_control() => {}
            payload => return Err(stray(&payload)),
        }
        Ok(())
    }
}
