//! What reading costs.

use std::fs;

use allocation_counter::measure;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Config, Log, ReadOptions};

use crate::{log_on, row};

/// Each record took two system calls and an allocation.
#[test]
fn a_read_costs_calls_by_the_stretch_and_memory_by_the_segment() {
    const RECORDS: u64 = 50_000;
    let disk = SimDisk::new(1);
    let log = log_on(&disk, 1 << 20);
    let payload = [7; 64];
    for _ in 0..RECORDS {
        log.append(&row(&payload)).unwrap();
    }
    log.sync().unwrap();
    let segments = log.segments().unwrap().len() as u64;
    let before = disk.reads();
    let taken = measure(|| {
        let mut records = log.read(ReadOptions::all()).unwrap();
        let mut read = 0;
        while records.next().unwrap().is_some() {
            read += 1;
        }
        assert_eq!(read, RECORDS);
    });
    let reads = disk.reads() - before;
    assert!(
        reads <= segments * 8,
        "{reads} reads of {segments} segments"
    );
    assert!(
        taken.count_total <= segments * 40,
        "{taken:?} for {segments} segments"
    );
}

/// A replay started a thread for each segment. From the disk it has two that only read.
#[test]
fn a_read_of_many_segments_has_two_threads_at_most() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(Config::new(directory.path()).segment_bytes(4 << 20)).unwrap();
    let payload = vec![7; 4000];
    while log.segments().unwrap().len() < 12 {
        for _ in 0..500 {
            log.append(&row(&payload)).unwrap();
        }
        log.sync().unwrap();
    }
    let mut records = log.read(ReadOptions::all()).unwrap();
    let mut most = 0;
    let mut at = 0;
    while records.next().unwrap().is_some() {
        at += 1;
        if at % 500 == 0 {
            most = most.max(threads_named("wal-read"));
        }
    }
    // The only reader with threads in this process.
    assert!((1..=2).contains(&most), "{most}");
}

fn threads_named(name: &str) -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.map(|task| fs::read_to_string(task.unwrap().path().join("comm")));
    // One may end while its name is looked up.
    names
        .filter(|found| found.as_ref().is_ok_and(|found| found.trim() == name))
        .count()
}
