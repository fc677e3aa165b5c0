//! A segment that is full is sealed while records go on in the next: nothing that was acknowledged
//! waits for the seal, and a seal that fails stops the log as any failed write does.

use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk, Survivors};
use nodedb_wal::*;

const SEGMENT_BYTES: u64 = 64 << 10;

fn config(disk: &SimDisk) -> Config {
    Config::on(disk.storage()).segment_bytes(SEGMENT_BYTES)
}

fn append(log: &Log) -> Result<Lsn> {
    log.append(&Record::raw(RecordKind::Put, Scope::default(), &[7; 2_000]))
}

/// Commits one record after another until a second segment has two of them. Without threads its
/// predecessor is not sealed then.
fn written_past_a_rotation(disk: &SimDisk) -> (Log, Lsn) {
    let log = Log::open(config(disk)).unwrap();
    let mut durable = Lsn::ZERO;
    while log.stats().rotations < 1 {
        durable = log.commit(append(&log).unwrap()).unwrap().lsn();
    }
    durable = durable.max(log.commit(append(&log).unwrap()).unwrap().lsn());
    (log, durable)
}

fn fail_from_now_on(disk: &SimDisk, fault: Fault) {
    let at = (disk.operations()..disk.operations() + 1_000)
        .map(|operation| (operation, fault))
        .collect();
    disk.set_faults(FaultPlan {
        at,
        ..FaultPlan::default()
    });
}

fn count(log: &Log) -> u64 {
    let mut records = log.read(ReadOptions::all()).unwrap();
    let mut count = 0;
    while let Some(record) = records.next().unwrap() {
        count += 1;
        assert_eq!(record.lsn().value(), count);
    }
    count
}

#[test]
fn records_go_on_behind_a_segment_that_is_not_sealed_and_survive_a_crash() {
    for survives in [true, false] {
        let disk = SimDisk::new(11);
        let (log, durable) = written_past_a_rotation(&disk);
        drop(log);
        let unsynced = disk.unsynced();
        let survivors = if survives {
            unsynced
        } else {
            Survivors::default()
        };
        disk.crash_exactly(&survivors);
        disk.restart();
        let log = Log::open(config(&disk)).unwrap();
        assert_eq!(log.recovery().last_lsn, durable);
        assert_eq!(count(&log), durable.value());
        log.finish_recovery().unwrap();
        let segments = log.segments().unwrap();
        let (_active, past) = segments.split_last().unwrap();
        assert!(past.iter().all(|segment| segment.sealed), "{segments:?}");
    }
}

#[test]
fn a_seal_that_fails_poisons_the_log_and_loses_nothing() {
    let disk = SimDisk::new(12);
    let (log, durable) = written_past_a_rotation(&disk);
    fail_from_now_on(&disk, Fault::Error);
    // Whoever waits for the seal finds out; with the disk as it is nothing else went wrong before.
    let failed = log.rotate();
    assert!(matches!(failed, Err(Error::Poisoned { .. })), "{failed:?}");
    assert!(matches!(append(&log), Err(Error::Poisoned { .. })));
    assert_eq!(log.durable_lsn(), durable);
    drop(log);
    disk.set_faults(FaultPlan::default());
    let log = Log::open(config(&disk)).unwrap();
    assert_eq!(count(&log), durable.value());
}

#[test]
fn a_seal_without_room_is_left_to_the_next_opening() {
    let disk = SimDisk::new(13);
    let (log, durable) = written_past_a_rotation(&disk);
    fail_from_now_on(&disk, Fault::NoSpace);
    // The seal is given up, and then there is no room for a segment either.
    let full = log.rotate();
    assert!(matches!(full, Err(Error::DiskFull { .. })), "{full:?}");
    disk.set_faults(FaultPlan::default());
    let next = log.commit(append(&log).unwrap()).unwrap().lsn();
    assert_eq!(next, durable.next());
    log.rotate().unwrap();
    drop(log);
    let log = Log::open(config(&disk)).unwrap();
    assert_eq!(count(&log), next.value());
    log.finish_recovery().unwrap();
    assert!(log.segments().unwrap()[0].sealed);
}

/// With a thread that seals, a small segment is full every few records and two callers wait for
/// seals all the time, one that truncates and one that rotates.
#[test]
fn a_thread_seals_while_others_write_rotate_and_truncate() {
    let disk = SimDisk::new(14);
    disk.set_allows_threads(true);
    let log = Log::open(config(&disk)).unwrap();
    std::thread::scope(|threads| {
        for _ in 0..3 {
            threads.spawn(|| {
                for _ in 0..300 {
                    log.commit(append(&log).unwrap()).unwrap();
                }
            });
        }
        threads.spawn(|| {
            for _ in 0..40 {
                log.rotate().unwrap();
                log.segments().unwrap();
            }
        });
        for _ in 0..20 {
            let before = Lsn::new(log.durable_lsn().value() / 2);
            log.truncate_before(before).unwrap();
        }
    });
    assert!(log.stats().rotations > 20);
    let start = log.start_lsn();
    log.close().unwrap();
    let log = Log::open(config(&disk)).unwrap();
    assert_eq!(log.recovery().last_lsn, Lsn::new(900));
    let mut records = log.read(ReadOptions::from(start)).unwrap();
    let mut next = start;
    while let Some(record) = records.next().unwrap() {
        assert_eq!(record.lsn(), next);
        next = next.next();
    }
    assert_eq!(next, Lsn::new(901));
}
