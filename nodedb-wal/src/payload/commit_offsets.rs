//! Source offsets and a watermark were committed.

use super::msgpack::{msgpack_element, msgpack_payload};
use crate::types::Timestamp;

/// How far a source was taken in: after a crash it is read on from here, so that each of its events
/// takes effect once. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffsets {
    /// The source's name, as the node's configuration has it.
    pub source: String,
    /// For each partition, how far it was taken in. A partition that is not named stays where it is.
    pub offsets: Vec<PartitionOffset>,
    /// The time before which no more events are expected, if the source has such a promise.
    pub watermark: Option<Timestamp>,
}

msgpack_payload!(
    CommitOffsets, version 1, collection none,
    [source, offsets, watermark],
);

/// How far one partition of a source was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionOffset {
    /// The partition's number at the source.
    pub partition: u32,
    /// The offset of the next event to read; everything before it was taken in.
    pub offset: u64,
}

msgpack_element!(PartitionOffset, [partition, offset]);
