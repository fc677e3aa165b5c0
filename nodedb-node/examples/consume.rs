//! Two consumers of one log: one that acknowledges what it has processed, and one that stores its
//! cursor with what came of it.

use nodedb_node::consumers::ConsumerSpec;
use nodedb_node::{Node, NodeConfig, Result};
use nodedb_wal::payload::Put;
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, VshardId};

fn main() -> Result<()> {
    let directory = std::env::temp_dir().join(format!("consume-{}", std::process::id()));
    let node = Node::open(NodeConfig::new(&directory))?;
    for name in ["mailer", "index"] {
        node.add_consumer(&ConsumerSpec::new(name))?;
    }
    let (tenant, vshard, database) = (TenantId::new(1), VshardId::new(1), DatabaseId::new(1));
    let last = (node.wal()).append::<Put>(tenant, vshard, database, &b"a row"[..])?;
    node.wal().commit(last)?;

    // At least once: processed first, acknowledged then.
    let mut mailer = node.consumer("mailer")?;
    while let Some(record) = mailer.next()? {
        let lsn = record.lsn(); // Send it.
        mailer.acknowledge(lsn)?;
    }

    // Exactly once: the cursor is stored with what it is the cursor of, in one step.
    let mut stored = (Lsn::ZERO, 0_usize);
    let mut index = node.consumer("index")?;
    index.resume_at(stored.0)?;
    while let Some(record) = index.next()? {
        stored = (record.lsn(), stored.1 + record.payload.len());
        index.acknowledge(stored.0)?; // What is before it may go.
    }
    drop((mailer, index));
    node.close()
}
