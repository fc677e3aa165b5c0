//! How far consumers of the log have acknowledged what was delivered to them.

use super::msgpack::{msgpack_element, msgpack_payload};
use crate::types::Lsn;

/// How far some consumers have come. One record tells of many, and not of each step: of several
/// records the last one that names a partition stands. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerCursors {
    /// The cursors that moved; those that are not named stay where they are.
    pub cursors: Vec<ConsumerCursor>,
}

msgpack_payload!(ConsumerCursors, version 1, collection none, [cursors]);

/// How far one partition of a consumer has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerCursor {
    /// The consumer's name.
    pub name: String,
    /// The partition, from 0 on.
    pub partition: u32,
    /// Every record of the partition up to here was processed, or is none the consumer wants.
    pub acknowledged: Lsn,
}

msgpack_element!(ConsumerCursor, [name, partition, acknowledged]);
