//! One life after the other: epochs and sequences go on, whatever the clock does, however many cores
//! there are.

use super::support::{merged, numbers, open, put};
use crate::error::{CoreFault, Error};
use crate::percore::{CoreReader, MergeOptions};
use crate::storage::sim::SimDisk;
use crate::types::{Epoch, Lsn, Record, RecordKind, Scope, Timestamp};

/// Lesson 29: epoch and sequence started again at 0 after opening.
#[test]
fn epoch_and_sequence_go_on_over_every_opening() {
    let disk = SimDisk::new(1);
    let mut last = (Epoch::NONE, Lsn::ZERO);
    for life in 0..6 {
        let (mut logs, mut writers) = open(&disk, 2);
        assert!(logs.epoch() > last.0, "life {life}");
        assert_eq!(writers[0].position(), last.1);
        // Some lives write, some only look; some end in a crash.
        if life % 3 != 1 {
            put(&mut writers[0], life);
            logs.advance_epoch();
            logs.set_epoch_all(&mut writers).unwrap();
            put(&mut writers[0], life);
            logs.sync_all().unwrap();
        }
        if life == 3 {
            logs.reset_all().unwrap();
            assert!(merged(&logs, &MergeOptions::all()).is_empty());
        }
        last = (logs.epoch(), writers[0].position());
        if life % 2 == 0 {
            logs.close(writers).unwrap();
        }
    }
    assert_eq!(last.1, Lsn::new(8));
}

/// Lesson 29: a backward clock step reordered two writes of one core.
#[test]
fn a_clock_that_jumps_back_an_hour_keeps_the_order_of_a_cores_writes() {
    const HOUR: i64 = 3_600_000_000_000;
    let disk = SimDisk::new(2);
    disk.set_time(Timestamp::from_nanos(100 * HOUR));
    let mut number = 0;
    for life in 0..3 {
        let (logs, mut writers) = open(&disk, 2);
        for _ in 0..20 {
            for writer in &mut writers {
                put(writer, number);
                number += 1;
            }
            if number % 16 == 0 {
                logs.sync_all().unwrap();
            }
            let now = disk.time().as_nanos();
            disk.set_time(Timestamp::from_nanos(now - HOUR));
        }
        logs.sync_all().unwrap();
        if life == 1 {
            logs.close(writers).unwrap();
        }
    }
    let (logs, _writers) = open(&disk, 2);
    let all = merged(&logs, &MergeOptions::all());
    assert_eq!(all.len(), 120);
    for core in 0..2 {
        let own: Vec<_> = all.iter().filter(|seen| seen.core == core).collect();
        let numbers: Vec<_> = own.iter().filter_map(|seen| seen.number).collect();
        let expected: Vec<u64> = (0..60).map(|at| 2 * at + u64::from(core)).collect();
        assert_eq!(numbers, expected);
        assert!(own.is_sorted_by_key(|seen| seen.timestamp));
    }
}

/// Lesson 29: fewer cores at restart silently ignored the extra files.
#[test]
fn written_with_four_cores_opened_with_two_then_three_a_merge_brings_everything_once() {
    let disk = SimDisk::new(3);
    let mut number = 0;
    let mut lives = |cores: u32| {
        let (logs, mut writers) = open(&disk, cores);
        for _ in 0..30 {
            for writer in &mut writers {
                put(writer, number);
                number += 1;
            }
        }
        logs.sync_all().unwrap();
        // Not closed: the next life recovers it.
        number
    };
    assert_eq!([lives(4), lives(2), lives(3)], [120, 180, 270]);
    let (mut logs, mut writers) = open(&disk, 3);
    assert_eq!(logs.positions().len(), 4);
    let all = merged(&logs, &MergeOptions::all());
    let mut found = numbers(&all);
    found.sort_unstable();
    assert_eq!(found, (0..270).collect::<Vec<u64>>());
    // The core that has no writer does not hold complete epochs back.
    let cut = logs.checkpoint(&mut writers, &[]).unwrap();
    assert_eq!(cut.positions.len(), 4);
    put(&mut writers[0], 999);
    logs.sync_all().unwrap();
    let complete = merged(&logs, &MergeOptions::all().complete());
    assert_eq!(complete.len(), 270 + 3);
    let reader = CoreReader::open_on(disk.storage()).unwrap();
    assert_eq!(reader.cores().count(), 4);
    // Drained, it is opened no more; given a writer again, its sequence goes on.
    logs.reset_all().unwrap();
    logs.close(writers).unwrap();
    let (logs, writers) = open(&disk, 3);
    assert_eq!(logs.positions().len(), 3);
    logs.close(writers).unwrap();
    let (logs, writers) = open(&disk, 4);
    assert_eq!(writers[3].position(), Lsn::new(30));
    logs.close(writers).unwrap();
}

#[test]
fn truncation_stops_at_the_last_cut_on_every_core() {
    let disk = SimDisk::new(4);
    let (mut logs, mut writers) = open(&disk, 2);
    let fill = |writers: &mut Vec<_>, from: u64| {
        for number in from..from + 1_500 {
            put(&mut writers[usize::try_from(number % 2).unwrap()], number);
        }
    };
    fill(&mut writers, 0);
    logs.sync_all().unwrap();
    let nothing = logs.truncate_all().unwrap();
    assert!(nothing.iter().all(|(_, truncated)| truncated.segments == 0));
    let cut = logs.checkpoint(&mut writers, &[]).unwrap();
    fill(&mut writers, 1_500);
    logs.sync_all().unwrap();
    let size = logs.total_size_bytes();
    let dropped = logs.truncate_all().unwrap();
    assert!(dropped.iter().all(|(_, truncated)| truncated.segments > 0));
    assert!(logs.total_size_bytes() < size);
    let behind = merged(&logs, &MergeOptions::all().from_cut());
    let mut left = numbers(&behind);
    left.sort_unstable();
    assert_eq!(left, (1_500..3_000).collect::<Vec<u64>>());
    assert!(behind.iter().all(|seen| seen.epoch > cut.epoch));
    logs.close(writers).unwrap();
}

#[test]
fn an_epoch_that_ended_takes_no_more_records_and_none_goes_back() {
    let disk = SimDisk::new(5);
    let (logs, mut writers) = open(&disk, 1);
    let writer = &mut writers[0];
    let record = Record::raw(RecordKind::Put, Scope::default(), b"x");
    let fault = |error: Error| match error {
        Error::Core { source, .. } => source,
        other => panic!("{other}"),
    };
    let epoch = logs.epoch();
    let first = writer.write_epoch_barrier().unwrap();
    let again = writer.write_epoch_barrier().unwrap();
    assert_eq!(first.position(), again.position());
    let ended = fault(writer.append(&record).unwrap_err());
    assert_eq!(ended, CoreFault::EpochEnded { epoch });
    let asked = Epoch::new(epoch.value() - 1);
    let back = fault(writer.set_epoch(asked).unwrap_err());
    assert_eq!(back, CoreFault::EpochWentBack { epoch, asked });
    writer.set_epoch(Epoch::new(epoch.value() + 1)).unwrap();
    writer.append(&record).unwrap();
    let kind = RecordKind::EpochBarrier;
    let by_hand = Record::raw(kind, Scope::default(), b"");
    let own = fault(writer.append(&by_hand).unwrap_err());
    assert_eq!(own, CoreFault::OwnCall { kind });
    assert_eq!(writer.position(), Lsn::new(2));
}

#[test]
fn only_epochs_that_ended_everywhere_are_complete() {
    let disk = SimDisk::new(6);
    let (mut logs, mut writers) = open(&disk, 2);
    let first = logs.epoch();
    put(&mut writers[0], 0);
    put(&mut writers[1], 1);
    logs.write_epoch_barrier_all(&mut writers).unwrap();
    logs.advance_epoch();
    logs.set_epoch_all(&mut writers).unwrap();
    put(&mut writers[0], 2);
    writers[0].write_epoch_barrier().unwrap();
    put(&mut writers[1], 3);
    logs.sync_all().unwrap();
    let complete = merged(&logs, &MergeOptions::all().complete());
    assert_eq!(numbers(&complete), [0, 1]);
    let until = merged(&logs, &MergeOptions::all().until_epoch(first));
    assert_eq!(until, complete);
    assert_eq!(merged(&logs, &MergeOptions::all()).len(), 7);
}
