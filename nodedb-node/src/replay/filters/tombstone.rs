//! Dropped collections: which records a tombstone hides. Names are compared here; finding a name in
//! a payload is left to the caller, and asked for only where the header alone cannot decide.

use std::collections::{BTreeMap, HashMap};

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{DatabaseId, Lsn, TenantId};

use super::EpochFilter;
use super::tag_key::TagKey;
use crate::control::DroppedName;

/// The collections that were dropped, each with the LSN before which its records are hidden.
///
/// A collection is a name within one database of one tenant: dropping it there leaves the same name
/// elsewhere alone. A record is hidden when its LSN is strictly below the `purge_lsn`, so the
/// collection may be made anew and written from `purge_lsn` on. Dropped more than once, the highest
/// `purge_lsn` counts, whatever order the tombstones come in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tombstones {
    by_tag: HashMap<TagKey, Vec<Tombstone>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Tombstone {
    collection: Box<str>,
    purge_lsn: Lsn,
}

impl Tombstones {
    /// The collections that had been dropped as of the last epoch that passes `epochs`.
    #[must_use]
    pub fn as_of(dropped: &BTreeMap<DroppedName, Lsn>, epochs: EpochFilter) -> Self {
        let mut tombstones = Self::default();
        for (name, purge_lsn) in dropped.iter().filter(|(name, _)| epochs.admits(name.epoch)) {
            let (tenant, database) = (name.tenant, name.database);
            tombstones.insert(tenant, database, &name.collection, *purge_lsn);
        }
        tombstones
    }

    /// Notes that `collection` was dropped, up to but not including `purge_lsn`.
    pub fn insert(
        &mut self,
        tenant: TenantId,
        database: DatabaseId,
        collection: &str,
        purge_lsn: Lsn,
    ) {
        let key = TagKey::new(tenant, database, collection);
        let sharers = self.by_tag.entry(key).or_default();
        match sharers.iter_mut().find(|t| *t.collection == *collection) {
            Some(known) => known.purge_lsn = known.purge_lsn.max(purge_lsn),
            None => sharers.push(Tombstone {
                collection: collection.into(),
                purge_lsn,
            }),
        }
    }

    /// How many collections were dropped.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_tag.values().map(Vec::len).sum()
    }

    /// Whether none was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_tag.is_empty()
    }

    /// Whether the record is hidden.
    ///
    /// The header decides for nearly all records. `names(collection)` says whether the record's
    /// payload names that collection; it is called only when tenant, database and tag match and the
    /// LSN is low enough, because two names can share a tag.
    ///
    /// Records that name no collection, and raw payloads, whose name nobody here can read, are
    /// never hidden.
    ///
    /// # Errors
    ///
    /// That of `names`: it could not read the name, so nothing can be said of the record.
    pub fn hides<E>(
        &self,
        header: &RecordHeader,
        mut names: impl FnMut(&str) -> Result<bool, E>,
    ) -> Result<bool, E> {
        let sharers = TagKey::of(header).and_then(|key| self.by_tag.get(&key));
        for tombstone in sharers.map_or(&[][..], Vec::as_slice) {
            if header.lsn < tombstone.purge_lsn && names(&tombstone.collection)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use nodedb_wal::types::{CollectionTag, Epoch, RecordFlags, RecordKind, Scope, VshardId};

    use super::super::testing;
    use super::*;

    fn header(tenant: u64, database: u64, collection: &str, lsn: u64) -> RecordHeader {
        RecordHeader {
            scope: Scope::new(
                TenantId::new(tenant),
                DatabaseId::new(database),
                VshardId::new(7),
            ),
            collection: CollectionTag::of(collection),
            ..testing::header(RecordKind::Put, lsn)
        }
    }

    #[test]
    fn a_tombstone_of_a_later_epoch_has_not_happened() {
        let name = |epoch| DroppedName {
            tenant: TenantId::new(1),
            database: DatabaseId::new(1),
            collection: "orders".to_owned(),
            epoch: Epoch::new(epoch),
        };
        let dropped = BTreeMap::from([(name(0), Lsn::new(5)), (name(3), Lsn::new(9))]);
        for (until, purge) in [(Some(2), 5), (Some(3), 9), (None, 9)] {
            let until = until.map(Epoch::new);
            let tombstones = Tombstones::as_of(&dropped, EpochFilter { until });
            assert_eq!(tombstones.len(), 1);
            assert!(hides(&tombstones, 1, 1, "orders", purge - 1), "{until:?}");
            assert!(!hides(&tombstones, 1, 1, "orders", purge), "{until:?}");
        }
    }

    fn dropped(list: &[(u64, u64, &str, u64)]) -> Tombstones {
        let mut tombstones = Tombstones::default();
        for &(tenant, database, collection, purge_lsn) in list {
            let (tenant, database) = (TenantId::new(tenant), DatabaseId::new(database));
            tombstones.insert(tenant, database, collection, Lsn::new(purge_lsn));
        }
        tombstones
    }

    /// Whether a record of (tenant, database, name) at `lsn` is hidden.
    fn hides(tombstones: &Tombstones, tenant: u64, database: u64, name: &str, lsn: u64) -> bool {
        tombstones
            .hides(&header(tenant, database, name, lsn), |dropped| {
                Ok::<_, ()>(dropped == name)
            })
            .unwrap()
    }

    #[test]
    fn records_strictly_below_the_purge_lsn_are_hidden() {
        let tombstones = dropped(&[(1, 1, "orders", 10)]);
        for (lsn, hidden) in [(1, true), (9, true), (10, false), (11, false)] {
            assert_eq!(hides(&tombstones, 1, 1, "orders", lsn), hidden, "{lsn}");
        }
    }

    /// Lesson 25: tombstones ignored the database, so dropping a name in one database hid it in all.
    #[test]
    fn the_same_name_in_another_database_or_tenant_stays() {
        let tombstones = dropped(&[(1, 1, "orders", 10)]);
        assert!(hides(&tombstones, 1, 1, "orders", 5));
        assert!(!hides(&tombstones, 1, 2, "orders", 5));
        assert!(!hides(&tombstones, 2, 1, "orders", 5));
        assert!(!hides(&tombstones, 1, 1, "customers", 5));
    }

    #[test]
    fn the_highest_purge_lsn_wins_in_either_order() {
        for purges in [[10, 20], [20, 10]] {
            let tombstones = dropped(&purges.map(|purge| (1, 1, "orders", purge)));
            assert_eq!(tombstones.len(), 1);
            assert!(hides(&tombstones, 1, 1, "orders", 19), "{purges:?}");
            assert!(!hides(&tombstones, 1, 1, "orders", 20), "{purges:?}");
        }
    }

    #[test]
    fn two_names_that_share_a_tag_are_told_apart() {
        let (one, other) = ("costarring", "liquid");
        assert_eq!(CollectionTag::of(one), CollectionTag::of(other));
        let tombstones = dropped(&[(1, 1, one, 10)]);
        assert!(hides(&tombstones, 1, 1, one, 5));
        assert!(!hides(&tombstones, 1, 1, other, 5));
        let both = dropped(&[(1, 1, one, 10), (1, 1, other, 3)]);
        assert_eq!(both.len(), 2);
        assert!(hides(&both, 1, 1, other, 2));
        assert!(!hides(&both, 1, 1, other, 5));
    }

    #[test]
    fn the_payload_is_asked_only_when_the_header_cannot_decide() {
        let tombstones = dropped(&[(1, 1, "orders", 10)]);
        let unasked = |_: &str| -> Result<bool, &str> { Err("asked") };
        for header in [
            header(1, 1, "customers", 5),
            header(1, 1, "orders", 10),
            header(2, 1, "orders", 5),
        ] {
            assert_eq!(tombstones.hides(&header, unasked), Ok(false));
        }
        let matching = header(1, 1, "orders", 5);
        assert_eq!(tombstones.hides(&matching, unasked), Err("asked"));
    }

    #[test]
    fn raw_payloads_and_records_of_no_collection_are_never_hidden() {
        let tombstones = dropped(&[(1, 1, "orders", 10)]);
        let always = |_: &str| Ok::<_, ()>(true);
        let raw = RecordHeader {
            flags: RecordFlags::OPAQUE,
            ..header(1, 1, "orders", 5)
        };
        let nameless = RecordHeader {
            collection: CollectionTag::NONE,
            ..header(1, 1, "orders", 5)
        };
        assert_eq!(tombstones.hides(&raw, always), Ok(false));
        assert_eq!(tombstones.hides(&nameless, always), Ok(false));
    }
}
