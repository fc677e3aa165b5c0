//! Clones are one disk, forks are two; and a seed repeats everything.

use std::time::{Duration, Instant};

use super::{BLOCK, blocks, crash_losing_all, durable_file, first_byte, put, sectors};
use crate::storage::Access;
use crate::storage::sim::{CrashPlan, FaultPlan, FaultRates, SimDisk};
use crate::types::Timestamp;

#[test]
fn a_clone_is_the_same_disk() {
    let disk = SimDisk::new(0);
    durable_file(&*disk.storage(), "a", 1, 1);
    assert_eq!(first_byte(&*disk.clone().storage(), "a"), 1);
}

#[test]
fn a_fork_and_its_origin_do_not_see_each_other() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 2, 1);
    let _lock = storage.lock().unwrap();
    file.write_zeros(0, BLOCK).unwrap();
    let fork = disk.fork();
    let forked = fork.storage();
    assert!(!forked.is_locked().unwrap());
    put(&forked.open("a", Access::Write).unwrap(), 1, 1, 5);
    forked.rename("a", "b").unwrap();
    put(&file, 1, 1, 7);
    assert_eq!(disk.names(), ["a", "wal.lock"]);
    assert_eq!(fork.names(), ["b", "wal.lock"]);
    assert_eq!(sectors(&disk, "a"), [[0; 8], [7; 8]].concat());
    assert_eq!(sectors(&fork, "b"), [[0; 8], [5; 8]].concat());
    crash_losing_all(&fork);
    assert_eq!(sectors(&fork, "a"), [[1; 8], [5; 8]].concat());
    file.sync().unwrap();
    assert!(disk.is_powered());
}

/// Everything of a run that chance can change.
fn run(seed: u64) -> (Vec<u8>, Vec<String>, Timestamp, [u8; 16], String) {
    let disk = SimDisk::new(seed);
    let rates = FaultRates {
        error: 100_000,
        no_space: 100_000,
        misdirected: 100_000,
        lost: 100_000,
        stall: 100_000,
        clock_jump: 100_000,
    };
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 8, 1);
    disk.set_faults(FaultPlan {
        rates,
        ..FaultPlan::default()
    });
    for at in 0..40 {
        let _may_fail = file.write_durable(blocks(2, at).as_slice(), u64::from(at % 7) * BLOCK);
        let _may_fail = storage.create(&format!("b{at}"), BLOCK);
        let _may_fail = file.sync();
    }
    let mut bytes = [0; 16];
    storage.fill_random(&mut bytes).unwrap();
    let (time, counts) = (storage.now(), format!("{:?}", disk.faults()));
    disk.crash(&CrashPlan::garbage_sectors(seed));
    (
        disk.read_file("a").unwrap(),
        disk.names(),
        time,
        bytes,
        counts,
    )
}

#[test]
fn a_seed_repeats_everything_and_another_seed_nothing() {
    let (first, again, other) = (run(7), run(7), run(8));
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    assert_ne!(first.1, other.1);
    assert_ne!(first.2, other.2);
    assert_ne!(first.3, other.3);
    assert_ne!(first.4, other.4);
}

#[test]
fn random_bytes_are_not_the_same_after_a_restart() {
    let disk = SimDisk::new(0);
    let (mut first, mut second) = ([0; 16], [0; 16]);
    disk.storage().fill_random(&mut first).unwrap();
    crash_losing_all(&disk).fill_random(&mut second).unwrap();
    assert_ne!(first, second);
}

#[test]
fn time_passes_with_every_operation_and_goes_where_it_is_sent() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    disk.set_time_step(Duration::from_nanos(10));
    disk.set_time(Timestamp::from_nanos(0));
    let file = storage.create("a", BLOCK).unwrap();
    file.sync().unwrap();
    file.read_at(blocks(1, 0).as_mut_slice(), 0).unwrap();
    assert_eq!(disk.time(), Timestamp::from_nanos(30));
    assert_eq!(storage.now(), Timestamp::from_nanos(30));
    assert_eq!(storage.now(), Timestamp::from_nanos(40));
    disk.set_time(Timestamp::from_nanos(-5));
    assert_eq!(storage.now(), Timestamp::from_nanos(-5));
    disk.advance(Duration::from_secs(1));
    assert_eq!(storage.now(), Timestamp::from_nanos(1_000_000_005));
}

#[test]
fn threads_are_allowed_only_on_request() {
    let disk = SimDisk::new(0);
    assert!(!disk.storage().allows_threads());
    disk.set_allows_threads(true);
    assert!(disk.storage().allows_threads());
}

#[test]
fn space_that_was_never_written_costs_nothing() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let started = Instant::now();
    for name in 0..200 {
        let file = storage.create(&format!("{name}"), 64 << 20).unwrap();
        file.write_zeros(0, 64 << 20).unwrap();
        file.sync().unwrap();
        put(&file, 7, 1, 1);
    }
    for _ in 0..1000 {
        disk.fork().crash(&CrashPlan::garbage_sectors(1));
    }
    assert!(
        started.elapsed() < Duration::from_secs(20),
        "{:?}",
        started.elapsed()
    );
}
