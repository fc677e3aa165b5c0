//! Every crash point of seeded workloads, with every way in which a disk can be left.
//!
//! A failure prints a smaller workload that still fails, and the line that runs it again.

use std::sync::LazyLock;
use std::time::Instant;

use nodedb_tests::ledger::Ledger;
use nodedb_tests::parallel::each;
use nodedb_tests::player::Door;
use nodedb_tests::sweep::{Tried, crash_everywhere};
use nodedb_tests::workload::Workload;
use nodedb_wal::TailPolicy;

use crate::settings::{points, seeds, selected, told};

/// Workloads of each policy that everybody runs.
const SEEDS: u64 = 110;

static REWRITTEN: LazyLock<Ledger> = LazyLock::new(|| sweep(TailPolicy::Rewrite));
static PADDED: LazyLock<Ledger> = LazyLock::new(|| sweep(TailPolicy::Pad));

/// What the sweeps did; the first who asks does them.
pub(crate) fn ledger() -> Ledger {
    let mut both = REWRITTEN.clone();
    both.add(&PADDED);
    both
}

fn sweep(tail_policy: TailPolicy) -> Ledger {
    let test = match tail_policy {
        TailPolicy::Rewrite => "blocks_that_are_rewritten",
        TailPolicy::Pad => "blocks_that_are_padded",
    };
    let started = Instant::now();
    let mut tried = Tried::default();
    let crash = |seed| {
        let workload = selected(&Workload::draw(seed, tail_policy));
        crash_everywhere(&workload, Door::HONEST, points())
            .map_err(|failure| told(&workload, Door::HONEST, &failure, test))
    };
    let done = each(seeds(SEEDS), crash, |more| tried.add(&more));
    done.unwrap_or_else(|failure| panic!("{failure}"));
    println!(
        "{tail_policy:?}: {} workloads, {} crashes ({} more in recovery), {} records found, {:.1?}",
        tried.workloads,
        tried.ledger.cycles,
        tried.ledger.in_recovery,
        tried.records,
        started.elapsed(),
    );
    tried.ledger
}

#[test]
fn no_crash_loses_or_invents_a_record_with_blocks_that_are_rewritten() {
    assert!(REWRITTEN.cycles > 0);
}

#[test]
fn no_crash_loses_or_invents_a_record_with_blocks_that_are_padded() {
    assert!(PADDED.cycles > 0);
}
