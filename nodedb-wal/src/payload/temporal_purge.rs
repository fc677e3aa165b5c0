//! Old versions of rows were purged.

use super::msgpack::msgpack_payload;
use crate::types::Timestamp;

/// Versions of a collection's rows that had been superseded before a point in system time were
/// purged, as its retention asks: the audit trail of what is no longer there. Version 1:
/// msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemporalPurge {
    /// The collection that was purged.
    pub collection: String,
    /// The name of the engine that did it.
    pub engine: String,
    /// Versions whose system time ended before this were purged.
    pub cutoff: Timestamp,
    /// How many versions were purged.
    pub purged: u64,
}

msgpack_payload!(
    TemporalPurge, version 1, collection named,
    [collection, engine, cutoff, purged],
);
