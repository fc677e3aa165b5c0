//! A Calvin epoch ended on a virtual shard.

use super::msgpack::msgpack_payload;
use crate::types::{Epoch, VshardId};

/// A Calvin epoch ended on a virtual shard: every transaction of it that concerns the shard was
/// applied. Two replicas that applied the same in the same order write the same seal. Version 1:
/// msgpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CalvinSeal {
    /// The epoch that ended.
    pub epoch: Epoch,
    /// The virtual shard.
    pub vshard: VshardId,
    /// How many transactions of the epoch were applied on the shard.
    pub transactions: u64,
    /// How many records they have, their marks not counted.
    pub records: u64,
    /// A digest of those records that depends on their order.
    pub digest: u64,
}

msgpack_payload!(
    CalvinSeal, version 1, collection none,
    [epoch, vshard, transactions, records, digest],
    epoch epoch,
);
