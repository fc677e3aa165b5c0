//! Array cells were written.

use super::msgpack::{msgpack_element, msgpack_payload};

/// Cells of a bitemporal array were written. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayPut {
    /// The collection the array is in.
    pub collection: String,
    /// The array's name in the collection.
    pub array: String,
    /// Since when the database holds these cells, in milliseconds since 1970-01-01 UTC.
    pub system_from_ms: i64,
    /// The cells, in the order they were written: of two at the same place the later one stands.
    pub cells: Vec<ArrayCell>,
}

msgpack_payload!(
    ArrayPut, version 1, collection named,
    [collection, array, system_from_ms, cells],
);

/// One cell of an array, valid for a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayCell {
    /// Where the cell is: one index per dimension of the array.
    pub coordinates: Vec<i64>,
    /// From when on the cell holds in the world the array describes, in milliseconds since
    /// 1970-01-01 UTC; `i64::MIN` for "always did".
    pub valid_from_ms: i64,
    /// Until before when it holds, in milliseconds since 1970-01-01 UTC; `i64::MAX` for "until
    /// further notice".
    pub valid_until_ms: i64,
    /// The cell's attributes, in the array engine's own form.
    pub attributes: Vec<u8>,
}

msgpack_element!(
    ArrayCell,
    [coordinates, valid_from_ms, valid_until_ms, attributes]
);
