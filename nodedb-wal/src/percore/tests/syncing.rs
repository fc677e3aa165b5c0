//! Syncing without waiting: what is promised is what was there at submission.

use std::task::Waker;
use std::thread;

use super::support::{open, put};
use crate::error::Error;
use crate::percore::{CoreLogs, CoresConfig, SyncDone};
use crate::storage::sim::{Fault, FaultPlan, SimDisk};
use crate::sync::waker_of_this_thread;
use crate::{Config, Lsn};

#[test]
fn the_position_of_a_sync_is_the_one_at_submission() {
    let disk = SimDisk::new(10);
    let (_logs, mut writers) = open(&disk, 1);
    let writer = &mut writers[0];
    assert!(!writer.is_sync_pending());
    put(writer, 0);
    assert_eq!(writer.submit_sync().unwrap(), Lsn::new(1));
    put(writer, 1);
    put(writer, 2);
    assert_eq!(writer.submit_sync().unwrap(), Lsn::new(3));
    put(writer, 3);
    assert!(writer.is_sync_pending());
    let done = writer.poll_syncs(Waker::noop());
    let positions: Vec<Lsn> = done.iter().map(|done| done.position).collect();
    assert_eq!(positions, [Lsn::new(1), Lsn::new(3)]);
    assert!(done.iter().all(|done| done.outcome.is_ok()));
    assert!(!writer.is_sync_pending());
    assert!(writer.synced() >= Lsn::new(3));
}

#[test]
fn a_sync_that_fails_stops_its_core_and_no_other() {
    let disk = SimDisk::new(11);
    let (mut logs, mut writers) = open(&disk, 2);
    logs.checkpoint(&mut writers, &[]).unwrap();
    for writer in &mut writers {
        put(writer, 1);
        writer.submit_sync().unwrap();
    }
    let mut faults = FaultPlan::default();
    faults.at.insert(disk.operations(), Fault::Error);
    disk.set_faults(faults);
    let [first, second] = &mut writers[..] else {
        panic!()
    };
    let failed = first.poll_syncs(Waker::noop());
    let [SyncDone { outcome, .. }] = &failed[..] else {
        panic!("{failed:?}")
    };
    assert!(
        matches!(outcome, Err(Error::Poisoned { .. })),
        "{outcome:?}"
    );
    let refused = first.sync().unwrap_err();
    assert!(matches!(refused, Error::Poisoned { .. }), "{refused:?}");
    assert!(second.poll_syncs(Waker::noop())[0].outcome.is_ok());
    put(second, 2);
    second.sync().unwrap();
    // No cut without the core that failed.
    assert!(logs.checkpoint(&mut writers, &[]).is_err());
    let cut = logs.last_cut().unwrap();
    drop((logs, writers));
    let (logs, _writers) = open(&disk, 2);
    assert_eq!(logs.restored().cut, Some(cut));
}

#[test]
fn threads_write_each_its_core_and_are_woken_when_a_sync_is_over() {
    let directory = tempfile::tempdir().unwrap();
    let log = Config::new(directory.path()).segment_bytes(1 << 20);
    let (logs, mut writers) = CoreLogs::open(CoresConfig::new(log, 3)).unwrap();
    thread::scope(|scope| {
        for writer in &mut writers {
            scope.spawn(|| {
                let waker = waker_of_this_thread();
                for round in 1..=20 {
                    for number in 0..49 {
                        put(writer, number);
                    }
                    let position = writer.submit_sync().unwrap();
                    assert_eq!(position, Lsn::new(round * 50 - 1));
                    put(writer, 49);
                    let done = loop {
                        if let Some(done) = writer.poll_syncs(&waker).pop() {
                            break done;
                        }
                        thread::park();
                    };
                    assert_eq!(done.position, position);
                    done.outcome.unwrap();
                    assert!(writer.synced() >= position);
                }
            });
        }
    });
    logs.close(writers).unwrap();
}
