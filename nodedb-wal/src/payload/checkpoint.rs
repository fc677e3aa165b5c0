//! An engine holds everything up to an LSN elsewhere.

use super::msgpack::msgpack_payload;
use crate::types::Lsn;

/// An engine has everything up to and with an LSN in its own durable files: replay for that engine
/// starts behind it. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The engine's name.
    pub engine: String,
    /// The last record the engine no longer needs.
    pub lsn: Lsn,
}

msgpack_payload!(Checkpoint, version 1, collection none, [engine, lsn]);
