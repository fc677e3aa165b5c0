//! The log's lock is not held while the disk is at work: whoever appends then does not wait for the disk.

use std::sync::mpsc::channel;
use std::thread::scope;
use std::time::Duration;

use nodedb_tests::watched::Watch;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

/// Nothing here takes as long; it is how long a test that fails takes to say so.
const LONG: Duration = Duration::from_secs(20);

/// The file that the first segment is made of.
const FIRST_SEGMENT: usize = 0;

fn open(watch: &Watch) -> Log {
    let disk = SimDisk::new(21);
    disk.set_allows_threads(true);
    let config = Config::on(watch.over(disk.storage())).segment_bytes(1 << 20);
    // A witness would be a write of its own.
    Log::open(config.witness_after(None)).unwrap()
}

fn append(log: &Log) -> Lsn {
    let record = Record::raw(RecordKind::Put, Scope::default(), b"row");
    log.append(&record).unwrap()
}

/// Does `at_disk` on a thread until it waits for the disk, then `meanwhile` on another, which must end.
fn check(log: &Log, watch: &Watch, at_disk: impl FnOnce() + Send, meanwhile: impl FnOnce() + Send) {
    watch.hold_up(FIRST_SEGMENT);
    let is_done = scope(|threads| {
        threads.spawn(at_disk);
        watch.wait_for_write();
        let (done, told) = channel();
        threads.spawn(move || {
            meanwhile();
            done.send(()).unwrap();
        });
        let is_done = told.recv_timeout(LONG).is_ok();
        watch.let_go();
        is_done
    });
    assert!(is_done, "it waited for the disk");
    log.sync().unwrap();
}

/// Lesson 34: the lock was held across the sync, so that everybody waited for the disk.
#[test]
fn records_are_appended_while_a_write_is_on_its_way() {
    let watch = Watch::default();
    let log = open(&watch);
    let commit = || {
        log.commit(append(&log)).unwrap();
    };
    check(&log, &watch, commit, || {
        for _ in 0..100 {
            append(&log);
        }
    });
    assert_eq!(log.durable_lsn(), Lsn::new(101));
}

#[test]
fn records_are_appended_while_a_segment_is_being_sealed() {
    let watch = Watch::default();
    let log = open(&watch);
    log.commit(append(&log)).unwrap();
    let rotate = || log.rotate().unwrap();
    check(&log, &watch, rotate, || {
        for _ in 0..100 {
            log.commit(append(&log)).unwrap();
        }
    });
    assert_eq!(log.durable_lsn(), Lsn::new(101));
}
