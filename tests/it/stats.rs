//! What a log says of its work is what it did.

use std::time::{Duration, Instant};

use nodedb_wal::format::layout::record_bytes;
use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::*;

fn record(payload: &[u8]) -> Record<'_> {
    Record::raw(RecordKind::Put, Scope::default(), payload)
}

#[test]
fn commits_writes_and_bytes_are_counted() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(Config::new(directory.path()).segment_bytes(1 << 20)).unwrap();
    let started = Instant::now();
    for _ in 0..3 {
        let range = log.append_batch(&[record(&[1; 100]); 4]).unwrap();
        log.commit(range.last).unwrap();
        // Durable already, so nobody waits.
        log.commit(range.first).unwrap();
    }
    log.append(&record(&[2; 100])).unwrap();
    let stats = log.stats();
    let took = u64::try_from(started.elapsed().as_nanos()).unwrap();
    assert_eq!((stats.records, stats.payload_bytes), (13, 1300));
    assert_eq!((stats.commits, stats.writes), (6, 3));
    assert_eq!(stats.commit_wait_nanos.count(), 3);
    assert!(stats.commit_wait_nanos.sum() <= took, "{stats:?}");
    assert!(stats.write_nanos.sum() <= stats.commit_wait_nanos.sum());
    assert!(stats.write_nanos.at(0.5) > 0);
    assert_eq!(
        (stats.write_records.count(), stats.write_records.at(1.0)),
        (3, 4)
    );
    assert_eq!(stats.write_bytes.sum(), stats.bytes_written);
    assert_eq!(stats.bytes_written % 4096, 0);
    assert_eq!(
        (stats.bytes_buffered, stats.bytes_in_flight),
        (record_bytes(100) as u64, 0)
    );
    assert_eq!(
        (stats.durable_lsn, stats.next_lsn),
        (Lsn::new(12), Lsn::new(14))
    );
    assert_eq!(stats.start_lsn, Lsn::FIRST);
    assert_eq!(stats.disk_full, 0);
}

#[test]
fn full_buffers_that_nobody_waits_for_are_synced_several_at_a_time() {
    let disk = SimDisk::new(3);
    let config = Config::on(disk.storage())
        .segment_bytes(1 << 20)
        .buffer_bytes(16 << 10)
        .tail_policy(TailPolicy::Pad);
    let log = Log::open(config).unwrap();
    let mut last = Lsn::ZERO;
    // Two to a buffer: forty writes, and one that is not full.
    for _ in 0..81 {
        last = log.append(&record(&[2; 7_000])).unwrap();
    }
    let stats = log.stats();
    assert_eq!((stats.writes, stats.writes_bulk), (40, 40));
    assert_eq!(stats.syncs_bulk, 5);
    assert_eq!(stats.durable_lsn, Lsn::new(80));
    // Whoever commits what is written needs no write.
    log.append(&record(&[2; 7_000])).unwrap();
    log.append(&record(&[2; 7_000])).unwrap();
    log.commit(last).unwrap();
    let stats = log.stats();
    assert_eq!((stats.writes, stats.syncs_bulk), (41, 6));
    assert_eq!(stats.durable_lsn, Lsn::new(82));
    log.sync().unwrap();
    let stats = log.stats();
    assert_eq!((stats.writes, stats.writes_bulk), (42, 41));
}

#[test]
fn rotations_and_what_became_of_segments_are_counted() {
    let disk = SimDisk::new(3);
    let config = || Config::on(disk.storage()).segment_bytes(64 << 10);
    let log = Log::open(config()).unwrap();
    for _ in 0..1_000 {
        log.append(&record(&[5; 1000])).unwrap();
    }
    log.sync().unwrap();
    let before = log.stats();
    assert_eq!(
        before.stalled_rotation.count, before.rotations,
        "{before:?}"
    );
    assert!(before.stalled_rotation.total >= before.stalled_rotation.longest);
    assert!(before.stalled_rotation.longest > Duration::ZERO);
    let truncated = log.truncate_before(Lsn::new(900)).unwrap();
    let segments = log.stats().segments;
    assert_eq!(segments.retired, truncated.segments as u64);
    assert_eq!(segments.recycled, 2, "{segments:?}");
    assert_eq!(segments.filled + segments.bulk, log.stats().rotations);
    assert!(log.stats().rotations > 10);
}

/// The count of hurried segments stayed 0 whatever came: a log was opened in such a segment, and only
/// those of rotations were counted.
#[test]
fn a_segment_is_hurried_once_small_writes_come_to_space_that_was_not_made_ready() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(Config::new(directory.path()).segment_bytes(8 << 20)).unwrap();
    log.append(&record(&[7; 1 << 20])).unwrap();
    log.sync().unwrap();
    assert_eq!(
        log.stats().segments.hurried,
        0,
        "a bulk load is in no hurry"
    );
    for _ in 0..8 {
        log.commit(log.append(&record(b"small")).unwrap()).unwrap();
    }
    assert_eq!(log.stats().segments.hurried, 1);
}

#[test]
fn a_call_that_finds_the_disk_full_is_counted() {
    let disk = SimDisk::new(4);
    let log = Log::open(Config::on(disk.storage()).segment_bytes(1 << 20)).unwrap();
    let lsn = log.append(&record(b"x")).unwrap();
    disk.set_faults(FaultPlan {
        at: [(disk.operations(), Fault::NoSpace)].into(),
        ..FaultPlan::default()
    });
    let refused = log.commit(lsn).map(|_| ());
    assert!(
        matches!(refused, Err(Error::DiskFull { .. })),
        "{refused:?}"
    );
    let stats = log.stats();
    assert_eq!((stats.disk_full, stats.writes, stats.commits), (1, 0, 0));
    assert_eq!(stats.bytes_in_flight, 0);
    log.commit(lsn).unwrap();
    assert_eq!((log.stats().writes, log.stats().commits), (1, 1));
}
