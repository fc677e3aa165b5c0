//! An earlier record's operation was aborted.

use super::msgpack::msgpack_payload;
use crate::types::Lsn;

/// An earlier record's operation was aborted after it had been logged: replay must not apply it.
/// Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteAborted {
    /// The record whose operation was aborted.
    pub lsn: Lsn,
    /// Why, for people.
    pub reason: String,
}

msgpack_payload!(WriteAborted, version 1, collection none, [lsn, reason]);
