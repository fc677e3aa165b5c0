//! How fast surrogates are assigned, beside plain commits of the same threads on the same machine:
//!
//! ```text
//! cargo run --release -p nodedb-node --example surrogate_rate -- DIR [THREADS [KEYS [ROUNDS]]]
//! ```
//!
//! 64 threads, 200,000 distinct keys and 3 rounds unless told otherwise. Each thread assigns one key
//! after the other, or appends a record of the same size and commits it, and waits each time until
//! that is durable. Both are measured in turns, each on a new log in `DIR`, which is removed
//! afterwards. No two keys may have one surrogate.

use std::collections::HashSet;
use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::ScopedJoinHandle;
use std::time::Instant;

use nodedb_node::surrogate::Collection;
use nodedb_node::{Node, NodeConfig};
use nodedb_wal::payload::SurrogateBind;
use nodedb_wal::types::{DatabaseId, TenantId, VshardId};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const TENANT: TenantId = TenantId::new(1);
const DATABASE: DatabaseId = DatabaseId::new(1);
const ORDERS: Collection<'static> = Collection::new(TENANT, DATABASE, "orders");

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let directory = PathBuf::from(arguments.next().ok_or("a directory is needed")?);
    let mut number = |usual: u64| arguments.next().map_or(Ok(usual), |text| text.parse());
    let (threads, keys, rounds) = (number(64)?, number(200_000)?, number(3)?);
    let mut out = std::io::stdout();
    writeln!(out, "{threads} threads, {keys} keys")?;
    let mut best = (0.0_f64, 0.0_f64);
    for round in 1..=rounds {
        let commits = on_new_node(&directory.join("plain"), |node| {
            rate(threads, keys, |key| commit(node, key)).map(|(rate, _)| rate)
        })?;
        let assigned = on_new_node(&directory.join("surrogates"), |node| {
            let (rate, surrogates) = rate(threads, keys, |key| {
                let key = key.to_be_bytes();
                Ok(node.surrogates().assign(ORDERS, &key)?.value())
            })?;
            let distinct: HashSet<u32> = surrogates.iter().copied().collect();
            if distinct.len() != surrogates.len() {
                return Err("a surrogate was assigned twice".into());
            }
            Ok(rate)
        })?;
        let ratio = assigned / commits;
        writeln!(
            out,
            "round {round}: {commits:.0} commits/s, {assigned:.0} surrogates/s: {ratio:.2}"
        )?;
        best = (best.0.max(commits), best.1.max(assigned));
    }
    let (commits, assigned) = best;
    writeln!(
        out,
        "best: {commits:.0} commits/s, {assigned:.0} surrogates/s: {:.2}",
        assigned / commits
    )?;
    Ok(())
}

/// Appends what an assignment appends, and commits it.
fn commit(node: &Node, key: u64) -> Outcome<u32> {
    let bind = SurrogateBind {
        collection: "orders".to_owned(),
        surrogate: 1,
        primary_key: key.to_be_bytes().to_vec(),
    };
    let wal = node.wal();
    let lsn = wal.append_surrogate_bind(TENANT, VshardId::new(0), DATABASE, &bind)?;
    wal.commit(lsn)?;
    Ok(0)
}

fn on_new_node<T>(directory: &Path, work: impl FnOnce(&Node) -> Outcome<T>) -> Outcome<T> {
    let node = Node::open(NodeConfig::new(directory))?;
    let worked = work(&node);
    drop(node);
    std::fs::remove_dir_all(directory)?;
    worked
}

/// Keys per second, and what came of each.
#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn rate(
    threads: u64,
    keys: u64,
    work: impl Fn(u64) -> Outcome<u32> + Sync,
) -> Outcome<(f64, Vec<u32>)> {
    let next = AtomicU64::new(0);
    let run = || {
        let mut done = Vec::new();
        loop {
            let key = next.fetch_add(1, Ordering::Relaxed);
            if key >= keys {
                return Ok(done);
            }
            done.push(work(key)?);
        }
    };
    let started = Instant::now();
    let done: Outcome<Vec<Vec<u32>>> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        let joined = workers.into_iter().map(ScopedJoinHandle::join);
        joined
            .map(|done| done.unwrap_or_else(|_| Err("a thread panicked".into())))
            .collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    Ok((keys as f64 / seconds, done?.concat()))
}
