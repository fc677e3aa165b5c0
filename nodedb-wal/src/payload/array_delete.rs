//! Array cells were deleted.

use super::msgpack::msgpack_payload;

/// Cells of a bitemporal array were deleted: what they held before stays in the array's history.
/// Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArrayDelete {
    /// The collection the array is in.
    pub collection: String,
    /// The array's name in the collection.
    pub array: String,
    /// Since when the database no longer holds the cells, in milliseconds since 1970-01-01 UTC.
    pub system_from_ms: i64,
    /// From when on they no longer hold in the world the array describes, in milliseconds since
    /// 1970-01-01 UTC; `i64::MIN` for "never did".
    pub valid_from_ms: i64,
    /// Until before when they do not hold, in milliseconds since 1970-01-01 UTC; `i64::MAX` for
    /// "until further notice".
    pub valid_until_ms: i64,
    /// Where the cells are: for each, one index per dimension of the array.
    pub coordinates: Vec<Vec<i64>>,
}

msgpack_payload!(
    ArrayDelete, version 1, collection named,
    [collection, array, system_from_ms, valid_from_ms, valid_until_ms, coordinates],
);
