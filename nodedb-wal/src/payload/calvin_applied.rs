//! A Calvin transaction was applied.

use super::msgpack::msgpack_payload;
use crate::types::{Epoch, VshardId};

/// A Calvin transaction was applied on a virtual shard. Version 1: msgpack.
///
/// What it wrote there is said too, so that an epoch can be sealed from its marks alone, after its
/// records are gone.
///
/// Transactions are numbered by their sequencer: by epoch, and within it by position (Thomson and
/// others, "Calvin", SIGMOD 2012, section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CalvinApplied {
    /// The epoch the transaction was sequenced in.
    pub epoch: Epoch,
    /// Its place in the epoch, from 0 on.
    pub position: u32,
    /// The virtual shard it was applied on.
    pub vshard: VshardId,
    /// How many records it wrote on the shard, this mark not counted.
    pub records: u32,
    /// A digest of those records, in their order.
    pub digest: u64,
}

msgpack_payload!(
    CalvinApplied, version 1, collection none,
    [epoch, position, vshard, records, digest],
    epoch epoch,
);
