//! A collection was dropped.

use super::msgpack::msgpack_payload;
use crate::types::Lsn;

/// A collection of one (tenant, database) was dropped. Version 1: msgpack.
///
/// A collection of the same name in another database or of another tenant is another collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionTombstoned {
    /// The collection that was dropped.
    pub collection: String,
    /// Records of the collection with a smaller LSN are hidden; the record with this LSN and those
    /// behind it are not. Of several tombstones the highest one stands.
    pub purge_lsn: Lsn,
}

msgpack_payload!(
    CollectionTombstoned, version 1, collection named,
    [collection, purge_lsn],
);
