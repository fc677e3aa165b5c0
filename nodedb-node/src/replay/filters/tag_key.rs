//! What a record header says of its collection: enough to tell nearly all records apart.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{CollectionTag, DatabaseId, TenantId};

/// A collection as headers name it. Two names can share a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TagKey {
    tenant: TenantId,
    database: DatabaseId,
    tag: CollectionTag,
}

impl TagKey {
    pub(super) fn new(tenant: TenantId, database: DatabaseId, collection: &str) -> Self {
        Self {
            tenant,
            database,
            tag: CollectionTag::of(collection),
        }
    }

    /// The key of the record's collection; nothing when it names none that can be read.
    pub(super) fn of(header: &RecordHeader) -> Option<Self> {
        let names_one = header.collection != CollectionTag::NONE && !header.is_opaque();
        names_one.then_some(Self {
            tenant: header.scope.tenant,
            database: header.scope.database,
            tag: header.collection,
        })
    }
}
