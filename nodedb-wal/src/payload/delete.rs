//! A row was deleted.

use super::msgpack::msgpack_payload;

/// A row was deleted. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// The collection the row was in.
    pub collection: String,
    /// The row's primary key, as the engine orders it.
    pub key: Vec<u8>,
}

msgpack_payload!(Delete, version 1, collection named, [collection, key]);
