//! What a surrogate stands for: a primary key of a collection.

use nodedb_wal::types::{DatabaseId, TenantId};

/// A collection: a name in a tenant's database. The same name in two databases is two collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Collection<'n> {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// The collection's name.
    pub name: &'n str,
}

impl<'n> Collection<'n> {
    /// The collection of this name.
    #[must_use]
    pub const fn new(tenant: TenantId, database: DatabaseId, name: &'n str) -> Self {
        Self {
            tenant,
            database,
            name,
        }
    }
}

/// A row: its collection's name and its primary key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// The collection's name.
    pub collection: String,
    /// The primary key, as the engine orders it.
    pub primary_key: Vec<u8>,
}

impl RowKey {
    /// The row of this key.
    #[must_use]
    pub fn new(collection: Collection<'_>, primary_key: &[u8]) -> Self {
        Self {
            tenant: collection.tenant,
            database: collection.database,
            collection: collection.name.to_owned(),
            primary_key: primary_key.to_vec(),
        }
    }
}
