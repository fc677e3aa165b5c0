//! The disk fails at each operation of seeded workloads, or is full for a while.

use nodedb_tests::errors::{Outcomes, fail_once, fill_up};
use nodedb_tests::player::{Door, Player};
use nodedb_tests::workload::Workload;
use nodedb_wal::TailPolicy;
use nodedb_wal::storage::sim::Fault;

fn workloads(count: u64) -> impl Iterator<Item = Workload> {
    let policies = [TailPolicy::Rewrite, TailPolicy::Pad];
    (1..=count)
        .zip(policies.into_iter().cycle())
        .map(|(seed, policy)| Workload::draw(seed, policy))
}

fn check(fault: Fault) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for workload in workloads(100) {
        let (whole, _) = Player::play(&workload, Door::HONEST, |_| {}).unwrap();
        for failing in 0..whole.disk.operations() {
            let outcome = fail_once(&workload, Door::HONEST, failing, fault);
            let more = outcome.unwrap_or_else(|violation| {
                panic!(
                    "seed {}, {fault:?} at {failing}: {violation}",
                    workload.seed
                )
            });
            outcomes.add(more);
        }
    }
    println!("{fault:?}: {outcomes:?}");
    outcomes
}

#[test]
fn after_a_failed_write_nothing_is_acknowledged_until_the_log_is_opened_again() {
    let outcomes = check(Fault::Error);
    assert!(
        outcomes.poisoned > 500 && outcomes.went_on > 500,
        "{outcomes:?}"
    );
}

#[test]
fn a_call_that_found_no_room_can_be_made_again() {
    let outcomes = check(Fault::NoSpace);
    assert!(
        outcomes.full > 500 && outcomes.poisoned == 0,
        "{outcomes:?}"
    );
}

#[test]
fn a_full_disk_stops_nothing_for_good_and_loses_nothing() {
    let mut outcomes = Outcomes::default();
    for workload in workloads(60) {
        for from in 0..workload.steps.len() {
            for steps in [1, 4, 30] {
                for writes_need_space in [false, true] {
                    let outcome = fill_up(&workload, from, steps, writes_need_space);
                    let more = outcome.unwrap_or_else(|violation| {
                        panic!(
                            "seed {}, full from step {from} for {steps}, writes need space \
                             {writes_need_space}: {violation}",
                            workload.seed
                        )
                    });
                    outcomes.add(more);
                }
            }
        }
    }
    println!("full: {outcomes:?}");
    assert!(outcomes.full > 1000, "{outcomes:?}");
}
