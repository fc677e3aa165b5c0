//! A node whose threads assign surrogates is killed, again and again: every key that was
//! acknowledged keeps its surrogate, and no surrogate is handed out twice.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use nodedb_node::surrogate::Collection;
use nodedb_node::{Node, NodeConfig};
use nodedb_tests::random::Random;
use nodedb_wal::types::{DatabaseId, TenantId};
use tempfile::TempDir;

use crate::places::rounds;
use crate::program::program;

const THREADS: u32 = 64;

#[test]
fn surrogates_of_a_node_that_is_killed_are_neither_lost_nor_used_twice() {
    let home = TempDir::with_prefix("nodedb-real-").unwrap();
    let mut random = Random::new(11);
    let mut acknowledged = BTreeMap::<u64, u64>::new();
    let kills = 4 * rounds();
    for kill in 0..kills {
        // Keys of the life before come again, among others.
        let first = acknowledged.len() as u64 / 2;
        let log = home.path().to_str().unwrap();
        let (threads, first) = (THREADS.to_string(), first.to_string());
        let mut command = program(["assign", log, &threads, &first], "");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let enough = 500 + random.below(2_000);
        let mut hear = |line: std::io::Result<String>| {
            // The last line may have been cut off.
            let line = line.unwrap();
            let Some((key, surrogate)) = line.split_once(' ') else {
                return;
            };
            let (key, surrogate) = (key.parse().unwrap(), surrogate.parse().unwrap());
            let known = *acknowledged.entry(key).or_insert(surrogate);
            assert_eq!(known, surrogate, "key {key} in life {kill}");
        };
        for _ in 0..enough {
            hear(lines.next().unwrap());
        }
        child.kill().unwrap();
        let rest: Vec<_> = lines.collect();
        let whole = rest.len().saturating_sub(1);
        rest.into_iter().take(whole).for_each(&mut hear);
        child.wait().unwrap();
        let distinct: BTreeSet<_> = acknowledged.values().collect();
        assert_eq!(
            distinct.len(),
            acknowledged.len(),
            "used twice, in life {kill}"
        );
    }
    let node = Node::open(NodeConfig::new(home.path())).unwrap();
    let collection = Collection::new(TenantId::new(1), DatabaseId::new(1), "orders");
    for (key, surrogate) in &acknowledged {
        let found = node
            .surrogates()
            .find(collection, key.to_string().as_bytes());
        let found = found.unwrap().map(|found| u64::from(found.value()));
        assert_eq!(found, Some(*surrogate), "key {key}");
    }
    let new = node.surrogates().assign(collection, b"new").unwrap();
    let highest = acknowledged.values().max().unwrap();
    assert!(u64::from(new.value()) > *highest);
    eprintln!("{kills} kills, {} keys", acknowledged.len());
}
