//! An array's memory was flushed.

use super::msgpack::msgpack_payload;
use crate::types::Lsn;

/// An array's cells were written to the array's own files. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayFlush {
    /// The collection the array is in.
    pub collection: String,
    /// The array's name in the collection.
    pub array: String,
    /// The files hold everything the log says of the array up to and with this record: replay
    /// passes over it.
    pub watermark: Lsn,
}

msgpack_payload!(
    ArrayFlush, version 1, collection named,
    [collection, array, watermark],
);
