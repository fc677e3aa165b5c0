//! Waiting for the next record of a consumer.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nodedb_wal::payload::Put;
use nodedb_wal::types::{DatabaseId, TenantId, VshardId};

use super::consumers::{add, fault, lsn, take};
use super::support::{D, T, V, small_node, write};
use crate::consumers::{ConsumerFilter, ConsumerSpec};
use crate::{ConsumerFault, Node};

const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

fn write_of(node: &Node, tenant: TenantId, vshard: u32) {
    let (vshard, wal) = (VshardId::new(vshard), node.wal());
    let lsn = wal.append::<Put>(tenant, vshard, D, &b"row"[..]).unwrap();
    wal.commit(lsn).unwrap();
}

#[test]
fn whoever_waits_is_woken_by_the_commit_of_a_record_it_wants_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    let spec = ConsumerSpec {
        filter: ConsumerFilter {
            tenant: Some(TenantId::new(9)),
            ..ConsumerFilter::default()
        },
        ..ConsumerSpec::new("c")
    };
    node.add_consumer(&spec).unwrap(); // 1
    let mut consumer = node.consumer("c").unwrap();
    assert!(!consumer.wait(AT_ONCE).unwrap());
    assert!(!consumer.wait(Some(Duration::from_millis(1))).unwrap());
    thread::scope(|scope| {
        let (told, tidings) = mpsc::channel();
        scope.spawn(move || {
            for _ in 0..20 {
                assert!(consumer.wait(None).unwrap());
                let record = consumer.next().unwrap().unwrap();
                told.send(record.lsn()).unwrap();
            }
            assert!(!consumer.wait(AT_ONCE).unwrap());
        });
        for number in 0..20 {
            write_of(&node, T, 1); // Not wanted.
            // Appended, and not durable yet.
            let wanted = TenantId::new(9);
            let wal = node.wal();
            let appended = wal.append::<Put>(wanted, V, DatabaseId::new(1), &b"row"[..]);
            let appended = appended.unwrap();
            assert!(tidings.try_recv().is_err());
            node.consumers_service().until_somebody_waits("c");
            wal.commit(appended).unwrap();
            assert_eq!(tidings.recv().unwrap(), lsn(3 + 2 * number));
        }
    });
}

/// A member that had no partition slept on when the only other one left: its records lay until
/// somebody wrote something.
#[test]
fn a_member_that_waits_is_woken_when_it_is_given_partitions() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    let spec = ConsumerSpec {
        partitions: 1,
        ..ConsumerSpec::new("g")
    };
    node.add_consumer(&spec).unwrap(); // 1
    let mut first = node.join_consumer("g", "a").unwrap();
    write(&node, 10); // 2
    assert_eq!(take(&mut first), [1, 2]);
    first.acknowledge(lsn(1)).unwrap();
    let mut second = node.join_consumer("g", "b").unwrap();
    assert!(!second.wait(AT_ONCE).unwrap(), "it has no partition");
    thread::scope(|scope| {
        let woken = scope.spawn(move || {
            assert!(second.wait(None).unwrap());
            take(&mut second)
        });
        node.consumers_service().until_somebody_waits("g");
        drop(first);
        assert_eq!(woken.join().unwrap(), [2], "what was in flight");
    });
}

#[test]
fn whoever_waits_is_told_that_the_consumer_was_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    add(&node, "c");
    let mut consumer = node.consumer("c").unwrap();
    assert_eq!(take(&mut consumer), [1]);
    thread::scope(|scope| {
        let woken = scope.spawn(move || fault(consumer.wait(None)));
        node.consumers_service().until_somebody_waits("c");
        node.drop_consumer("c").unwrap();
        assert_eq!(woken.join().unwrap(), ConsumerFault::Unknown);
    });
}
