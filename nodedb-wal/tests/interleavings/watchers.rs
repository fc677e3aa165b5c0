//! Whoever follows the log while it is written, closed or poisoned: every record once, in order, on
//! the disk, and no half batch.

use std::sync::Arc;

use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::{Error, Log, Lsn, ReadOptions, Record, RecordKind, Scope};
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::sync::mpsc;
use shuttle::thread::{self, JoinHandle};

use crate::orders::{append, check, in_threads, is_on_disk, open};

const BATCH: usize = 3;

/// Larger than the buffer, so that it is written in parts.
fn append_batch(log: &Log) -> Result<Lsn, Error> {
    let payload = [7; 2500];
    let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
    Ok(log.append_batch(&[record; BATCH])?.last)
}

/// Follows the log to its end; how many records came, and how it ended.
fn follow(disk: &SimDisk, log: &Log) -> JoinHandle<(u64, Result<(), Error>)> {
    let mut tail = log.tail(ReadOptions::all()).unwrap();
    let disk = disk.clone();
    thread::spawn(move || {
        let (mut last, mut is_inside) = (Lsn::ZERO, false);
        let ended = loop {
            match tail.next() {
                Ok(Some(record)) => {
                    let lsn = record.lsn();
                    assert_eq!(lsn, last.next());
                    assert!(is_on_disk(&disk, lsn), "{lsn} was delivered");
                    (last, is_inside) = (lsn, record.header.batch_continues());
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        assert!(!is_inside, "half a batch was delivered");
        (last.value(), ended)
    })
}

/// Two threads append records, batches and new segments, then the log is closed.
fn tailing() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let follower = follow(&disk, &log);
    let log = Arc::new(log);
    let writing = Arc::clone(&log);
    in_threads(2, move |number| {
        let lsn = append(&writing, b"x").unwrap();
        writing.commit(lsn).unwrap();
        if number == 0 {
            writing.rotate().unwrap();
        }
        append_batch(&writing).unwrap();
    });
    Arc::into_inner(log).unwrap().close().unwrap();
    let (count, ended) = follower.join().unwrap();
    ended.unwrap();
    assert_eq!(count, 2 * (1 + BATCH as u64));
}

#[test]
fn whoever_follows_sees_everything_up_to_the_end() {
    check("tail", tailing);
}

/// Each writer goes on once the follower has its record. The end of the log would wake the follower
/// too, so it must not come before.
fn told_of_each() {
    let (_disk, log) = open(|config| config);
    let log = Arc::new(log);
    let mut tail = log.tail(ReadOptions::all()).unwrap();
    let (deliver, delivered) = mpsc::channel();
    let follower = thread::spawn(move || {
        while let Some(record) = tail.next().unwrap() {
            deliver.send(record.lsn()).unwrap();
        }
    });
    let writing = Arc::clone(&log);
    let beside = thread::spawn(move || {
        let lsn = append(&writing, b"beside").unwrap();
        writing.commit(lsn).unwrap();
    });
    for _ in 0..3 {
        let lsn = append(&log, b"x").unwrap();
        log.commit(lsn).unwrap();
        while delivered.recv().unwrap() < lsn {}
    }
    beside.join().unwrap();
    Arc::into_inner(log).unwrap().close().unwrap();
    follower.join().unwrap();
}

#[test]
fn whoever_follows_is_woken_by_each_commit() {
    check("tail told", told_of_each);
}

/// The disk fails somewhere under records, batches and rotations: whoever commits or follows is told,
/// and what is on the disk are whole batches, all that was acknowledged among them.
fn failing() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let follower = follow(&disk, &log);
    let failing = disk.operations() + thread_rng().gen_range(0..16_u64);
    disk.set_faults(FaultPlan {
        at: [(failing, Fault::Error)].into(),
        ..FaultPlan::default()
    });
    let log = Arc::new(log);
    let writing = Arc::clone(&log);
    let acknowledged = in_threads(3, move |number| {
        let appended = match number {
            0 => append(&writing, &[7; 1500]),
            1 => writing.rotate().and_then(|()| append(&writing, b"x")),
            _ => append_batch(&writing),
        };
        appended.and_then(|lsn| writing.commit(lsn)).ok()
    });
    // A disk that did not fail is closed as ever.
    let _told = Arc::into_inner(log).unwrap().close();
    let (seen, _ended) = follower.join().unwrap();
    disk.set_faults(FaultPlan::default());
    disk.crash_keeping(&[]);
    disk.restart();
    let log = Log::open(nodedb_wal::Config::on(disk.storage()).witness_after(None)).unwrap();
    let found = log.next_lsn().previous();
    for durable in acknowledged.into_iter().flatten() {
        assert!(durable.lsn() <= found, "{durable} was acknowledged");
    }
    assert!(seen <= found.value(), "{seen} were delivered");
    let mut records = log.read(ReadOptions::all()).unwrap();
    let mut is_inside = false;
    while let Some(record) = records.next().unwrap() {
        is_inside = record.header.batch_continues();
    }
    assert!(!is_inside, "half a batch was found");
}

#[test]
fn whoever_follows_a_disk_that_fails_is_told() {
    check("tail of a failing disk", failing);
}
