//! Somebody needs old records, or no longer does.

use super::msgpack::msgpack_payload;
use crate::types::Lsn;

/// Somebody needs old records: a checkpoint, a consumer, an archive. Of several records of one name
/// the last one stands. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The hold's name, one per node.
    pub name: String,
    /// The first record that is still needed; all behind it are needed too. Nothing when the
    /// holder has not said yet: then every record is needed. [`Lsn::MAX`] when the hold was
    /// dropped: then none is.
    pub needs: Option<Lsn>,
}

msgpack_payload!(Hold, version 1, collection none, [name, needs]);
