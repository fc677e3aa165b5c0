//! Arrays whose memory was flushed: what the log says of them up to the watermark is in their own
//! files. Finding an array's name in a payload is left to the caller.

use std::collections::HashMap;

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{Lsn, RecordKind};

use super::tag_key::TagKey;
use crate::control::ArrayName;

/// For each array the last record that its own files hold. The default is no array.
///
/// A flush counts wherever it stands, and in whatever epoch: it says where bytes are, not what
/// happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlushedArrays {
    by_tag: HashMap<TagKey, Vec<Flushed>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Flushed {
    name: ArrayName,
    watermark: Lsn,
}

impl FlushedArrays {
    /// Notes that the array's files hold everything up to and with `watermark`. The highest counts.
    pub fn insert(&mut self, name: &ArrayName, watermark: Lsn) {
        let key = TagKey::new(name.tenant, name.database, &name.collection);
        let sharers = self.by_tag.entry(key).or_default();
        match sharers.iter_mut().find(|flushed| flushed.name == *name) {
            Some(known) => known.watermark = known.watermark.max(watermark),
            None => sharers.push(Flushed {
                name: name.clone(),
                watermark,
            }),
        }
    }

    /// Whether the record is withheld.
    ///
    /// The header decides for nearly all records. `name()` is the array the record's payload names;
    /// it is asked for only when the record is one of an array whose collection has a flushed array
    /// and the LSN is low enough.
    ///
    /// # Errors
    ///
    /// That of `name`: it could not read it, so nothing can be said of the record.
    pub fn hides<E>(
        &self,
        header: &RecordHeader,
        name: impl FnOnce() -> Result<Option<ArrayName>, E>,
    ) -> Result<bool, E> {
        let kind = header.kind.known();
        let is_cells =
            kind.is_some_and(|k| [RecordKind::ArrayPut, RecordKind::ArrayDelete].contains(&k));
        let sharers = TagKey::of(header)
            .filter(|_| is_cells)
            .and_then(|key| self.by_tag.get(&key));
        let Some(sharers) = sharers else {
            return Ok(false);
        };
        if sharers.iter().all(|f| header.lsn > f.watermark) {
            return Ok(false);
        }
        let Some(name) = name()? else {
            return Ok(false);
        };
        Ok(sharers
            .iter()
            .any(|f| f.name == name && header.lsn <= f.watermark))
    }
}

#[cfg(test)]
mod tests {
    use nodedb_wal::types::{CollectionTag, DatabaseId, Scope, TenantId, VshardId};

    use super::super::testing::header;
    use super::*;

    fn name(database: u64, array: &str) -> ArrayName {
        ArrayName {
            tenant: TenantId::new(1),
            database: DatabaseId::new(database),
            collection: "genome".to_owned(),
            array: array.to_owned(),
        }
    }

    fn cells(kind: RecordKind, database: u64, lsn: u64) -> RecordHeader {
        RecordHeader {
            scope: Scope::new(
                TenantId::new(1),
                DatabaseId::new(database),
                VshardId::new(9),
            ),
            collection: CollectionTag::of("genome"),
            ..header(kind, lsn)
        }
    }

    fn hides(flushed: &FlushedArrays, header: &RecordHeader, database: u64, array: &str) -> bool {
        let named = || Ok::<_, ()>(Some(name(database, array)));
        flushed.hides(header, named).unwrap()
    }

    #[test]
    fn cells_up_to_and_with_the_watermark_are_withheld() {
        let mut flushed = FlushedArrays::default();
        flushed.insert(&name(1, "a"), Lsn::new(7));
        flushed.insert(&name(1, "a"), Lsn::new(5));
        for kind in [RecordKind::ArrayPut, RecordKind::ArrayDelete] {
            for (lsn, hidden) in [(6, true), (7, true), (8, false)] {
                assert_eq!(
                    hides(&flushed, &cells(kind, 1, lsn), 1, "a"),
                    hidden,
                    "{lsn}"
                );
            }
        }
        assert!(!hides(&flushed, &cells(RecordKind::Put, 1, 6), 1, "a"));
    }

    #[test]
    fn other_arrays_and_other_databases_stay() {
        let mut flushed = FlushedArrays::default();
        flushed.insert(&name(1, "a"), Lsn::new(7));
        assert!(!hides(&flushed, &cells(RecordKind::ArrayPut, 1, 6), 1, "b"));
        assert!(!hides(&flushed, &cells(RecordKind::ArrayPut, 2, 6), 2, "a"));
    }

    #[test]
    fn the_payload_is_asked_only_when_the_header_cannot_decide() {
        let mut flushed = FlushedArrays::default();
        flushed.insert(&name(1, "a"), Lsn::new(7));
        let unasked = || -> Result<Option<ArrayName>, &str> { Err("asked") };
        for header in [
            cells(RecordKind::ArrayPut, 1, 8),
            cells(RecordKind::ArrayPut, 2, 7),
            cells(RecordKind::Put, 1, 7),
        ] {
            assert_eq!(flushed.hides(&header, unasked), Ok(false));
        }
        let low = cells(RecordKind::ArrayPut, 1, 7);
        assert_eq!(flushed.hides(&low, unasked), Err("asked"));
    }
}
