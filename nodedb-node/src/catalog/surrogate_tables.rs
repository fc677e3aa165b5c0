//! Surrogates in the catalog: the high-watermark of each database, and each primary key's id, both
//! ways.

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{DatabaseId, TenantId};
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::store::Catalog;
use crate::control::ControlRecord;
use crate::error::Result;

/// Tenant and database.
type Database = (u64, u64);
/// Tenant, database, collection and primary key.
type Key = (u64, u64, &'static str, &'static [u8]);
/// Tenant, database and surrogate.
type Id = (u64, u64, u32);

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
    /// Takes in what the record says of surrogates. Of two bindings of one key the first stands;
    /// the id of the second is used up all the same.
    pub(super) fn save(&mut self, record: &ControlRecord) -> Result<(), redb::Error> {
        let scope = record.header.scope;
        let (tenant, database) = (scope.tenant.value(), scope.database.value());
        match &record.payload {
            AnyPayload::SurrogateAlloc(alloc) => self.raise(tenant, database, alloc.last()),
            AnyPayload::SurrogateBind(bind) => {
                self.raise(tenant, database, bind.surrogate)?;
                let key = (
                    tenant,
                    database,
                    bind.collection.as_str(),
                    bind.primary_key.as_slice(),
                );
                if self.pk.get(key)?.is_none() {
                    self.pk.insert(key, bind.surrogate)?;
                    let named = (bind.collection.as_str(), bind.primary_key.as_slice());
                    self.pk_rev
                        .insert((tenant, database, bind.surrogate), named)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn raise(&mut self, tenant: u64, database: u64, to: u32) -> Result<(), redb::Error> {
        let key = (tenant, database);
        let known = self.hwm.get(key)?.map(|value| value.value());
        if known.is_none_or(|known| known < to) {
            self.hwm.insert(key, to)?;
        }
        Ok(())
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
        self.read("read", |transaction: &ReadTransaction| {
            let table = transaction.open_table(PK)?;
            let key = (tenant.value(), database.value(), collection, primary_key);
            Ok(table.get(key)?.map(|value| value.value()))
        })
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
