//! Which records the filters must withhold, told from the unfiltered log by means of its own: every
//! payload is decoded whole, names are compared and not tags, and what is dropped is looked up when
//! everything is known.

use std::collections::HashMap;

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::{AnyPayload, PayloadError, Transaction};
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, TenantId};

/// What must happen to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Applied,
    LaterEpoch,
    Dropped,
}

type Collection = (TenantId, DatabaseId, String);

/// What the model keeps of a record.
struct Row {
    lsn: Lsn,
    epoch: Epoch,
    /// The collections that would all have to be dropped to hide it; none for what nothing hides.
    collections: Vec<usize>,
}

struct Drop {
    epoch: Epoch,
    collection: usize,
    purge_lsn: Lsn,
}

/// The whole log, as far as filters care.
#[derive(Default)]
pub(super) struct Model {
    collections: HashMap<Collection, usize>,
    rows: Vec<Row>,
    drops: Vec<Drop>,
}

impl Model {
    /// Takes the next record of the log.
    pub(super) fn take(
        &mut self,
        header: &RecordHeader,
        payload: &[u8],
    ) -> Result<(), PayloadError> {
        let kind = header.kind.known().filter(|_| !header.is_opaque());
        let payload = kind
            .map(|kind| AnyPayload::decode(kind, payload))
            .transpose()?;
        let name = payload.as_ref().and_then(AnyPayload::collection);
        let collection = name.map(|name| self.number(header, name));
        if let (Some(AnyPayload::CollectionTombstoned(dropped)), Some(collection)) =
            (&payload, collection)
        {
            self.drops.push(Drop {
                epoch: header.epoch,
                collection,
                purge_lsn: dropped.purge_lsn,
            });
        }
        let collections = match &payload {
            Some(AnyPayload::Transaction(transaction)) => self.numbers(header, transaction)?,
            Some(payload) if payload.kind().is_control() => Vec::new(),
            _ => collection.into_iter().collect(),
        };
        self.rows.push(Row {
            lsn: header.lsn,
            epoch: header.epoch,
            collections,
        });
        Ok(())
    }

    /// The collections of a transaction's operations; none when an operation names none.
    fn numbers(
        &mut self,
        header: &RecordHeader,
        transaction: &Transaction,
    ) -> Result<Vec<usize>, PayloadError> {
        let mut numbers = Vec::new();
        for operation in &transaction.operations {
            let payload = operation.decode()?;
            let Some(name) = payload.as_ref().and_then(AnyPayload::collection) else {
                return Ok(Vec::new());
            };
            numbers.push(self.number(header, name));
        }
        Ok(numbers)
    }

    fn number(&mut self, header: &RecordHeader, name: &str) -> usize {
        let key = (header.scope.tenant, header.scope.database, name.to_owned());
        let next = self.collections.len();
        *self.collections.entry(key).or_insert(next)
    }

    /// The highest epoch of any record.
    pub(super) fn last_epoch(&self) -> Epoch {
        let epochs = self.rows.iter().map(|row| row.epoch);
        epochs.max().unwrap_or(Epoch::NONE)
    }

    /// What must happen to each record when epochs after `until` are withheld.
    pub(super) fn fates(&self, until: Option<Epoch>) -> Vec<(Lsn, Fate)> {
        let is_later = |epoch: Epoch| until.is_some_and(|until| epoch > until);
        let mut purged = vec![Lsn::ZERO; self.collections.len()];
        for drop in self.drops.iter().filter(|drop| !is_later(drop.epoch)) {
            purged[drop.collection] = purged[drop.collection].max(drop.purge_lsn);
        }
        let is_hidden = |row: &Row| {
            let mut all = row.collections.iter();
            !row.collections.is_empty() && all.all(|&at| row.lsn < purged[at])
        };
        let fate = |row: &Row| {
            if is_later(row.epoch) {
                Fate::LaterEpoch
            } else if is_hidden(row) {
                Fate::Dropped
            } else {
                Fate::Applied
            }
        };
        self.rows.iter().map(|row| (row.lsn, fate(row))).collect()
    }
}

#[cfg(test)]
mod tests {
    use nodedb_wal::payload::{CollectionTombstoned, Operation, Put};
    use nodedb_wal::types::{CollectionTag, RecordFlags, RecordKind, Scope, Timestamp, VshardId};

    use super::*;

    fn take(model: &mut Model, lsn: u64, database: u64, epoch: u64, payload: &AnyPayload) {
        let mut bytes = Vec::new();
        payload.encode(&mut bytes).unwrap();
        let header = RecordHeader {
            payload_crc: 0,
            payload_len: 0,
            kind: payload.kind().code(),
            flags: RecordFlags::NONE,
            lsn: Lsn::new(lsn),
            scope: Scope::new(
                TenantId::new(1),
                DatabaseId::new(database),
                VshardId::new(1),
            ),
            collection: CollectionTag::NONE,
            epoch: Epoch::new(epoch),
            timestamp: Timestamp::from_nanos(0),
        };
        model.take(&header, &bytes).unwrap();
    }

    fn put() -> AnyPayload {
        let collection = "orders".to_owned();
        Put {
            collection,
            key: vec![],
            value: vec![],
        }
        .into()
    }

    /// A transaction that hides only when all its collections were dropped.
    #[test]
    fn a_transaction_is_hidden_when_all_its_operations_are() {
        use Fate::{Applied, Dropped};
        let rows = |names: &[&str]| -> AnyPayload {
            let put = |name: &&str| {
                let collection = (*name).to_owned();
                let row = Put {
                    collection,
                    key: vec![],
                    value: vec![],
                };
                Operation::new(&row).unwrap()
            };
            let operations = names.iter().map(put).collect();
            Transaction { operations }.into()
        };
        let mut model = Model::default();
        take(&mut model, 1, 1, 0, &rows(&["orders", "orders"]));
        take(&mut model, 2, 1, 0, &rows(&["orders", "items"]));
        take(&mut model, 3, 1, 0, &rows(&[]));
        take(&mut model, 4, 1, 0, &dropped(9));
        let fates: Vec<Fate> = model.fates(None).into_iter().map(|(_, f)| f).collect();
        assert_eq!(fates, [Dropped, Applied, Applied, Applied]);
    }

    fn dropped(purge: u64) -> AnyPayload {
        CollectionTombstoned {
            collection: "orders".to_owned(),
            purge_lsn: Lsn::new(purge),
        }
        .into()
    }

    #[test]
    fn fates_are_what_the_rules_say() {
        use Fate::{Applied, Dropped, LaterEpoch};
        let mut model = Model::default();
        take(&mut model, 1, 1, 0, &put());
        take(&mut model, 2, 2, 0, &put());
        take(&mut model, 3, 1, 2, &dropped(3));
        take(&mut model, 4, 1, 3, &put());
        take(&mut model, 5, 1, 4, &dropped(5));
        assert!(RecordKind::CollectionTombstoned.is_control());
        let fates = |until: Option<u64>| -> Vec<Fate> {
            let fates = model.fates(until.map(Epoch::new));
            fates.into_iter().map(|(_, fate)| fate).collect()
        };
        assert_eq!(fates(None), [Dropped, Applied, Applied, Dropped, Applied]);
        assert_eq!(
            fates(Some(3)),
            [Dropped, Applied, Applied, Applied, LaterEpoch]
        );
        assert_eq!(
            fates(Some(1)),
            [Applied, Applied, LaterEpoch, LaterEpoch, LaterEpoch]
        );
        assert_eq!(model.last_epoch(), Epoch::new(4));
    }
}
