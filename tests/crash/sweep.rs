//! Every crash point of seeded workloads, with every way in which a disk can be left.
//!
//! `CRASH_SEEDS` sets how many workloads there are of each tail policy; `CRASH_SEED` which one is
//! first. A failure prints the line that runs it again.

use nodedb_tests::player::Door;
use nodedb_tests::sweep::{Points, Tried, crash_everywhere};
use nodedb_tests::workload::Workload;
use nodedb_wal::TailPolicy;

/// Workloads of each policy that everybody runs.
const SEEDS: u64 = 60;

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn check(tail_policy: TailPolicy) {
    let first = setting("CRASH_SEED").unwrap_or(1);
    let seeds = setting("CRASH_SEEDS").unwrap_or(SEEDS);
    let points = setting("CRASH_OP").map_or(Points::All, Points::One);
    let mut tried = Tried::default();
    for seed in first..first + seeds {
        let workload = Workload::draw(seed, tail_policy);
        match crash_everywhere(&workload, Door::HONEST, points) {
            Ok(more) => tried.add(&more),
            Err(violation) => panic!(
                "{violation}\nrerun: CRASH_SEED={seed} CRASH_SEEDS=1 cargo test -p nodedb-tests \
                 --test crash {}",
                match tail_policy {
                    TailPolicy::Rewrite => "blocks_that_are_rewritten",
                    TailPolicy::Pad => "blocks_that_are_padded",
                }
            ),
        }
    }
    println!(
        "{tail_policy:?}: {} workloads, {} crashes ({} in recovery), {} records found",
        tried.workloads, tried.cycles, tried.in_recovery, tried.records
    );
    for (kind, count) in tried.faults.iter().filter(|(_, count)| *count > 0) {
        println!("  {kind:?}: {count}");
    }
}

#[test]
fn no_crash_loses_or_invents_a_record_with_blocks_that_are_rewritten() {
    check(TailPolicy::Rewrite);
}

#[test]
fn no_crash_loses_or_invents_a_record_with_blocks_that_are_padded() {
    check(TailPolicy::Pad);
}
