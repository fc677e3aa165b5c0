//! An epoch ended on a core.

use super::msgpack::msgpack_payload;
use crate::types::Epoch;

/// An epoch ended on a core: that core's log has no later record of it. Version 1: msgpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochBarrier {
    /// The epoch that ended.
    pub epoch: Epoch,
    /// The core's number, from 0 on.
    pub core: u32,
}

msgpack_payload!(EpochBarrier, version 1, collection none, [epoch, core], epoch epoch);
