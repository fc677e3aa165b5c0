//! The checker checked: each planted bug must be found, and soon.

use nodedb_tests::errors::fail_once;
use nodedb_tests::lying::Lie;
use nodedb_tests::player::{Door, Player};
use nodedb_tests::sweep::{Points, crash_everywhere};
use nodedb_tests::workload::Workload;
use nodedb_wal::TailPolicy;
use nodedb_wal::storage::sim::Fault;

/// Within how many workloads.
const WORKLOADS_MAX: u64 = 20;

fn check(lie: Lie, find: impl Fn(&Workload) -> Option<String>) {
    for tail_policy in [TailPolicy::Rewrite, TailPolicy::Pad] {
        let mut workloads = (1..=WORKLOADS_MAX).map(|seed| Workload::draw(seed, tail_policy));
        let found = workloads.find_map(|workload| Some((workload.seed, find(&workload)?)));
        let Some((workloads, violation)) = found else {
            panic!("{lie:?} was not found in {WORKLOADS_MAX} workloads");
        };
        println!("{lie:?}, {tail_policy:?}: found in workload {workloads}: {violation}");
    }
}

fn by_crashes(lie: Lie, door: Door) {
    check(lie, |workload| {
        let outcome = crash_everywhere(workload, door, Points::All);
        outcome.err().map(|violation| violation.to_string())
    });
}

#[test]
fn acknowledging_before_writing_is_found() {
    by_crashes(Lie::LateWrites, Door(|inner| Lie::LateWrites.about(inner)));
}

#[test]
fn leaving_out_the_sync_of_the_directory_is_found() {
    let door = Door(|inner| Lie::NoDirectorySync.about(inner));
    by_crashes(Lie::NoDirectorySync, door);
}

#[test]
fn leaving_out_the_sync_of_a_file_is_found() {
    by_crashes(Lie::NoFileSync, Door(|inner| Lie::NoFileSync.about(inner)));
}

#[test]
fn writing_less_than_was_asked_is_found() {
    by_crashes(
        Lie::ShortWrites,
        Door(|inner| Lie::ShortWrites.about(inner)),
    );
}

#[test]
fn swallowing_the_error_of_a_write_is_found() {
    let door = Door(|inner| Lie::SwallowedErrors.about(inner));
    check(Lie::SwallowedErrors, |workload| {
        let (whole, _) = Player::play(workload, Door::HONEST, |_| {}).unwrap();
        let mut all = 0..whole.disk.operations();
        all.find_map(|at| fail_once(workload, door, at, Fault::Error).err())
            .map(|violation| violation.to_string())
    });
}
