//! A CRDT document took an update.

use super::msgpack::msgpack_payload;

/// A CRDT document took an update. Updates of one document commute, so their order matters only
/// for how soon each is seen. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdtDelta {
    /// The collection the document is in.
    pub collection: String,
    /// The document's id.
    pub document: String,
    /// The peer that made the update.
    pub peer: u64,
    /// The update, in the CRDT engine's own form.
    pub delta: Vec<u8>,
}

msgpack_payload!(
    CrdtDelta, version 1, collection named,
    [collection, document, peer, delta],
);
