//! Cells of bitemporal arrays: every version that was written and not yet flushed.

use std::collections::BTreeMap;

use nodedb_wal::payload::{AnyPayload, ArrayDelete, ArrayPut};
use nodedb_wal::types::Lsn;

use super::CollectionName;
use super::collections::{Collections, Droppable, stray, typed};
use crate::replay::{ReplayRecord, ReplaySink, SinkError};

/// What was said of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellVersion {
    /// The record that said it.
    pub lsn: Lsn,
    /// Since when the database says so, in milliseconds since 1970-01-01 UTC.
    pub system_from_ms: i64,
    /// From when on it holds in the world, in milliseconds since 1970-01-01 UTC.
    pub valid_from_ms: i64,
    /// Until before when it holds, in milliseconds since 1970-01-01 UTC.
    pub valid_until_ms: i64,
    /// The cell's attributes; nothing when it was deleted.
    pub attributes: Option<Vec<u8>>,
}

/// Cells by array, in memory: every version, in the order of the log. What a flush put into the
/// array's own files is dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ArraySink {
    arrays: Collections<Arrays>,
}

/// By array, and by coordinates.
type Arrays = BTreeMap<String, BTreeMap<Vec<i64>, Vec<CellVersion>>>;

impl ArraySink {
    /// What was said of a cell, in the order it was said.
    #[must_use]
    pub fn versions(
        &self,
        collection: &CollectionName,
        array: &str,
        coordinates: &[i64],
    ) -> &[CellVersion] {
        let cells = self.arrays.find(collection).and_then(|all| all.get(array));
        let versions = cells.and_then(|cells| cells.get(coordinates));
        versions.map_or(&[], Vec::as_slice)
    }

    /// What holds in a cell at a time of the world, as the database sees it now: what was said last
    /// of that time. Nothing when nothing was said, or the cell was deleted.
    #[must_use]
    pub fn find(
        &self,
        collection: &CollectionName,
        array: &str,
        coordinates: &[i64],
        valid_ms: i64,
    ) -> Option<&[u8]> {
        let versions = self.versions(collection, array, coordinates);
        let holds = |version: &&CellVersion| {
            version.valid_from_ms <= valid_ms && valid_ms < version.valid_until_ms
        };
        versions.iter().rev().find(holds)?.attributes.as_deref()
    }

    /// Takes in the cells of a sink that was given other vshards of the same replay. What was said
    /// of one cell on several vshards is put in the order of the log.
    pub fn absorb(&mut self, other: Self) {
        self.arrays.absorb(other.arrays, |one, other| {
            for (array, cells) in other {
                let all = one.entry(array).or_default();
                for (coordinates, versions) in cells {
                    let cell = all.entry(coordinates).or_default();
                    cell.extend(versions);
                    cell.sort_by_key(|version| version.lsn);
                }
            }
        });
    }

    fn put(&mut self, record: &ReplayRecord<'_>, put: ArrayPut) {
        let name = CollectionName::of(record, put.collection);
        let cells = self.arrays.entry(name).entry(put.array).or_default();
        for cell in put.cells {
            let version = CellVersion {
                lsn: record.lsn(),
                system_from_ms: put.system_from_ms,
                valid_from_ms: cell.valid_from_ms,
                valid_until_ms: cell.valid_until_ms,
                attributes: Some(cell.attributes),
            };
            cells.entry(cell.coordinates).or_default().push(version);
        }
    }

    fn delete(&mut self, record: &ReplayRecord<'_>, delete: ArrayDelete) {
        let name = CollectionName::of(record, delete.collection);
        let cells = self.arrays.entry(name).entry(delete.array).or_default();
        for coordinates in delete.coordinates {
            let version = CellVersion {
                lsn: record.lsn(),
                system_from_ms: delete.system_from_ms,
                valid_from_ms: delete.valid_from_ms,
                valid_until_ms: delete.valid_until_ms,
                attributes: None,
            };
            cells.entry(coordinates).or_default().push(version);
        }
    }
}

/// Keeps of each cell what `keeps` says, and no array or cell that is left without anything.
fn retain(arrays: &mut Arrays, mut keeps: impl FnMut(&str, &CellVersion) -> bool) {
    arrays.retain(|array, cells| {
        cells.retain(|_, versions| {
            versions.retain(|version| keeps(array, version));
            !versions.is_empty()
        });
        !cells.is_empty()
    });
}

impl Droppable for Arrays {
    fn drop_before(&mut self, lsn: Lsn) {
        retain(self, |_, version| version.lsn >= lsn);
    }

    fn is_empty(&self) -> bool {
        self.is_empty()
    }
}

impl ReplaySink for ArraySink {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        match typed(record)? {
            AnyPayload::ArrayPut(put) => self.put(record, put),
            AnyPayload::ArrayDelete(delete) => self.delete(record, delete),
            AnyPayload::ArrayFlush(flush) => {
                let name = CollectionName::of(record, flush.collection);
                let arrays = self.arrays.entry(name);
                retain(arrays, |array, version| {
                    array != flush.array || version.lsn > flush.watermark
                });
            }
            AnyPayload::CollectionTombstoned(dropped) => {
                self.arrays.drop_collection(record, dropped);
            }
            payload if payload.kind().is_control() => {}
            payload => return Err(stray(&payload)),
        }
        Ok(())
    }
}
