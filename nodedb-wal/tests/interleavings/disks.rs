//! A disk that is full for a while, or fails.

use std::sync::Arc;

use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::{Error, Log, Lsn, Record, RecordKind, Scope};
use shuttle::rand::{Rng as _, thread_rng};

use crate::orders::{append, assert_dense, check, check_durable, in_threads, open};
/// Commits `lsn`, again as long as the disk is full.
pub(crate) fn commit_in_the_end(disk: &SimDisk, log: &Log, lsn: Lsn) {
    let durable = until_there_is_room(|| log.commit(lsn));
    check_durable(disk, lsn, durable);
}

pub(crate) fn until_there_is_room<T>(mut attempt: impl FnMut() -> Result<T, Error>) -> T {
    loop {
        match attempt() {
            Ok(done) => return done,
            Err(Error::DiskFull { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

pub(crate) fn full_at(disk: &SimDisk, operation: u64) {
    disk.set_faults(FaultPlan {
        at: [(operation, Fault::NoSpace)].into(),
        ..FaultPlan::default()
    });
}

/// A write finds the disk full, and is made again while others come to wait for it and for the next.
fn full_disk() {
    let (disk, log) = open(|config| config);
    full_at(&disk, disk.operations());
    let log = Arc::new(log);
    let lsns = in_threads(4, move |_| {
        let lsn = append(&log, b"x").unwrap();
        commit_in_the_end(&disk, &log, lsn);
        lsn
    });
    assert_dense(lsns);
}

#[test]
fn whoever_waits_for_a_write_that_is_made_again_is_woken() {
    check("full disk", full_disk);
}

/// The disk fails under the second write: everybody is told one way or the other, and nobody is told
/// that something is on the disk that is not.
fn failing_disk() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let failing = disk.operations() + 1;
    disk.set_faults(FaultPlan {
        at: [(failing, Fault::Error)].into(),
        ..FaultPlan::default()
    });
    let log = Arc::new(log);
    in_threads(3, move |number| {
        for _ in 0..2 {
            let answer = append(&log, &[7; 1500]).and_then(|lsn| {
                let durable = match number {
                    0 => shuttle::future::block_on(log.commit_async(lsn)),
                    _ => log.commit(lsn),
                };
                durable.map(|durable| check_durable(&disk, lsn, durable))
            });
            match answer {
                Ok(()) | Err(Error::Poisoned { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn whoever_waits_for_a_failing_disk_is_told() {
    check("poison", failing_disk);
}

/// The disk is full for three operations somewhere under records, batches, rotations and truncations.
/// Everybody tries again and gets through.
fn full_anywhere() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let full = disk.operations() + thread_rng().gen_range(0..16_u64);
    let at = (full..full + 3).map(|operation| (operation, Fault::NoSpace));
    disk.set_faults(FaultPlan {
        at: at.collect(),
        ..FaultPlan::default()
    });
    let log = Arc::new(log);
    let lsns = in_threads(3, move |number| {
        let payload = [7; 2500];
        let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
        let count = [1, 1, 3][number];
        let lsns = until_there_is_room(|| log.append_batch(&[record; 3][..count]));
        if number == 0 {
            until_there_is_room(|| log.rotate());
            until_there_is_room(|| log.truncate_before(lsns.first));
        }
        commit_in_the_end(&disk, &log, lsns.last);
        (lsns.first.value()..=lsns.last.value()).map(Lsn::new)
    });
    assert_dense(lsns.into_iter().flatten());
}

#[test]
fn whoever_finds_the_disk_full_gets_through_when_there_is_room() {
    check("full anywhere", full_anywhere);
}
