//! Assigns surrogates from many threads until it is killed, and says on standard output which were
//! acknowledged.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use nodedb_node::surrogate::Collection;
use nodedb_node::{Node, NodeConfig};
use nodedb_wal::types::{DatabaseId, TenantId};

/// `DIRECTORY THREADS FIRST_KEY`: keys are the numbers from `FIRST_KEY` on, as decimal digits.
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut next = || arguments.next().unwrap();
    let directory = next();
    let threads: usize = next().parse().unwrap();
    let key = AtomicU64::new(next().parse().unwrap());
    let node = Node::open(NodeConfig::new(directory)).unwrap();
    let collection = Collection::new(TenantId::new(1), DatabaseId::new(1), "orders");
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let key = key.fetch_add(1, Ordering::Relaxed).to_string();
                    let surrogate = node.surrogates().assign(collection, key.as_bytes());
                    let line = format!("{key} {}\n", surrogate.unwrap());
                    // Nobody listens any more once this is killed.
                    io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
    ExitCode::SUCCESS
}
