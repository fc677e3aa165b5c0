//! Makes a log of a given size out of the lines of a file, with the control records of a node at
//! work among them, for trying `audit`, `audit verify`, `lsn-at` and `time-of`:
//!
//! ```text
//! cargo run --example audited_log -- DIR LINES_FILE MIB
//! ```
#![expect(clippy::print_stdout, reason = "an example tells what it does")]

use std::error::Error;

use nodedb_node::{Batch, Node, NodeConfig};
use nodedb_wal::payload::{Checkpoint, CollectionTombstoned, Hold, Put, TemporalPurge};
use nodedb_wal::{DatabaseId, Lsn, TenantId, Timestamp, VshardId};

const VSHARD: VshardId = VshardId::new(3);
const DATABASE: DatabaseId = DatabaseId::new(1);

/// Rows in a batch, and batches from one round of control records to the next.
const ROWS: usize = 256;
const BATCHES: u64 = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [directory, input, mib] = arguments.as_slice() else {
        return Err("give a directory, a file of lines, and a number of MiB".into());
    };
    let text = String::from_utf8_lossy(&std::fs::read(input)?).into_owned();
    let bytes_wanted = mib.parse::<u64>()? << 20;
    let node = Node::open(NodeConfig::new(directory))?;
    let mut lines = text.lines().cycle();
    let (mut bytes, mut batches) = (0, 0);
    while bytes < bytes_wanted {
        let tenant = TenantId::new(1 + batches % 4);
        bytes += write_rows(&node, tenant, &mut lines)?;
        if batches % BATCHES == 0 {
            let round = batches / BATCHES;
            write_control(&node, TenantId::new(1 + round % 4), round)?;
        }
        batches += 1;
    }
    let records = node.wal().sync()?.lsn();
    node.close()?;
    println!("{records} records, {bytes} bytes of lines");
    Ok(())
}

/// A batch of rows, one a line; how many bytes the lines have.
fn write_rows<'l>(
    node: &Node,
    tenant: TenantId,
    lines: &mut impl Iterator<Item = &'l str>,
) -> Result<u64, Box<dyn Error>> {
    let (mut batch, mut bytes) = (Batch::new(), 0);
    for line in lines.take(ROWS) {
        bytes += line.len() as u64;
        let put = Put {
            collection: "logs".to_owned(),
            key: node.wal().next_lsn().value().to_be_bytes().to_vec(),
            value: line.as_bytes().to_vec(),
        };
        batch.push(tenant, VSHARD, DATABASE, &put)?;
    }
    let lsns = node.wal().append_batch(&batch)?;
    node.wal().commit(lsns.last)?;
    Ok(bytes)
}

/// What schedulers and engines say now and then.
fn write_control(node: &Node, tenant: TenantId, round: u64) -> Result<(), Box<dyn Error>> {
    let wal = node.wal();
    let collection = format!("c{}", round % 8);
    let purge = TemporalPurge {
        collection: collection.clone(),
        engine: "kv".to_owned(),
        cutoff: Timestamp::from_nanos(1_700_000_000_000_000_000 + i64::try_from(round)?),
        purged: round,
    };
    wal.append_temporal_purge(tenant, VSHARD, DATABASE, &purge)?;
    if round.is_multiple_of(10) {
        let (engine, lsn) = ("kv".to_owned(), wal.durable_lsn());
        wal.append_checkpoint(tenant, VSHARD, DATABASE, &Checkpoint { engine, lsn })?;
        let (name, needs) = ("archive".to_owned(), Some(Lsn::FIRST));
        wal.append_hold(tenant, VSHARD, DATABASE, &Hold { name, needs })?;
    }
    if round.is_multiple_of(50) {
        let purge_lsn = wal.next_lsn();
        let dropped = CollectionTombstoned {
            collection,
            purge_lsn,
        };
        wal.append_collection_tombstone(tenant, VSHARD, DATABASE, &dropped)?;
    }
    wal.sync()?;
    Ok(())
}
