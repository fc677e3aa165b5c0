//! A vector was deleted.

use super::msgpack::msgpack_payload;

/// A vector was deleted. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VectorDelete {
    /// The collection the vector was in.
    pub collection: String,
    /// The vector's id, as it was put.
    pub id: Vec<u8>,
}

msgpack_payload!(VectorDelete, version 1, collection named, [collection, id]);
