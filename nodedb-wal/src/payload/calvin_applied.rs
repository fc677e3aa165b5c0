//! A Calvin transaction was applied.

use super::msgpack::msgpack_payload;
use crate::types::{Epoch, VshardId};

/// A Calvin transaction was applied on a virtual shard. Version 1: msgpack.
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
}

msgpack_payload!(
    CalvinApplied, version 1, collection none,
    [epoch, position, vshard],
    epoch epoch,
);
