//! Ties an LSN to the wall clock.

use super::msgpack::msgpack_payload;
use crate::types::Timestamp;

/// What the wall clock said when this record was appended. Version 1: msgpack.
///
/// Unlike the timestamp in the record's header it may step back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeAnchor {
    /// The wall clock.
    pub wall_clock: Timestamp,
}

msgpack_payload!(TimeAnchor, version 1, collection none, [wall_clock]);
