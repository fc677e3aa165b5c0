//! Audit and time on whole nodes, on a simulated disk whose clock is set at will.

use std::time::Duration;

use nodedb_node::audit::{AuditFilter, AuditTrail, LsnPlace, TimePlace, WallClock};
use nodedb_node::catalog::Catalog;
use nodedb_node::{Node, NodeConfig, Truncation, WalManager};
use nodedb_wal::Config;
use nodedb_wal::payload::{Hold, Put, TemporalPurge};
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, Timestamp, VshardId};
use tempfile::TempDir;

const T: TenantId = TenantId::new(1);
const V: VshardId = VshardId::new(1);
const D: DatabaseId = DatabaseId::new(1);

fn open(directory: &TempDir) -> Node {
    let log = Config::new(directory.path()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    Node::open(NodeConfig::from(log)).unwrap()
}

fn hold(node: &Node, needs: Lsn) -> Lsn {
    let hold = Hold {
        name: "archive".to_owned(),
        needs: Some(needs),
    };
    let lsn = node.wal().append_hold(T, V, D, &hold).unwrap();
    node.wal().commit(lsn).unwrap();
    lsn
}

fn put(node: &Node) -> Lsn {
    let put = Put {
        collection: "c".to_owned(),
        key: vec![1],
        value: vec![2],
    };
    let lsn = node.wal().append_put(T, V, D, &put).unwrap();
    node.wal().commit(lsn).unwrap();
    lsn
}

#[test]
fn closing_seals_the_trail_once_and_every_opening_finds_it_sound() {
    let directory = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let node = open(&directory);
        if round < 2 {
            hold(&node, Lsn::new(round + 1));
        }
        let report = node.verify_audit().unwrap();
        assert!(report.finding.is_none(), "{:?}", report.finding);
        assert_eq!(report.seals, round.min(2));
        node.close().unwrap();
    }
    let node = open(&directory);
    // Two holds and a seal for each: nothing is entered where nothing happened.
    assert_eq!(node.wal().durable_lsn(), Lsn::new(4));
    assert_eq!(node.seal_audit().unwrap(), None);
}

#[test]
fn what_was_purged_is_told_after_its_segments_are_gone() {
    let directory = tempfile::tempdir().unwrap();
    let node = open(&directory);
    let purge = |number| TemporalPurge {
        collection: "orders".to_owned(),
        engine: "kv".to_owned(),
        cutoff: Timestamp::from_nanos(number),
        purged: 5,
    };
    let first = node
        .wal()
        .append_temporal_purge(T, V, D, &purge(1))
        .unwrap();
    node.wal().rotate().unwrap();
    let held = hold(&node, first.next());
    let Truncation::Done { truncated, .. } = node.truncate_to_holds().unwrap() else {
        panic!("there is a hold");
    };
    assert_eq!(
        (truncated.start_lsn, first, held),
        (Lsn::new(2), Lsn::new(1), Lsn::new(2))
    );
    let page = node.purges(AuditFilter::default(), Lsn::ZERO, 10).unwrap();
    assert_eq!(page.purges.len(), 1);
    assert_eq!((page.purges[0].lsn, page.purges[0].purged), (first, 5));
    let second = node
        .wal()
        .append_temporal_purge(T, V, D, &purge(2))
        .unwrap();
    node.wal().commit(second).unwrap();
    let next = node
        .purges(AuditFilter::default(), page.cursor, 10)
        .unwrap();
    assert_eq!(next.purges.len(), 1);
    assert_eq!((next.purges[0].lsn, next.has_more), (second, false));
    let none = node
        .purges(AuditFilter::default(), next.cursor, 10)
        .unwrap();
    assert_eq!((none.purges.len(), none.cursor), (0, second));
    // The seal came before the segment went.
    let report = node.verify_audit().unwrap();
    assert!(report.finding.is_none());
    assert_eq!((report.seals, report.unsealed), (1, 1));
}

#[test]
fn the_time_of_a_record_that_is_gone_is_told_by_the_entries_around_it() {
    let directory = tempfile::tempdir().unwrap();
    let node = open(&directory);
    let (first, gone, third) = (
        hold(&node, Lsn::new(1)),
        put(&node),
        hold(&node, Lsn::new(1)),
    );
    node.wal().rotate().unwrap();
    let at = |lsn| match node.time_of(lsn).unwrap().place {
        TimePlace::At(time) => time,
        TimePlace::Gone { .. } => panic!("{lsn} is there"),
    };
    let (first_at, gone_at, third_at) = (at(first), at(gone), at(third));
    let last = hold(&node, Lsn::MAX.previous());
    assert!(matches!(
        node.truncate_to_holds().unwrap(),
        Truncation::Done { .. }
    ));
    assert_eq!(node.wal().start_lsn(), last);
    // Entries tell exactly, what is between them within them.
    assert_eq!(at(first), first_at);
    let (from, to) = (Some(first_at), Some(third_at));
    assert_eq!(
        node.time_of(gone).unwrap().place,
        TimePlace::Gone { from, to }
    );
    let place = |time| node.lsn_at(time).unwrap().place;
    let by = third;
    assert_eq!(place(gone_at), LsnPlace::Gone { after: first, by });
    assert_eq!(
        place(first_at),
        LsnPlace::Gone {
            after: Lsn::ZERO,
            by: first
        }
    );
    assert_eq!(place(at(last)), LsnPlace::At(last));
    let end = node.wal().durable_lsn();
    assert_eq!(place(Timestamp::MAX), LsnPlace::After(end));
}

/// The clock leaps ahead, and is put right a day later than it should: the log's time stands still,
/// and anchors tell what the clock said.
#[test]
fn a_clock_that_was_set_back_is_told_by_anchors() {
    let seconds = |s: i64| Timestamp::from_nanos(s * 1_000_000_000);
    let disk = SimDisk::new(1);
    let directory = tempfile::tempdir().unwrap();
    let node = || {
        let wal = WalManager::open(NodeConfig::from(Config::on(disk.storage()))).unwrap();
        let path = directory.path().join("catalog.redb");
        Node::on(wal, Catalog::open(path).unwrap()).unwrap()
    };
    disk.set_time(seconds(1_000));
    let right = node();
    let before = put(&right);
    disk.set_time(seconds(9_000));
    let leapt = put(&right);
    disk.set_time(seconds(1_100));
    assert_eq!(put(&right), leapt.next());
    assert_eq!(right.anchor_time().unwrap(), Some(Lsn::new(4)));
    disk.advance(Duration::from_secs(100));
    let frozen = put(&right);
    drop(right);
    disk.set_time(seconds(1_300));
    let node = node();
    let opened = frozen.next();
    let last = put(&node);
    assert_eq!(last, opened.next());
    // In the log's time, the leap is where every later time is.
    let found = node.lsn_at(seconds(1_250)).unwrap();
    assert_eq!(
        (found.place, found.rewound),
        (LsnPlace::At(leapt), Some(Lsn::new(4)))
    );
    let found = node.lsn_at(seconds(1_000)).unwrap();
    assert_eq!((found.place, found.rewound), (LsnPlace::At(before), None));
    let clock = |lsn| node.time_of(lsn).unwrap().wall_clock;
    assert_eq!((clock(before), clock(leapt)), (None, None));
    let said = |lsn: Lsn| {
        let WallClock { anchor, time } = clock(lsn).unwrap();
        (anchor, time.as_nanos() / 1_000_000_000)
    };
    assert_eq!(said(frozen), (Lsn::new(4), 1_100));
    assert_eq!(said(last), (opened, 1_300));
    let anchors = AuditFilter::of_kind(RecordKind::TimeAnchor);
    let mut anchors = node.audit(anchors, Lsn::ZERO).unwrap();
    assert_eq!(
        anchors.next().unwrap().unwrap().record.header.lsn,
        Lsn::new(4)
    );
    assert_eq!(anchors.next().unwrap().unwrap().record.header.lsn, opened);
    let found = node.lsn_at(seconds(9_001)).unwrap();
    assert_eq!(found.place, LsnPlace::After(last));
}

/// The trail of a log without its catalog is found through footers: data is not read.
#[test]
fn listing_the_trail_of_a_log_reads_next_to_nothing_of_its_data() {
    let disk = SimDisk::new(1);
    let log = Config::on(disk.storage()).segment_bytes(4 << 20);
    let wal = WalManager::open(NodeConfig::from(log)).unwrap();
    let (mut expected, value) = (Vec::new(), vec![7; 16_000]);
    for number in 0..3_000 {
        let put = Put {
            collection: "c".to_owned(),
            key: vec![1],
            value: value.clone(),
        };
        wal.append_put(T, V, D, &put).unwrap();
        if number % 50 == 0 {
            let purge = TemporalPurge {
                collection: "c".to_owned(),
                engine: "kv".to_owned(),
                cutoff: Timestamp::from_nanos(0),
                purged: number,
            };
            expected.push(wal.append_temporal_purge(T, V, D, &purge).unwrap());
        }
    }
    wal.sync().unwrap();
    wal.close().unwrap();
    let reader = nodedb_wal::Reader::open_on(disk.storage()).unwrap();
    let filter = AuditFilter::default();
    let mut trail = AuditTrail::open(None, &reader, filter, Lsn::ZERO).unwrap();
    let mut found = Vec::new();
    while let Some(entry) = trail.next().unwrap() {
        found.push(entry.record.header.lsn);
    }
    let (read, total) = (trail.bytes_read(), reader.total_size_bytes());
    println!("{} entries in {read} B of {total} B", found.len());
    assert_eq!(found, expected);
    assert!(read * 100 < total, "{read} of {total}");
}
