//! What sinks keep by collection, and how a collection is dropped.

use std::collections::BTreeMap;

use nodedb_wal::payload::{AnyPayload, CollectionTombstoned};
use nodedb_wal::types::{DatabaseId, Lsn, TenantId};

use crate::replay::{ReplayRecord, SinkError};

/// A collection: a name within one database of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionName {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// The collection.
    pub collection: String,
}

impl CollectionName {
    /// The collection of this name where the record belongs.
    #[must_use]
    pub fn of(record: &ReplayRecord<'_>, collection: String) -> Self {
        let scope = record.header().scope;
        Self {
            tenant: scope.tenant,
            database: scope.database,
            collection,
        }
    }
}

/// What can lose what was written before an LSN.
pub(super) trait Droppable {
    /// Drops what records before `lsn` have left.
    fn drop_before(&mut self, lsn: Lsn);

    /// Whether nothing is left.
    fn is_empty(&self) -> bool;
}

/// Something for each collection. One that holds nothing is as good as none.
#[derive(Clone, Debug)]
pub(super) struct Collections<T> {
    by_name: BTreeMap<CollectionName, T>,
}

impl<T: Droppable + PartialEq> PartialEq for Collections<T> {
    fn eq(&self, other: &Self) -> bool {
        let held = |(_, kept): &(&CollectionName, &T)| !kept.is_empty();
        let own = self.by_name.iter().filter(held);
        own.eq(other.by_name.iter().filter(held))
    }
}

impl<T: Droppable + Eq> Eq for Collections<T> {}

impl<T> Default for Collections<T> {
    fn default() -> Self {
        Self {
            by_name: BTreeMap::new(),
        }
    }
}

impl<T: Default + Droppable> Collections<T> {
    pub(super) fn entry(&mut self, name: CollectionName) -> &mut T {
        self.by_name.entry(name).or_default()
    }

    pub(super) fn find(&self, name: &CollectionName) -> Option<&T> {
        self.by_name.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&CollectionName, &T)> {
        self.by_name.iter()
    }

    /// Takes in the collections of another, which holds none of the same keys. `join` puts two parts
    /// of one collection together.
    pub(super) fn absorb(&mut self, other: Self, mut join: impl FnMut(&mut T, T)) {
        for (name, part) in other.by_name {
            join(self.entry(name), part);
        }
    }

    /// Drops what the tombstone hides.
    pub(super) fn drop_collection(
        &mut self,
        record: &ReplayRecord<'_>,
        dropped: CollectionTombstoned,
    ) {
        let name = CollectionName::of(record, dropped.collection);
        if let Some(kept) = self.by_name.get_mut(&name) {
            kept.drop_before(dropped.purge_lsn);
            if kept.is_empty() {
                self.by_name.remove(&name);
            }
        }
    }
}

/// The record's payload.
///
/// # Errors
///
/// It is raw bytes, or no payload of the record's kind: this sink cannot take it.
pub(super) fn typed(record: &ReplayRecord<'_>) -> Result<AnyPayload, SinkError> {
    match record.decode()? {
        Some(payload) => Ok(payload),
        None => Err("a raw payload, whose form only its writer knows".into()),
    }
}

/// That a sink was given a record of another family.
pub(super) fn stray(payload: &AnyPayload) -> SinkError {
    format!("a record of another engine: {}", payload.kind()).into()
}
