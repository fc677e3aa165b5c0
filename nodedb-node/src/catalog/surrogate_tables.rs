//! Surrogates in the catalog: the high-watermark of each database, and each primary key's id, both
//! ways.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{DatabaseId, TenantId};
use parking_lot::RwLock;
use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction,
};

use super::store::Catalog;
use crate::control::ControlRecord;
use crate::error::Result;

/// Tenant and database.
type Database = (u64, u64);
/// Tenant, database, collection and primary key.
type Key = (u64, u64, &'static str, &'static [u8]);
/// Tenant, database and surrogate.
type Id = (u64, u64, u32);
/// A binding: the database, the collection and primary key, the surrogate.
type Bind<'r> = (Database, (&'r str, &'r [u8]), u32);

const HWM: TableDefinition<'_, Database, u32> = TableDefinition::new("_system.surrogate_hwm");
const PK: TableDefinition<'_, Key, u32> = TableDefinition::new("_system.surrogate_pk");
const PK_REV: TableDefinition<'_, Id, (&str, &[u8])> =
    TableDefinition::new("_system.surrogate_pk_rev");

pub(super) struct SurrogateTables<'t> {
    hwm: Table<'t, Database, u32>,
    pk: Table<'t, Key, u32>,
    pk_rev: Table<'t, Id, (&'static str, &'static [u8])>,
}

pub(super) fn make(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    open(transaction).map(drop)
}

pub(super) fn open(transaction: &WriteTransaction) -> Result<SurrogateTables<'_>, redb::Error> {
    Ok(SurrogateTables {
        hwm: transaction.open_table(HWM)?,
        pk: transaction.open_table(PK)?,
        pk_rev: transaction.open_table(PK_REV)?,
    })
}

impl SurrogateTables<'_> {
    /// Takes in what these records, in the order of the log, say of surrogates. Of two bindings of
    /// one key the first stands; the id of the second is used up all the same.
    pub(super) fn save(&mut self, records: &[ControlRecord]) -> Result<(), redb::Error> {
        let mut highest = BTreeMap::new();
        let mut binds = Vec::new();
        for record in records {
            let scope = record.header.scope;
            let database = (scope.tenant.value(), scope.database.value());
            let id = match &record.payload {
                AnyPayload::SurrogateAlloc(alloc) => alloc.last(),
                AnyPayload::SurrogateBind(bind) => {
                    let named = (bind.collection.as_str(), bind.primary_key.as_slice());
                    binds.push((database, named, bind.surrogate));
                    bind.surrogate
                }
                _ => continue,
            };
            let known = highest.entry(database).or_insert(id);
            *known = id.max(*known);
        }
        for (database, id) in highest {
            self.raise(database, id)?;
        }
        self.bind(binds)
    }

    /// In the order of the keys, and then of the ids: neighbours share a page.
    fn bind(&mut self, mut binds: Vec<Bind<'_>>) -> Result<(), redb::Error> {
        // Stable: of one key the first comes first.
        binds.sort_by_key(|(database, named, _)| (*database, *named));
        let mut standing = Vec::with_capacity(binds.len());
        for bind @ ((tenant, database), (collection, primary_key), id) in binds {
            let key = (tenant, database, collection, primary_key);
            let first = self.pk.insert(key, id)?.map(|value| value.value());
            match first {
                None => standing.push(bind),
                Some(first) => drop(self.pk.insert(key, first)?),
            }
        }
        standing.sort_by_key(|(database, _, id)| (*database, *id));
        for ((tenant, database), named, id) in standing {
            self.pk_rev.insert((tenant, database, id), named)?;
        }
        Ok(())
    }

    fn raise(&mut self, database: Database, to: u32) -> Result<(), redb::Error> {
        let known = self.hwm.get(database)?.map(|value| value.value());
        if known.is_none_or(|known| known < to) {
            self.hwm.insert(database, to)?;
        }
        Ok(())
    }
}

/// The bindings as a transaction left them, open: a look-up is a way down one tree and no more.
#[derive(Debug, Default)]
pub(super) struct Bindings {
    /// Opened by whoever looks first, under the lock, and taken away once a later transaction is
    /// there: who looks after that sees what it wrote.
    open: RwLock<Option<Arc<OpenBindings>>>,
}

struct OpenBindings(ReadOnlyTable<Key, u32>);

impl fmt::Debug for OpenBindings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenBindings").finish_non_exhaustive()
    }
}

impl Bindings {
    /// What was open is of the past.
    pub(super) fn look_again(&self) {
        *self.open.write() = None;
    }

    fn get(&self, catalog: &Catalog) -> Result<Arc<OpenBindings>> {
        if let Some(open) = &*self.open.read() {
            return Ok(Arc::clone(open));
        }
        let mut slot = self.open.write();
        if let Some(open) = &*slot {
            return Ok(Arc::clone(open));
        }
        let open = catalog.read("read", |transaction| Ok(transaction.open_table(PK)?))?;
        let open = Arc::new(OpenBindings(open));
        *slot = Some(Arc::clone(&open));
        Ok(open)
    }
}

/// A binding in the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BoundRow<'c> {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// The collection's name.
    pub collection: &'c str,
    /// The row's primary key.
    pub primary_key: &'c [u8],
    /// The row's surrogate.
    pub surrogate: u32,
}

impl Catalog {
    /// The highest surrogate of a database that was handed out or set aside, up to
    /// [`Catalog::applied`]; nothing when none was.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn surrogate_high_watermark(
        &self,
        tenant: TenantId,
        database: DatabaseId,
    ) -> Result<Option<u32>> {
        self.read("read", |transaction: &ReadTransaction| {
            let table = transaction.open_table(HWM)?;
            let found = table.get((tenant.value(), database.value()))?;
            Ok(found.map(|value| value.value()))
        })
    }

    /// The high-watermarks of all databases, in order of tenant and database.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn surrogate_high_watermarks(&self) -> Result<Vec<(TenantId, DatabaseId, u32)>> {
        self.read("read", |transaction: &ReadTransaction| {
            let mut all = Vec::new();
            for row in transaction.open_table(HWM)?.iter()? {
                let (key, value) = row?;
                let (tenant, database) = key.value();
                let (tenant, database) = (TenantId::new(tenant), DatabaseId::new(database));
                all.push((tenant, database, value.value()));
            }
            Ok(all)
        })
    }

    /// Shows `visit` every binding, in order of tenant, database, collection and primary key.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn visit_surrogates(&self, visit: &mut dyn FnMut(BoundRow<'_>)) -> Result<()> {
        self.read("read", |transaction: &ReadTransaction| {
            for row in transaction.open_table(PK)?.iter()? {
                let (key, value) = row?;
                let (tenant, database, collection, primary_key) = key.value();
                visit(BoundRow {
                    tenant: TenantId::new(tenant),
                    database: DatabaseId::new(database),
                    collection,
                    primary_key,
                    surrogate: value.value(),
                });
            }
            Ok(())
        })
    }

    /// The surrogate that a primary key is bound to, up to [`Catalog::applied`].
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn surrogate_of(
        &self,
        tenant: TenantId,
        database: DatabaseId,
        collection: &str,
        primary_key: &[u8],
    ) -> Result<Option<u32>> {
        let key = (tenant.value(), database.value(), collection, primary_key);
        let table = self.bindings().get(self)?;
        let found = table.0.get(key);
        let found = found.map_err(|source| self.failed("read", source))?;
        Ok(found.map(|value| value.value()))
    }

    /// The collection and primary key that are bound to a surrogate, up to [`Catalog::applied`].
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn primary_key_of(
        &self,
        tenant: TenantId,
        database: DatabaseId,
        surrogate: u32,
    ) -> Result<Option<(String, Vec<u8>)>> {
        self.read("read", |transaction: &ReadTransaction| {
            let table = transaction.open_table(PK_REV)?;
            let found = table.get((tenant.value(), database.value(), surrogate))?;
            Ok(found.map(|value| {
                let (collection, key) = value.value();
                (collection.to_owned(), key.to_vec())
            }))
        })
    }
}
