//! What opening costs: the headers of all segments and the last segment, whatever the log's length.

use std::sync::Arc;

use nodedb_tests::watched::Watch;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::storage::{IoMode, OsStorage};
use nodedb_wal::*;

const SEGMENT_BYTES: u64 = 64 << 10;

/// Bytes read to open a log of `segments` segments whose last is full.
fn bytes_read_to_open(segments: usize) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::new(directory.path()).segment_bytes(SEGMENT_BYTES);
    let log = Log::open(config()).unwrap();
    let record = Record::raw(RecordKind::Put, Scope::default(), &[7; 900]);
    while log.segments().unwrap().len() <= segments {
        let lsn = log.append(&record).unwrap();
        log.commit(lsn).unwrap();
    }
    drop(log);
    // What the log says of itself is no proof of what it reads.
    let watch = Watch::default();
    let storage = OsStorage::new(directory.path(), IoMode::Direct);
    let config = Config::on(watch.over(Arc::new(storage))).segment_bytes(SEGMENT_BYTES);
    let log = Log::open(config).unwrap();
    let read = watch.bytes_read();
    assert!(log.recovery().bytes_read <= read);
    read
}

/// Each boot read the whole log, up to five times, so that a node with a long log was down for
/// minutes.
#[test]
fn opening_reads_the_last_segment_however_long_the_log_is() {
    let few = bytes_read_to_open(3);
    let many = bytes_read_to_open(40);
    let header_and_trailer = 2 * 4096;
    assert!(
        many <= few + 37 * header_and_trailer + SEGMENT_BYTES,
        "{few} and {many} bytes"
    );
    assert!(many < 40 * SEGMENT_BYTES / 4, "{many} bytes");
}

/// A crash was followed by reading the whole of the last segment, and by nothing being appended until
/// that was done.
#[test]
fn opening_reads_the_last_writes_however_long_the_segment_is() {
    for payload in [100, 60_000, 5 << 20] {
        let directory = tempfile::tempdir().unwrap();
        let config = || Config::new(directory.path()).segment_bytes(32 << 20);
        let log = Log::open(config()).unwrap();
        let payload = vec![7; payload];
        let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
        let mut last = Lsn::ZERO;
        while log.segments().unwrap().pop().unwrap().data_bytes < 20 << 20 {
            for _ in 0..(1 << 20) / payload.len() + 1 {
                last = log.append(&record).unwrap();
            }
            log.commit(last).unwrap();
        }
        drop(log);
        let log = Log::open(config()).unwrap();
        let recovery = log.recovery();
        assert_eq!(recovery.last_lsn, last);
        let read = recovery.bytes_read;
        // Never less than one whole write.
        let bound = (12 << 20) + payload.len() as u64;
        assert!(read < bound, "{read} bytes for {} each", payload.len());
        log.finish_recovery().unwrap();
        let segments = log.segments().unwrap();
        let past = segments.iter().find(|segment| segment.last_lsn == last);
        assert!(past.is_some_and(|segment| segment.sealed));
        log.close().unwrap();
    }
}

/// A bulk load that nobody commits leaves up to eight writes of 1 MiB that nothing vouches for. Opening
/// behind one looked at the last 2 MiB, then at 8, then at 32, and took 20 ms and more.
#[test]
fn opening_behind_a_bulk_load_reads_what_nothing_vouches_for_once() {
    let disk = SimDisk::new(3);
    let config = || Config::on(disk.storage()).segment_bytes(64 << 20);
    let log = Log::open(config()).unwrap();
    let payload = vec![7; 1000];
    let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
    let mut most = 0;
    for step in 0..60 {
        for _ in 0..400 {
            log.append(&record).unwrap();
        }
        if step < 30 {
            continue;
        }
        let copy = disk.fork();
        copy.kill_process();
        let opened = Log::open(Config::on(copy.storage()).segment_bytes(64 << 20)).unwrap();
        most = most.max(opened.recovery().bytes_read);
    }
    assert!(most < 14 << 20, "{most} bytes");
}

/// A log that is idle vouches for its last write by itself, once, and not again until something is
/// written.
#[test]
fn an_idle_log_vouches_for_its_last_write() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(Config::new(directory.path()).segment_bytes(1 << 20)).unwrap();
    let record = Record::raw(RecordKind::Put, Scope::default(), b"last");
    let lsn = log.append(&record).unwrap();
    log.commit(lsn).unwrap();
    // A reader beside a log believes only what a frontier vouches for.
    let seen = || Reader::open(directory.path()).unwrap().recovery().last_lsn;
    let waiting = std::time::Instant::now();
    while seen() < lsn {
        assert!(waiting.elapsed().as_secs() < 60, "nobody vouches for {lsn}");
        std::thread::yield_now();
    }
    assert!(!log.witness().unwrap(), "it is vouched for");
    let written = log.stats().bytes_written;
    assert!(written <= 2 * 4096, "{written} bytes");
}
