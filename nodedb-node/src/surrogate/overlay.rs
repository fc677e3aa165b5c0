//! Bindings that the catalog does not have yet, in memory, both ways.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nodedb_wal::types::{DatabaseId, Lsn, TenantId};
use parking_lot::{Mutex, MutexGuard};

use super::id::Surrogate;
use super::row_key::RowKey;

/// Locks in each direction: more than threads that are likely to be at it at once.
const SHARDS: usize = 64;

/// A binding, and the record that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) surrogate: Surrogate,
    pub(super) lsn: Lsn,
}

/// A surrogate of one database.
type Id = (TenantId, DatabaseId, Surrogate);

/// The surrogates that share a lock: the row of each, and the record that binds it.
type Ids = Mutex<HashMap<Id, (Arc<RowKey>, Lsn)>>;

/// Bindings in memory. Each has been appended to the log; whether it is durable is for whoever asks
/// to find out from its LSN.
#[derive(Debug)]
pub(super) struct Overlay {
    hasher: RandomState,
    /// Held while a key is looked up here and in the catalog and, where it is nowhere, bound: two
    /// threads with one key come to one binding.
    by_key: Vec<Mutex<HashMap<Arc<RowKey>, Bound>>>,
    /// Taken under a lock of `by_key`, or alone.
    by_id: Vec<Ids>,
    len: AtomicUsize,
}

/// The keys that share a lock, held.
#[derive(Debug)]
pub(super) struct Shard<'o> {
    overlay: &'o Overlay,
    keys: MutexGuard<'o, HashMap<Arc<RowKey>, Bound>>,
}

impl Overlay {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            by_key: (0..SHARDS).map(|_| Mutex::default()).collect(),
            by_id: (0..SHARDS).map(|_| Mutex::default()).collect(),
            len: AtomicUsize::new(0),
        }
    }

    /// Bindings in memory.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    pub(super) fn lock(&self, key: &RowKey) -> Shard<'_> {
        let shard = shard_of(self.hasher.hash_one(key));
        let keys = self.by_key[shard].lock();
        Shard {
            overlay: self,
            keys,
        }
    }

    /// The key of a surrogate, and the record that binds it.
    pub(super) fn key_of(
        &self,
        tenant: TenantId,
        database: DatabaseId,
        surrogate: Surrogate,
    ) -> Option<(Arc<RowKey>, Lsn)> {
        let id = (tenant, database, surrogate);
        self.ids(&id).lock().get(&id).cloned()
    }

    /// Drops the bindings of records up to `applied`, which the catalog has.
    pub(super) fn forget(&self, applied: Lsn) {
        for shard in &self.by_key {
            let mut keys = shard.lock();
            let before = keys.len();
            keys.retain(|_, bound| bound.lsn > applied);
            self.len.fetch_sub(before - keys.len(), Ordering::Relaxed);
        }
        for shard in &self.by_id {
            shard.lock().retain(|_, (_, lsn)| *lsn > applied);
        }
    }

    fn ids(&self, id: &Id) -> &Ids {
        &self.by_id[shard_of(self.hasher.hash_one(id))]
    }
}

impl Shard<'_> {
    pub(super) fn find(&self, key: &RowKey) -> Option<Bound> {
        self.keys.get(key).copied()
    }

    pub(super) fn insert(&mut self, key: RowKey, bound: Bound) {
        let id = (key.tenant, key.database, bound.surrogate);
        let key = Arc::new(key);
        let both = (Arc::clone(&key), bound.lsn);
        self.overlay.ids(&id).lock().insert(id, both);
        self.keys.insert(key, bound);
        self.overlay.len.fetch_add(1, Ordering::Relaxed);
    }
}

fn shard_of(hash: u64) -> usize {
    // The upper bits: the tables inside use the lower ones.
    usize::try_from(hash >> 58).unwrap_or(0) % SHARDS
}

#[cfg(test)]
mod tests {
    use super::super::row_key::Collection;
    use super::*;

    #[test]
    fn what_the_catalog_has_is_dropped_both_ways_and_the_rest_stays() {
        let overlay = Overlay::new();
        let (t, d) = (TenantId::new(1), DatabaseId::new(2));
        let keys: Vec<RowKey> = (0..200_u32)
            .map(|n| RowKey::new(Collection::new(t, d, "c"), &n.to_le_bytes()))
            .collect();
        for (n, key) in (1..).zip(&keys) {
            let bound = Bound {
                surrogate: Surrogate::new(n),
                lsn: Lsn::new(u64::from(n) * 2),
            };
            overlay.lock(key).insert(key.clone(), bound);
        }
        assert_eq!(overlay.len(), 200);
        overlay.forget(Lsn::new(100));
        assert_eq!(overlay.len(), 150);
        for (n, key) in (1..).zip(&keys) {
            let found = overlay.lock(key).find(key).map(|bound| bound.surrogate);
            let back = overlay.key_of(t, d, Surrogate::new(n));
            let expected = (n > 50).then(|| Surrogate::new(n));
            assert_eq!(found, expected, "{n}");
            assert_eq!(back.is_some(), expected.is_some(), "{n}");
        }
    }
}
