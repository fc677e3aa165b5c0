//! A primary key was bound to a surrogate id.

use super::msgpack::msgpack_payload;

/// A primary key was bound to a surrogate id, for good: of two bindings of one key the first one
/// stands. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurrogateBind {
    /// The collection the row is in.
    pub collection: String,
    /// The id.
    pub surrogate: u32,
    /// The row's primary key, as the engine orders it.
    pub primary_key: Vec<u8>,
}

msgpack_payload!(
    SurrogateBind, version 1, collection named,
    [collection, surrogate, primary_key],
);
