//! A consumer of the log was dropped, by somebody or because it was too far behind.

use super::msgpack::msgpack_payload;
use crate::types::Lsn;

/// A consumer of the log was dropped: what only it needed may go. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerDropped {
    /// The consumer's name.
    pub name: String,
    /// Everything up to here it had acknowledged, in every partition.
    pub acknowledged: Lsn,
    /// What limit it was over, in words; nothing when somebody dropped it.
    pub over: Option<String>,
}

msgpack_payload!(ConsumerDropped, version 1, collection none, [name, acknowledged, over]);
