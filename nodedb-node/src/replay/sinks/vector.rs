//! Vectors by id, and the parameters of each collection's index.

use std::collections::BTreeMap;

use nodedb_wal::payload::{AnyPayload, VectorParams};
use nodedb_wal::types::Lsn;

use super::CollectionName;
use super::collections::{Collections, Droppable, stray, typed};
use crate::replay::{ReplayRecord, ReplaySink, SinkError};

/// A vector, and the record that wrote it.
///
/// Two are equal when they are bit by bit.
#[derive(Clone, Debug)]
pub struct StoredVector {
    /// The record.
    pub lsn: Lsn,
    /// The vector's numbers.
    pub vector: Vec<f32>,
}

impl PartialEq for StoredVector {
    fn eq(&self, other: &Self) -> bool {
        let bits = |of: &Self| of.vector.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        self.lsn == other.lsn && bits(self) == bits(other)
    }
}

impl Eq for StoredVector {}

/// Vectors by id, in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VectorSink {
    collections: Collections<Vectors>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Vectors {
    by_id: BTreeMap<Vec<u8>, StoredVector>,
    params: Option<(Lsn, VectorParams)>,
}

impl VectorSink {
    /// The vector of this id.
    #[must_use]
    pub fn find(&self, collection: &CollectionName, id: &[u8]) -> Option<&StoredVector> {
        self.collections.find(collection)?.by_id.get(id)
    }

    /// The parameters of the collection's index.
    #[must_use]
    pub fn params(&self, collection: &CollectionName) -> Option<&VectorParams> {
        let vectors = self.collections.find(collection)?;
        vectors.params.as_ref().map(|(_, params)| params)
    }

    /// How many vectors there are.
    #[must_use]
    pub fn len(&self) -> usize {
        let collections = self.collections.iter();
        collections.map(|(_, vectors)| vectors.by_id.len()).sum()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in the vectors of a sink that was given other vshards of the same replay. Of two sets
    /// of parameters the later one stands.
    pub fn absorb(&mut self, other: Self) {
        self.collections.absorb(other.collections, |one, other| {
            one.by_id.extend(other.by_id);
            let lsn_of = |params: &Option<(Lsn, VectorParams)>| params.as_ref().map(|p| p.0);
            if lsn_of(&other.params) > lsn_of(&one.params) {
                one.params = other.params;
            }
        });
    }
}

impl Droppable for Vectors {
    fn drop_before(&mut self, lsn: Lsn) {
        self.by_id.retain(|_, vector| vector.lsn >= lsn);
        self.params.take_if(|(at, _)| *at < lsn);
    }

    fn is_empty(&self) -> bool {
        self.by_id.is_empty() && self.params.is_none()
    }
}

impl ReplaySink for VectorSink {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        match typed(record)? {
            AnyPayload::VectorPut(put) => {
                let vector = StoredVector {
                    lsn: record.lsn(),
                    vector: put.vector,
                };
                let name = CollectionName::of(record, put.collection);
                self.collections.entry(name).by_id.insert(put.id, vector);
            }
            AnyPayload::VectorDelete(delete) => {
                let name = CollectionName::of(record, delete.collection);
                self.collections.entry(name).by_id.remove(&delete.id);
            }
            AnyPayload::VectorParams(params) => {
                let name = CollectionName::of(record, params.collection.clone());
                self.collections.entry(name).params = Some((record.lsn(), params));
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
