//! The disk fails at each operation of seeded workloads, or is full for a while.

use std::sync::LazyLock;

use nodedb_tests::errors::{Outcomes, fail_once, fail_reads, fill_up};
use nodedb_tests::ledger::Ledger;
use nodedb_tests::model::Violation;
use nodedb_tests::parallel::each;
use nodedb_tests::player::{Door, Player};
use nodedb_tests::workload::Workload;
use nodedb_wal::TailPolicy;
use nodedb_wal::storage::sim::{Fault, FaultKind};

use crate::settings::{is_usual, seeds};

/// Workloads that everybody runs, with an error at each operation and at each read.
const SEEDS: u64 = 950;

static ERRORS: LazyLock<Outcomes> = LazyLock::new(|| at_every_operation(Fault::Error));
static NO_SPACE: LazyLock<Outcomes> = LazyLock::new(|| at_every_operation(Fault::NoSpace));
static READS: LazyLock<Outcomes> = LazyLock::new(|| try_all("reads fail", SEEDS, fail_reads));
static FULL: LazyLock<Outcomes> = LazyLock::new(|| try_all("disk full", 60, full_at_every_step));

/// What was tried here; the first who asks does it.
pub(crate) fn ledger() -> Ledger {
    let mut sum = Ledger::default();
    for outcomes in [&ERRORS, &NO_SPACE, &READS, &FULL] {
        sum.add(&outcomes.ledger);
    }
    sum
}

fn try_all(
    what: &str,
    usual: u64,
    attempt: impl Fn(&Workload) -> Result<Outcomes, Violation> + Sync,
) -> Outcomes {
    let mut outcomes = Outcomes::default();
    let one = |seed: u64| {
        let policies = [TailPolicy::Rewrite, TailPolicy::Pad];
        let policy = policies[usize::from(seed.is_multiple_of(2))];
        attempt(&Workload::draw(seed, policy)).map_err(|violation| {
            format!(
                "{violation}\nrerun: CRASH_SEED={seed} CRASH_SEEDS=1 cargo test -p nodedb-tests \
                 --test crash io_errors::"
            )
        })
    };
    let done = each(seeds(usual), one, |more| outcomes.add(&more));
    done.unwrap_or_else(|failure| panic!("{failure}"));
    println!(
        "{what}: {} runs, {} poisoned, {} went on, {} at opening or closing, {} calls found the \
         disk full",
        outcomes.ledger.cycles,
        outcomes.poisoned,
        outcomes.went_on,
        outcomes.at_the_ends,
        outcomes.full
    );
    outcomes
}

fn at_every_operation(fault: Fault) -> Outcomes {
    try_all(&format!("{fault:?}"), SEEDS, |workload| {
        let (whole, _) = Player::play(workload, Door::HONEST, |_| {})?;
        let mut outcomes = Outcomes::default();
        for failing in 0..whole.disk.operations() {
            let more = fail_once(workload, Door::HONEST, failing, fault)
                .map_err(|violation| Violation(format!("{fault:?} at {failing}: {violation}")))?;
            outcomes.add(&more);
        }
        Ok(outcomes)
    })
}

fn full_at_every_step(workload: &Workload) -> Result<Outcomes, Violation> {
    let mut outcomes = Outcomes::default();
    for from in 0..workload.steps.len() {
        for steps in [1, 4, 30] {
            for writes_need_space in [false, true] {
                let more =
                    fill_up(workload, from, steps, writes_need_space).map_err(|violation| {
                        Violation(format!(
                            "full from step {from} for {steps}, writes need space \
                         {writes_need_space}: {violation}"
                        ))
                    })?;
                outcomes.add(&more);
            }
        }
    }
    Ok(outcomes)
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_until_the_log_is_opened_again() {
    assert!((ERRORS.poisoned > 500 && ERRORS.went_on > 500) || !is_usual());
}

#[test]
fn a_call_that_found_no_room_can_be_made_again() {
    assert!(NO_SPACE.full > 500 || !is_usual());
    assert_eq!(NO_SPACE.poisoned, 0);
}

#[test]
fn a_full_disk_stops_nothing_for_good_and_loses_nothing() {
    assert!(FULL.full > 1000 || !is_usual());
}

/// Lesson 28: a read that failed looked like the end of the log.
#[test]
fn a_failed_read_is_told_and_the_next_one_finds_everything() {
    assert!(READS.at_the_ends > 1000 || !is_usual());
}

#[test]
fn a_hundred_thousand_errors_are_told_and_lose_nothing() {
    use FaultKind::{NoSpace, OtherError, ReadError, SyncError, WriteError};
    let ledger = ledger();
    let kinds = [NoSpace, OtherError, ReadError, SyncError, WriteError];
    let injected: u64 = kinds.iter().map(|kind| ledger.injected(*kind)).sum();
    println!("errors injected: {injected}");
    assert!(injected >= 100_000 || !is_usual(), "{injected}");
}
