//! Rows in a redb file. The LSN up to which they hold what the log says is written in the same
//! transaction as the rows, so that the two cannot disagree.

use std::error::Error;
use std::path::Path;

use nodedb_node::replay::{ReplayRecord, ReplaySink, ReplayTransaction, SinkError};
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{DatabaseId, Lsn, TenantId};
use redb::{Database, ReadableDatabase, Table, TableDefinition};

/// Tenant, database, collection and key.
type Key = (u64, u64, &'static str, &'static [u8]);
/// The record that wrote the row, and what the row holds.
type Value = (u64, &'static [u8]);

const ROWS: TableDefinition<'_, Key, Value> = TableDefinition::new("rows");
const APPLIED: TableDefinition<'_, (), u64> = TableDefinition::new("applied");

/// Changes in one transaction of a restart: what bounds its memory.
const CHANGES_MAX: usize = 4_096;

/// A collection of a tenant's database.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Collection {
    pub(crate) tenant: TenantId,
    pub(crate) database: DatabaseId,
    pub(crate) name: String,
}

/// A change to the rows, and the record that says so.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) lsn: Lsn,
    pub(crate) collection: Collection,
    pub(crate) what: What,
}

/// What changes.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Put {
        key: Vec<u8>,
        value: Vec<u8>,
    },
    Delete {
        key: Vec<u8>,
    },
    /// Rows that were written before this record go.
    Drop {
        purge_lsn: Lsn,
    },
}

/// The rows.
pub(crate) struct Store {
    database: Database,
}

impl Store {
    pub(crate) fn open(path: &Path) -> Result<Self, redb::Error> {
        let database = Database::create(path)?;
        let transaction = database.begin_write()?;
        transaction.open_table(ROWS)?;
        transaction.open_table(APPLIED)?;
        transaction.commit()?;
        Ok(Self { database })
    }

    /// The last record whose effect the rows hold, and that of every record before it.
    pub(crate) fn applied(&self) -> Result<Lsn, redb::Error> {
        let transaction = self.database.begin_read()?;
        let applied = transaction.open_table(APPLIED)?.get(())?;
        Ok(applied.map_or(Lsn::ZERO, |lsn| Lsn::new(lsn.value())))
    }

    /// The row of this key.
    pub(crate) fn find(
        &self,
        collection: &Collection,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, redb::Error> {
        let transaction = self.database.begin_read()?;
        let rows = transaction.open_table(ROWS)?;
        let row = rows.get(key_of(collection, key))?;
        Ok(row.map(|row| row.value().1.to_vec()))
    }

    /// Makes the changes, and notes that the rows hold everything up to and with `applied`: both
    /// durable when this returns, or neither.
    pub(crate) fn change(&self, changes: &[Change], applied: Lsn) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        {
            let mut rows = transaction.open_table(ROWS)?;
            for change in changes {
                make(&mut rows, change)?;
            }
            transaction
                .open_table(APPLIED)?
                .insert((), applied.value())?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// The sink of a restart.
    pub(crate) fn restoring(&self) -> Restoring<'_> {
        Restoring {
            store: self,
            pending: Vec::new(),
            last: Lsn::ZERO,
        }
    }
}

fn make(rows: &mut Table<'_, Key, Value>, change: &Change) -> Result<(), redb::Error> {
    let collection = &change.collection;
    match &change.what {
        What::Put { key, value } => {
            let row = (change.lsn.value(), value.as_slice());
            rows.insert(key_of(collection, key), row)?;
        }
        What::Delete { key } => {
            rows.remove(key_of(collection, key))?;
        }
        What::Drop { purge_lsn } => {
            let first = key_of(collection, &[]);
            // The names of what follows are greater: no name has a byte below this one.
            let behind = format!("{}\0", collection.name);
            let end = (first.0, first.1, behind.as_str(), &[][..]);
            rows.retain_in(first..end, |_, (lsn, _)| lsn >= purge_lsn.value())?;
        }
    }
    Ok(())
}

fn key_of<'k>(collection: &'k Collection, key: &'k [u8]) -> (u64, u64, &'k str, &'k [u8]) {
    let (tenant, database) = (collection.tenant.value(), collection.database.value());
    (tenant, database, &collection.name, key)
}

/// Takes the records that the rows lack, many of them in one transaction. One that is cut off by a
/// crash is made again by the next restart: the LSN beside the rows says from where on.
pub(crate) struct Restoring<'s> {
    store: &'s Store,
    pending: Vec<Change>,
    last: Lsn,
}

impl Restoring<'_> {
    fn flush(&mut self, applied: Lsn) -> Result<(), SinkError> {
        self.store.change(&self.pending, applied)?;
        self.pending.clear();
        Ok(())
    }

    /// Takes a record or an operation, and writes nothing.
    fn take(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        self.last = record.lsn();
        self.pending.extend(change_of(record)?);
        Ok(())
    }

    fn flush_if_full(&mut self) -> Result<(), SinkError> {
        if self.pending.len() < CHANGES_MAX {
            return Ok(());
        }
        self.flush(self.last)
    }
}

impl ReplaySink for Restoring<'_> {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        self.take(record)?;
        self.flush_if_full()
    }

    /// All operations come into one transaction of redb: they share their LSN, and the rows hold a
    /// record whole or not at all.
    fn apply_transaction(&mut self, transaction: &ReplayTransaction<'_>) -> Result<(), SinkError> {
        let mut operations = transaction.operations().iter();
        operations.try_for_each(|operation| self.take(operation))?;
        self.flush_if_full()
    }

    /// Records that are not for this store, or that a filter withheld, count as applied too.
    fn finish(&mut self, through: Lsn) -> Result<(), SinkError> {
        self.flush(through)
    }
}

/// What the record changes; nothing when it is a control record that rows have no part in.
fn change_of(record: &ReplayRecord<'_>) -> Result<Option<Change>, Box<dyn Error + Send + Sync>> {
    let Some(payload) = record.decode()? else {
        return Err("a raw payload, which this store has never written".into());
    };
    let (name, what) = match payload {
        AnyPayload::Put(put) => {
            let (key, value) = (put.key, put.value);
            (put.collection, What::Put { key, value })
        }
        AnyPayload::Delete(delete) => (delete.collection, What::Delete { key: delete.key }),
        AnyPayload::CollectionTombstoned(dropped) => {
            let purge_lsn = dropped.purge_lsn;
            (dropped.collection, What::Drop { purge_lsn })
        }
        _ => return Ok(None),
    };
    let scope = record.header().scope;
    let collection = Collection {
        tenant: scope.tenant,
        database: scope.database,
        name,
    };
    let lsn = record.lsn();
    Ok(Some(Change {
        lsn,
        collection,
        what,
    }))
}
