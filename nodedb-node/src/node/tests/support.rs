//! What the tests of nodes share.

use nodedb_wal::types::{DatabaseId, TenantId, VshardId};
use nodedb_wal::{Config, Lsn};
use tempfile::TempDir;

use crate::{Node, NodeConfig};

pub(super) const T: TenantId = TenantId::new(1);
pub(super) const V: VshardId = VshardId::new(1);
pub(super) const D: DatabaseId = DatabaseId::new(1);

/// The settings of a node whose segments are as short as they can be.
pub(super) fn small_config(directory: &TempDir) -> NodeConfig {
    Config::new(directory.path())
        .segment_bytes(Config::SEGMENT_BYTES_MIN)
        .into()
}

pub(super) fn small_node(directory: &TempDir) -> Node {
    Node::open(small_config(directory)).unwrap()
}

/// Appends a row of so many bytes and commits it.
pub(super) fn write(node: &Node, bytes: usize) -> Lsn {
    let payload = vec![7; bytes];
    let lsn = node
        .wal()
        .append::<nodedb_wal::payload::Put>(T, V, D, &payload[..])
        .unwrap();
    node.wal().commit(lsn).unwrap();
    lsn
}

/// Fills so many segments with one record each, and starts the next.
pub(super) fn fill(node: &Node, segments: u32) -> Lsn {
    let mut last = Lsn::ZERO;
    for _ in 0..segments {
        last = write(node, 100);
        node.wal().rotate().unwrap();
    }
    last
}
