//! What the owner of one core shares with that of another: nothing that it has to wait for.

use std::sync::mpsc::{self, Receiver};
use std::task::Waker;
use std::thread;
use std::time::Duration;

use super::support::{open, put};
use crate::payload::CommitOffsets;
use crate::percore::{CoreLogs, CoreWriter, CoresConfig};
use crate::storage::sim::SimDisk;
use crate::types::{DatabaseId, Epoch, Record, RecordKind, Scope, TenantId, VshardId};
use crate::{Config, Stall};

/// Everything an owner does with its core.
fn own(writer: &mut CoreWriter) {
    for number in 0..200 {
        put(writer, number);
    }
    let record = Record::raw(RecordKind::Put, Scope::default(), b"row");
    writer.append_batch(&[record, record]).unwrap();
    let commit = CommitOffsets {
        source: "source".to_owned(),
        offsets: Vec::new(),
        watermark: None,
    };
    writer.commit_offsets(Scope::default(), &commit).unwrap();
    writer.write_epoch_barrier().unwrap();
    let later = Epoch::new(writer.epoch().value() + 1);
    writer.set_epoch(later).unwrap();
    put(writer, 200);
    writer.submit_sync().unwrap();
    assert_eq!(writer.poll_syncs(Waker::noop()).len(), 1);
    writer.sync().unwrap();
    assert_eq!(writer.synced(), writer.position());
}

/// Whether core 1's owner does its work while what every append to `held`'s log takes is held.
fn goes_on(held: u32, told: impl Fn(&Receiver<()>) -> bool) -> bool {
    let disk = SimDisk::new(1);
    let (logs, mut writers) = open(&disk, 2);
    let mut second = writers.pop().unwrap();
    thread::scope(|scope| {
        let held = logs.log(held).unwrap().held();
        let (done, tidings) = mpsc::channel();
        scope.spawn(move || {
            own(&mut second);
            done.send(()).unwrap_or_default();
        });
        let went_on = told(&tidings);
        drop(held);
        went_on
    })
}

#[test]
fn an_owner_works_while_another_core_is_held_up() {
    assert!(goes_on(0, |told| told
        .recv_timeout(Duration::from_secs(60))
        .is_ok()));
    // Held up itself it does not: what is held is what it needs.
    assert!(!goes_on(1, |told| told
        .recv_timeout(Duration::from_millis(50))
        .is_ok()));
}

/// Nobody gains by a share that the only one who appends has to wait for.
#[test]
fn an_owner_of_two_tenants_waits_for_no_share_of_a_write() {
    let home = tempfile::tempdir().unwrap();
    let config = CoresConfig::new(Config::new(home.path()), 1);
    let (logs, mut writers) = CoreLogs::open(config).unwrap();
    let row = [7; 1 << 10];
    for _ in 0..4 {
        for tenant in [1, 2, 1, 1, 1, 1, 1, 1] {
            let scope = Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(1));
            for _ in 0..64 {
                let record = Record::raw(RecordKind::Put, scope, &row);
                writers[0].append(&record).unwrap();
            }
        }
        logs.sync_all().unwrap();
    }
    let stats = logs.log(0).unwrap().stats();
    assert_eq!(stats.stalled_share, Stall::default());
}
