//! A row was written.

use super::msgpack::msgpack_payload;

/// A row was written, whether or not it was there before. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The collection the row is in.
    pub collection: String,
    /// The row's primary key, as the engine orders it.
    pub key: Vec<u8>,
    /// The whole row, in the engine's own form.
    pub value: Vec<u8>,
}

msgpack_payload!(Put, version 1, collection named, [collection, key, value]);
