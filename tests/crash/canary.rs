//! The checker checked: each planted bug must be found, and soon.

use nodedb_tests::errors::fail_once;
use nodedb_tests::lying::Lie;
use nodedb_tests::player::{Door, Player};
use nodedb_tests::ruin::damage;
use nodedb_tests::shrink::shrink;
use nodedb_tests::sweep::{Points, crash_everywhere};
use nodedb_tests::workload::Workload;
use nodedb_wal::TailPolicy;
use nodedb_wal::storage::sim::Fault;

/// Within how many workloads.
const WORKLOADS_MAX: u64 = 20;

/// How many cases a workload was tried in, and the violation that ended it.
type Found = (u64, Option<String>);

fn check(lie: Lie, attempt: impl Fn(&Workload) -> Found) {
    for tail_policy in [TailPolicy::Rewrite, TailPolicy::Pad] {
        let mut cycles = 0;
        let found = (1..=WORKLOADS_MAX).find_map(|seed| {
            let (more, violation) = attempt(&Workload::draw(seed, tail_policy));
            cycles += more;
            Some((seed, violation?))
        });
        let Some((workload, violation)) = found else {
            panic!("{lie:?} was not found in {WORKLOADS_MAX} workloads");
        };
        println!("{lie:?}, {tail_policy:?}: {cycles} cycles, workload {workload}: {violation}");
    }
}

fn by_crashes(lie: Lie, door: Door) {
    check(lie, |workload| {
        match crash_everywhere(workload, door, Points::All) {
            Ok(tried) => (tried.ledger.cycles, None),
            Err(failure) => (failure.cycles, Some(failure.to_string())),
        }
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
        let operations = whole.disk.operations();
        let mut all = 0..operations;
        let found = all.find_map(|at| {
            let violation = fail_once(workload, door, at, Fault::Error).err()?;
            Some((at + 1, Some(violation.to_string())))
        });
        found.unwrap_or((operations, None))
    });
}

#[test]
fn cutting_at_the_first_damage_is_found() {
    let door = Door(|inner| Lie::NothingBehindDamage.about(inner));
    check(Lie::NothingBehindDamage, |workload| {
        match damage(workload, door) {
            Ok(ledger) => (ledger.cycles, None),
            Err((violation, cycles)) => (cycles, Some(violation.to_string())),
        }
    });
}

/// What a failing workload is made smaller to still fails, and is small.
#[test]
fn a_planted_bug_comes_down_to_a_few_steps() {
    for (lie, door, steps_max) in [
        (
            Lie::LateWrites,
            Door(|inner| Lie::LateWrites.about(inner)),
            2,
        ),
        (
            Lie::ShortWrites,
            Door(|inner| Lie::ShortWrites.about(inner)),
            3,
        ),
    ] {
        let fails = |part: &Workload| crash_everywhere(part, door, Points::All).is_err();
        let workloads = (1..=WORKLOADS_MAX).map(|seed| Workload::draw(seed, TailPolicy::Rewrite));
        let workload = workloads
            .into_iter()
            .find(|workload| fails(workload))
            .unwrap();
        let selection = shrink(&workload, fails);
        let small = selection.of(&workload);
        println!(
            "{lie:?}: {} steps come down to {selection:?}",
            workload.steps.len()
        );
        assert!(fails(&small), "{small:?}");
        assert!(small.steps.len() <= steps_max, "{small:?}");
    }
}
