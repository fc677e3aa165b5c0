//! Disks that are damaged behind a crash, or that lie: what is lost is told, or nothing on the disk
//! speaks of it any more (`docs/decisions/0017-what-vouches-decides.md`).

use std::sync::LazyLock;

use nodedb_tests::ledger::Ledger;
use nodedb_tests::model::Violation;
use nodedb_tests::parallel::each;
use nodedb_tests::player::Door;
use nodedb_tests::ruin::{damage, lie};
use nodedb_tests::workload::Workload;
use nodedb_wal::TailPolicy;

use crate::settings::seeds;

/// Workloads of each policy that everybody runs.
const SEEDS: u64 = 60;

static DAMAGED: LazyLock<Ledger> =
    LazyLock::new(|| sweep("damaged", |workload| damage(workload, Door::HONEST)));
static LIED_TO: LazyLock<Ledger> = LazyLock::new(|| sweep("lied_to", lie));

/// What the sweeps did; the first who asks does them.
pub(crate) fn ledger() -> Ledger {
    let mut both = DAMAGED.clone();
    both.add(&LIED_TO);
    both
}

fn sweep(
    test: &str,
    attempt: impl Fn(&Workload) -> Result<Ledger, (Violation, u64)> + Sync,
) -> Ledger {
    let mut ledger = Ledger::default();
    let policies = [TailPolicy::Rewrite, TailPolicy::Pad];
    let cases = seeds(SEEDS).flat_map(|seed| policies.map(|policy| (seed, policy)));
    let work = |(seed, policy)| {
        attempt(&Workload::draw(seed, policy)).map_err(|(violation, cases)| {
            format!(
                "{policy:?}, case {cases}: {violation}\n\
                 rerun: CRASH_SEED={seed} CRASH_SEEDS=1 cargo test -p nodedb-tests --test crash {test}"
            )
        })
    };
    each(cases, work, |more| ledger.add(&more)).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{test}: {} disks", ledger.cycles);
    ledger
}

#[test]
fn what_is_left_of_a_damaged_disk_is_served_and_the_rest_is_told() {
    assert!(DAMAGED.cycles > 0);
}

#[test]
fn what_a_disk_lost_that_lied_to_the_log_is_told() {
    assert!(LIED_TO.cycles > 0);
}

/// A write landed on older blocks of its file. What it left there looked like the records that come
/// next, and the frontiers behind it, which said that what it had overwritten was durable, were
/// passed over.
#[test]
fn a_write_that_landed_on_older_ones_does_not_hide_what_vouches_for_them() {
    let told = lie(&Workload::draw(49, TailPolicy::Rewrite)).map_err(|(violation, _)| violation);
    assert!(told.unwrap().cycles > 0);
}
