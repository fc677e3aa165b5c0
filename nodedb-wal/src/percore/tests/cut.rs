//! The consistent cut: all cores or none, and what is restored from it.

use super::support::{config, merged, numbers, open, put};
use crate::payload::{CommitOffsets, PartitionOffset};
use crate::percore::{CoreLogs, MergeOptions};
use crate::storage::sim::{SimDisk, Survivors};
use crate::types::{Lsn, Scope, Timestamp};

fn offsets(source: &str, partition: u32, offset: u64, watermark: i64) -> CommitOffsets {
    CommitOffsets {
        source: source.to_owned(),
        offsets: vec![PartitionOffset { partition, offset }],
        watermark: Some(Timestamp::from_nanos(watermark)),
    }
}

/// Lesson 30: commit offsets and watermarks were written and never restored.
#[test]
fn offsets_and_watermarks_are_restored_from_the_cut_and_from_what_was_committed_since() {
    let disk = SimDisk::new(20);
    let (mut logs, mut writers) = open(&disk, 2);
    assert!(logs.restored().cut.is_none() && logs.restored().offsets.is_empty());
    put(&mut writers[0], 0);
    let scope = Scope::default();
    writers[0]
        .commit_offsets(scope, &offsets("orders", 0, 10, 100))
        .unwrap();
    let cut = logs
        .checkpoint(&mut writers, &[offsets("clicks", 7, 70, 50)])
        .unwrap();
    put(&mut writers[1], 1);
    writers[1]
        .commit_offsets(scope, &offsets("orders", 1, 11, 200))
        .unwrap();
    logs.sync_all().unwrap();
    writers[0]
        .commit_offsets(scope, &offsets("orders", 0, 99, 999))
        .unwrap();
    // What was not synced is gone; what was is restored, however often the logs are opened.
    drop((logs, writers));
    for _ in 0..2 {
        disk.crash_exactly(&Survivors::default());
        disk.restart();
        let (logs, _writers) = open(&disk, 2);
        let restored = logs.restored();
        assert_eq!(restored.cut.as_ref().map(|cut| cut.epoch), Some(cut.epoch));
        assert_eq!(restored.cut.as_ref().unwrap().positions, cut.positions);
        let mut orders = offsets("orders", 0, 10, 200);
        orders.offsets.extend(offsets("orders", 1, 11, 0).offsets);
        assert_eq!(restored.offsets, [offsets("clicks", 7, 70, 50), orders]);
        assert!(restored.taken_out.is_empty());
    }
}

#[test]
fn records_whose_source_brings_them_again_are_taken_out_once() {
    let disk = SimDisk::new(21);
    let scope = Scope::default();
    let restoring = || CoreLogs::open(config(&disk, 2).restore_sources()).unwrap();
    let (logs, mut writers) = restoring();
    put(&mut writers[0], 0);
    writers[0]
        .commit_offsets(scope, &offsets("s", 0, 1, 0))
        .unwrap();
    put(&mut writers[0], 1);
    put(&mut writers[1], 100);
    logs.sync_all().unwrap();
    drop((logs, writers));
    let (logs, mut writers) = restoring();
    assert_eq!(logs.restored().taken_out.len(), 2);
    // The source brings again what was behind the offsets.
    put(&mut writers[0], 1);
    put(&mut writers[1], 100);
    writers[0]
        .commit_offsets(scope, &offsets("s", 0, 2, 0))
        .unwrap();
    writers[1]
        .commit_offsets(scope, &offsets("s", 1, 1, 0))
        .unwrap();
    logs.sync_all().unwrap();
    let seen = merged(&logs, &MergeOptions::all());
    assert_eq!(numbers(&seen), [0, 1, 100]);
    drop((logs, writers));
    let (logs, writers) = restoring();
    assert!(logs.restored().taken_out.is_empty());
    let again = merged(&logs, &MergeOptions::all());
    assert_eq!(numbers(&again), [0, 1, 100]);
    let with = merged(&logs, &MergeOptions::all().with_taken_out());
    assert_eq!(numbers(&with), [0, 1, 100, 1, 100]);
    logs.close(writers).unwrap();
}

/// The power goes behind the first core's sync and before the second's: the cut is not there, and the
/// half of it that is does not count as one.
#[test]
fn power_cut_between_the_cores_syncs_of_a_cut_leaves_the_cut_before() {
    let disk = SimDisk::new(22);
    let (mut logs, mut writers) = open(&disk, 2);
    put(&mut writers[0], 0);
    let first = logs
        .checkpoint(&mut writers, &[offsets("s", 0, 1, 1)])
        .unwrap();
    put(&mut writers[0], 1);
    put(&mut writers[1], 2);
    // Each core's records go out in one write.
    disk.crash_at(disk.operations() + 1);
    let cut = logs.checkpoint(&mut writers, &[offsets("s", 0, 2, 2)]);
    assert!(cut.is_err());
    drop((logs, writers));
    disk.crash_exactly(&Survivors::default());
    disk.restart();
    disk.crash_at(u64::MAX);
    let (mut logs, mut writers) = open(&disk, 2);
    let restored = logs.restored();
    assert_eq!(restored.cut.as_ref(), Some(&first));
    assert_eq!(restored.offsets, [offsets("s", 0, 1, 1)]);
    // One core has its barrier, the other lost everything.
    let ends: Vec<Lsn> = logs.positions().iter().map(|core| core.synced).collect();
    assert_eq!(ends, [Lsn::new(4), Lsn::new(1)]);
    let complete = merged(&logs, &MergeOptions::all().complete());
    assert_eq!(numbers(&complete), [0]);
    // What comes next is of a later epoch than the half one, and ends it.
    assert!(logs.epoch().value() > first.epoch.value() + 1);
    logs.checkpoint(&mut writers, &[]).unwrap();
    let complete = merged(&logs, &MergeOptions::all().complete());
    assert_eq!(numbers(&complete), [0, 1]);
}

#[test]
fn a_full_disk_refuses_a_cut_that_is_made_again_later() {
    let disk = SimDisk::new(23);
    let (mut logs, mut writers) = open(&disk, 1);
    put(&mut writers[0], 0);
    writers[0].sync().unwrap();
    let barriers = logs.write_epoch_barrier_all(&mut writers).unwrap();
    writers[0].sync().unwrap();
    disk.set_faults(crate::storage::sim::FaultPlan {
        capacity_bytes: Some(0),
        ..Default::default()
    });
    let full = logs.cut(&barriers, &[]).unwrap_err();
    assert!(full.is_retryable(), "{full:?}");
    assert!(logs.last_cut().is_none());
    disk.set_faults(crate::storage::sim::FaultPlan::default());
    let cut = logs.cut(&barriers, &[]).unwrap();
    assert_eq!(cut.positions, [(0, Lsn::new(2))]);
}
