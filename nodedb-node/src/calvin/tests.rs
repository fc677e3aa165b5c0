//! Calvin transactions on nodes' logs in temporary directories.

use std::sync::Arc;

use nodedb_wal::payload::{Delete, Put};
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, RecordKind, TenantId, VshardId};
use nodedb_wal::{Config, ReadOptions};
use tempfile::TempDir;

use super::*;
use crate::catalog::Catalog;
use crate::control::CalvinPosition;
use crate::{Error, NodeConfig, WalManager};

const TENANT: TenantId = TenantId::new(7);
const DATABASE: DatabaseId = DatabaseId::new(1);
const VSHARD: VshardId = VshardId::new(3);

fn put(key: u32) -> Put {
    Put {
        collection: "orders".to_owned(),
        key: key.to_le_bytes().to_vec(),
        value: vec![1; 20],
    }
}

fn open(directory: &TempDir) -> (Arc<WalManager>, Calvin) {
    let config = Config::new(directory.path()).segment_bytes(1 << 20);
    let wal = Arc::new(WalManager::open(NodeConfig::from(config)).unwrap());
    let catalog = Catalog::open(directory.path().join("catalog.redb")).unwrap();
    catalog.attach(wal.log_id(), &*wal).unwrap();
    catalog.fold(&*wal).unwrap();
    let progress = catalog.control_state().unwrap().calvin;
    let calvin = Calvin::new(&wal, &progress);
    (wal, calvin)
}

/// Applies a transaction of so many writes.
fn apply(calvin: &Calvin, epoch: u64, position: u32, writes: u32) -> crate::Result<CalvinCommit> {
    calvin.apply(VSHARD, Epoch::new(epoch), position, |transaction| {
        (0..writes).try_for_each(|key| transaction.push(TENANT, DATABASE, &put(key)))
    })
}

/// Lesson 23: the mark was written apart from the writes it marks.
#[test]
fn the_writes_and_the_mark_are_one_batch_of_the_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let (wal, calvin) = open(&directory);
    let commit = apply(&calvin, 4, 1, 2).unwrap();
    assert_eq!(
        (commit.lsns.first, commit.lsns.last),
        (Lsn::new(1), Lsn::new(3))
    );
    assert_eq!(commit.records, 2);
    let mut records = wal.read(ReadOptions::all()).unwrap();
    let mut stored = Vec::new();
    while let Some(record) = records.next().unwrap() {
        let header = record.header;
        assert_eq!((header.epoch, header.scope.vshard), (Epoch::new(4), VSHARD));
        stored.push((header.kind.known().unwrap(), header.batch_continues()));
    }
    let expected = [
        (RecordKind::Put, true),
        (RecordKind::Put, true),
        (RecordKind::CalvinApplied, false),
    ];
    assert_eq!(stored, expected);
}

#[test]
fn a_position_is_applied_once_before_and_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let (wal, calvin) = open(&directory);
    apply(&calvin, 1, 0, 1).unwrap();
    apply(&calvin, 1, 2, 0).unwrap();
    let is_refused = |calvin: &Calvin, position| {
        let refused = apply(calvin, 1, position, 1);
        matches!(refused, Err(Error::CalvinApplied { vshard, epoch, position: p })
            if (vshard, epoch, p) == (VSHARD, Epoch::new(1), position))
    };
    assert!(is_refused(&calvin, 0) && is_refused(&calvin, 2));
    let before = calvin.progress(VSHARD).unwrap();
    let end = wal.next_lsn();
    drop((wal, calvin));
    let (wal, calvin) = open(&directory);
    assert_eq!(calvin.progress(VSHARD), Some(before));
    assert!(is_refused(&calvin, 0) && is_refused(&calvin, 2));
    assert_eq!(wal.next_lsn(), end, "a refusal left a trace");
    apply(&calvin, 1, 1, 1).unwrap();
    // On another vshard it is another matter.
    assert_eq!(calvin.progress(VshardId::new(4)), None);
    calvin
        .apply(VshardId::new(4), Epoch::new(1), 0, |_| Ok(()))
        .unwrap();
}

#[test]
fn a_transaction_that_is_given_up_leaves_no_trace_and_can_be_applied() {
    let directory = tempfile::tempdir().unwrap();
    let (wal, calvin) = open(&directory);
    let error = calvin.apply(VSHARD, Epoch::new(1), 0, |transaction| {
        transaction.push(TENANT, DATABASE, &put(1))?;
        // A payload that breaks the rules of the log.
        transaction.push::<Delete>(TENANT, DATABASE, &vec![0; 2 << 20][..])
    });
    assert!(
        matches!(error, Err(Error::Log(nodedb_wal::Error::TooLarge { .. }))),
        "{error:?}"
    );
    assert_eq!(wal.next_lsn(), Lsn::FIRST);
    let given_up = calvin.apply(VSHARD, Epoch::new(1), 0, |_| Err(Error::CalvinNoEpoch));
    assert!(given_up.is_err());
    apply(&calvin, 1, 0, 1).unwrap();
    let outside = calvin.apply(VSHARD, Epoch::NONE, 0, |_| Ok(()));
    assert!(matches!(outside, Err(Error::CalvinNoEpoch)));
}

#[test]
fn two_replicas_that_applied_the_same_in_the_same_order_write_the_same_seal() {
    let seal = |transactions: &[(u32, u32)], restart: bool| {
        let directory = tempfile::tempdir().unwrap();
        let (mut wal, mut calvin) = open(&directory);
        for &(position, writes) in transactions {
            apply(&calvin, 1, position, writes).unwrap();
            if restart {
                drop((wal, calvin));
                (wal, calvin) = open(&directory);
            }
        }
        apply(&calvin, 2, 0, 1).unwrap();
        let seal = calvin.seal(VSHARD, Epoch::new(1)).unwrap();
        assert_eq!(wal.durable_lsn().next(), wal.next_lsn());
        seal
    };
    let ours = seal(&[(0, 2), (1, 1)], false);
    assert_eq!((ours.transactions, ours.records), (2, 3));
    let cases = [
        (&[(0, 2), (1, 1)][..], SealComparison::Same),
        (&[(1, 1), (0, 2)], SealComparison::Content),
        (&[(0, 1), (1, 2)], SealComparison::Content),
        (&[(0, 2), (1, 2)], SealComparison::Records),
        (&[(0, 3)], SealComparison::Transactions),
    ];
    for (transactions, expected) in cases {
        for restart in [false, true] {
            let theirs = seal(transactions, restart);
            assert_eq!(
                compare(&ours, &theirs),
                expected,
                "{transactions:?} {restart}"
            );
        }
    }
}

#[test]
fn epochs_are_sealed_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let (_wal, calvin) = open(&directory);
    apply(&calvin, 1, 0, 1).unwrap();
    apply(&calvin, 3, 0, 1).unwrap();
    let seal = |epoch| calvin.seal(VSHARD, Epoch::new(epoch));
    assert!(matches!(seal(2), Err(Error::CalvinUnsealed { epoch, .. }) if epoch == Epoch::new(1)));
    assert_eq!(seal(1).unwrap().transactions, 1);
    assert!(matches!(seal(1), Err(Error::CalvinSealed { .. })));
    // An epoch in which nothing concerned the vshard.
    assert_eq!(seal(2).unwrap().transactions, 0);
    assert!(matches!(
        apply(&calvin, 2, 9, 1),
        Err(Error::CalvinApplied { .. })
    ));
    assert!(matches!(seal(0), Err(Error::CalvinNoEpoch)));
    let progress = calvin.progress(VSHARD).unwrap();
    assert_eq!(progress.watermark, Epoch::new(2));
    let left: Vec<CalvinPosition> = progress.applied.into_iter().collect();
    assert_eq!(
        left,
        [CalvinPosition {
            epoch: Epoch::new(3),
            position: 0
        }]
    );
    assert_eq!(calvin.vshards(), [VSHARD]);
}
