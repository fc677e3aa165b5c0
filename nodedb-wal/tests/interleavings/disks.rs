//! A disk that is full for a while, or fails.

use std::sync::Arc;

use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::{Error, Log, Lsn};

use crate::orders::{append, assert_dense, check, check_durable, in_threads, open};
/// Commits `lsn`, again as long as the disk is full.
pub(crate) fn commit_in_the_end(disk: &SimDisk, log: &Log, lsn: Lsn) {
    let durable = loop {
        match log.commit(lsn) {
            Ok(durable) => break durable,
            Err(Error::DiskFull { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    check_durable(disk, lsn, durable);
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
