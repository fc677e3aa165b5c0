//! Consumers of the log: what is delivered, acknowledged, held and told.

use nodedb_wal::payload::{Delete, Operation, Put, Transaction};
use nodedb_wal::types::{DatabaseId, RecordKind, TenantId};
use nodedb_wal::{ErrorClass, Lsn};

use super::support::{D, T, V, fill, small_node, write};
use crate::audit::AuditFilter;
use crate::consumers::{Consumer, ConsumerFilter, ConsumerSpec, StartAt};
use crate::{ConsumerFault, Error, Node, Truncation};

pub(super) fn lsn(number: u64) -> Lsn {
    Lsn::new(number)
}

pub(super) fn add(node: &Node, name: &str) -> Lsn {
    node.add_consumer(&ConsumerSpec::new(name)).unwrap()
}

/// Everything there is to be delivered now.
pub(super) fn take(consumer: &mut Consumer<'_>) -> Vec<u64> {
    let mut lsns = Vec::new();
    while let Some(record) = consumer.next().unwrap() {
        lsns.push(record.lsn().value());
    }
    lsns
}

pub(super) fn fault(result: crate::Result<impl std::fmt::Debug>) -> ConsumerFault {
    match result.unwrap_err() {
        Error::Consumer { source, .. } => source,
        other => panic!("{other:?}"),
    }
}

/// A row of a collection, as the payload it is.
pub(super) fn put(collection: &str, bytes: usize) -> Put {
    Put {
        collection: collection.to_owned(),
        key: b"k".to_vec(),
        value: vec![7; bytes],
    }
}

/// Lesson 27: a cursor was saved before the consumer had processed: at most once, called exactly
/// once. Here only what was acknowledged is not delivered again.
#[test]
fn what_was_delivered_and_not_acknowledged_comes_again() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    add(&node, "c");
    for _ in 0..4 {
        write(&node, 10);
    }
    let mut consumer = node.consumer("c").unwrap();
    assert_eq!(take(&mut consumer), [1, 2, 3, 4, 5]);
    consumer.acknowledge(lsn(3)).unwrap();
    let position = consumer.position();
    assert_eq!(
        (position.delivered, position.acknowledged),
        (lsn(5), lsn(3))
    );
    assert!(position.is_in_flight);
    assert_eq!(
        fault(consumer.acknowledge(lsn(6))),
        ConsumerFault::NotDelivered {
            lsn: lsn(6),
            delivered: lsn(5)
        }
    );
    assert_eq!(
        fault(node.consumer("c").map(drop)),
        ConsumerFault::InUse {
            member: String::new()
        }
    );
    consumer.rewind().unwrap();
    assert_eq!(consumer.peek().unwrap().unwrap().lsn(), lsn(4));
    assert_eq!(
        consumer.position().delivered,
        lsn(5),
        "a look is no delivery"
    );
    drop(consumer);
    let mut consumer = node.consumer("c").unwrap();
    assert_eq!(take(&mut consumer), [4, 5]);
    consumer.acknowledge_durably(lsn(4)).unwrap();
    drop(consumer);
    drop(node);
    // As after a crash: what was acknowledged durably is over, what was delivered is not.
    let node = small_node(&directory);
    let mut consumer = node.consumer("c").unwrap();
    assert_eq!(take(&mut consumer), [5]);
    assert_eq!(fault(node.consumer("d").map(drop)), ConsumerFault::Unknown);
    assert_eq!(
        fault(node.add_consumer(&ConsumerSpec::new("c"))),
        ConsumerFault::Exists
    );
    assert_eq!(
        fault(node.add_consumer(&ConsumerSpec::new(""))),
        ConsumerFault::Nameless
    );
}

/// An acknowledgement costs neither a transaction of the catalog nor a record of its own.
#[test]
fn acknowledging_is_cheap_and_is_no_entry_of_the_audit_trail() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    add(&node, "c");
    for _ in 0..200 {
        write(&node, 10);
    }
    let mut consumer = node.consumer("c").unwrap();
    let (applied, next) = (node.catalog().applied(), node.wal().next_lsn());
    while let Some(record) = consumer.next().unwrap() {
        let lsn = record.lsn();
        consumer.acknowledge(lsn).unwrap();
    }
    let records = node.wal().next_lsn().value() - next.value();
    assert!(records <= 5, "{records} records for 201 acknowledgements");
    assert_eq!(node.catalog().applied(), applied);
    node.write_cursors().unwrap();
    assert_eq!(node.catalog().applied(), applied);
    let mut trail = node.audit(AuditFilter::default(), Lsn::ZERO).unwrap();
    let mut kinds = Vec::new();
    while let Some(entry) = trail.next().unwrap() {
        kinds.push(entry.record.header.kind.known().unwrap());
    }
    assert_eq!(kinds, [RecordKind::ConsumerAdded]);
    // Nor does it fail there, or is delivered: a consumer would never be up to date.
    assert!(node.verify_audit().unwrap().finding.is_none());
    assert_eq!(take(&mut consumer), [] as [u64; 0]);
    let before = node.wal().next_lsn();
    for _ in 0..20 {
        assert_eq!(take(&mut consumer), [] as [u64; 0]);
        node.write_cursors().unwrap();
    }
    assert_eq!(node.wal().next_lsn(), before);
}

/// Lesson 18: truncation went ahead while a slow consumer still needed the records. Lesson 26: a
/// cursor stored as a position in a list skipped or repeated entries after old files were removed.
#[test]
fn segments_go_as_the_slowest_consumer_gets_on_and_cursors_stay_right() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = small_node(&directory);
    for name in ["fast", "slow", "never"] {
        add(&node, name);
    }
    fill(&node, 8);
    assert!(node.drop_consumer("never").unwrap());
    assert!(!node.drop_consumer("never").unwrap());
    let mut expected = 1;
    for step in 1..=11 {
        {
            let mut fast = node.consumer("fast").unwrap();
            let last = take(&mut fast).last().copied();
            if let Some(last) = last {
                fast.acknowledge(lsn(last)).unwrap();
            }
            let mut slow = node.consumer("slow").unwrap();
            let record = slow.next().unwrap().unwrap().lsn();
            assert_eq!(record, lsn(expected), "step {step}");
            slow.acknowledge(record).unwrap();
            expected += 1;
        }
        assert!(matches!(
            node.truncate_to_holds().unwrap(),
            Truncation::Done { held_by, .. } if held_by == "consumer/slow"
        ));
        let start = node.wal().start_lsn();
        assert!(start <= lsn(expected), "step {step}: starts at {start}");
        if step > 6 {
            assert!(start > lsn(1));
        }
        drop(node);
        node = small_node(&directory);
    }
    assert!(matches!(
        node.set_hold("consumer/slow", lsn(9)),
        Err(Error::HoldIsConsumer { .. })
    ));
    assert!(matches!(
        node.release_hold("consumer/slow"),
        Err(Error::HoldIsConsumer { .. })
    ));
    assert!(matches!(
        node.truncate_before(node.wal().next_lsn()),
        Err(Error::Held { hold, .. }) if hold == "consumer/slow"
    ));
}

/// Records 1 to 7, of several tenants, databases, collections and kinds, and one more.
fn write_all_sorts(node: &Node) -> Lsn {
    let delete = |collection: &str| Delete {
        collection: collection.to_owned(),
        key: b"k".to_vec(),
    };
    let operations = vec![
        Operation::new(&put("users", 1)).unwrap(),
        Operation::new(&delete("orders")).unwrap(),
    ];
    let wal = node.wal();
    let orders = put("orders", 1);
    wal.append_put(T, V, D, &orders).unwrap(); // 1
    wal.append_put(T, V, D, &put("users", 1)).unwrap(); // 2
    wal.append_put(TenantId::new(2), V, D, &orders).unwrap(); // 3
    wal.append_put(T, V, DatabaseId::new(2), &orders).unwrap(); // 4
    let transaction = Transaction { operations };
    wal.append_transaction(T, V, D, &transaction).unwrap(); // 5
    wal.append::<Put>(T, V, D, &b"raw"[..]).unwrap(); // 6
    wal.append_delete(T, V, D, &delete("users")).unwrap(); // 7
    wal.sync().unwrap();
    wal.rotate().unwrap();
    write(node, 10)
}

/// Filters, by name, and what of those records they let through.
fn filters() -> [(&'static str, ConsumerFilter, &'static [u64]); 6] {
    let orders = Some("orders".to_owned());
    let all = ConsumerFilter::default;
    let tenant = ConsumerFilter {
        tenant: Some(TenantId::new(2)),
        ..all()
    };
    let database = ConsumerFilter {
        database: Some(DatabaseId::new(2)),
        ..all()
    };
    let collection = ConsumerFilter {
        collection: orders.clone(),
        ..all()
    };
    let deletes = ConsumerFilter {
        kinds: vec![RecordKind::Delete],
        ..all()
    };
    let deleted_orders = ConsumerFilter {
        kinds: vec![RecordKind::Delete],
        collection: orders,
        ..all()
    };
    [
        ("all", all(), &[1, 2, 3, 4, 5, 6, 7, 8]),
        ("tenant", tenant, &[3]),
        ("database", database, &[4]),
        ("orders", collection, &[1, 3, 4, 5]),
        ("deletes", deletes, &[5, 7]),
        ("deleted orders", deleted_orders, &[5]),
    ]
}

#[test]
fn what_is_not_wanted_is_not_delivered_and_holds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    let end = write_all_sorts(&node);
    let table = filters();
    for (name, filter, expected) in &table {
        let spec = ConsumerSpec {
            filter: filter.clone(),
            ..ConsumerSpec::new(*name)
        };
        node.add_consumer(&spec).unwrap();
        let mut consumer = node.consumer(name).unwrap();
        let mut delivered = take(&mut consumer);
        delivered.retain(|at| *at <= end.value());
        assert_eq!(&delivered, expected, "{name}");
        let last = consumer.position().delivered;
        consumer.acknowledge(last).unwrap();
        let acknowledged = consumer.position().acknowledged;
        assert_eq!(acknowledged, node.wal().durable_lsn(), "{name}");
    }
    assert!(matches!(
        node.truncate_to_holds().unwrap(),
        Truncation::Done { truncated, .. } if truncated.segments == 1
    ));
    drop(node);
    let node = small_node(&directory);
    let kept = node.consumers().unwrap();
    assert_eq!(kept.len(), table.len());
    let is_deletes = |name: &str| name == "deletes";
    let deletes = kept.iter().find(|one| is_deletes(&one.state.added.name));
    let kinds = &deletes.unwrap().state.added.kinds;
    assert_eq!(kinds, &[RecordKind::Delete.code()]);
}

#[test]
fn a_consumer_that_stores_its_cursor_says_where_it_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    add(&node, "c");
    let last = fill(&node, 6);
    let mut consumer = node.consumer("c").unwrap();
    // Its own state is further than what it has acknowledged.
    consumer.resume_at(lsn(4)).unwrap();
    assert_eq!(consumer.next().unwrap().unwrap().lsn(), lsn(5));
    // Its own state was put back to an older copy.
    consumer.resume_at(lsn(2)).unwrap();
    assert_eq!(
        node.holds().unwrap().find("consumer/c").unwrap().needs,
        Some(lsn(3))
    );
    node.truncate_to_holds().unwrap();
    assert_eq!(node.wal().start_lsn(), lsn(3));
    assert_eq!(consumer.next().unwrap().unwrap().lsn(), lsn(3));
    assert_eq!(
        fault(consumer.resume_at(lsn(1))),
        ConsumerFault::TooLate {
            needs: lsn(2),
            start: lsn(3)
        }
    );
    let end = node.wal().durable_lsn();
    let ahead = fault(consumer.resume_at(end.next()));
    assert_eq!(
        ahead,
        ConsumerFault::Ahead {
            at: end.next(),
            last: end
        }
    );
    assert_eq!(ahead.class(), ErrorClass::Corruption);
    consumer.resume_at(last).unwrap();
    drop(consumer);
    let spec = ConsumerSpec {
        start: StartAt::Lsn(lsn(1)),
        ..ConsumerSpec::new("late")
    };
    assert!(matches!(
        fault(node.add_consumer(&spec)),
        ConsumerFault::TooLate { .. }
    ));
    let spec = ConsumerSpec {
        start: StartAt::Next,
        ..ConsumerSpec::new("next")
    };
    let from = node.add_consumer(&spec).unwrap();
    assert_eq!(
        from,
        node.wal().durable_lsn(),
        "its own record is the first"
    );
}

#[test]
fn consumers_are_there_after_a_crash_with_and_without_the_catalog() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    for name in ["a", "b", "gone"] {
        add(&node, name);
    }
    fill(&node, 3);
    let mut consumer = node.consumer("b").unwrap();
    take(&mut consumer);
    consumer.acknowledge_durably(lsn(5)).unwrap();
    drop(consumer);
    node.drop_consumer("gone").unwrap();
    let known = |node: &Node| -> Vec<(String, Vec<Lsn>, Option<Lsn>)> {
        let holds = node.holds().unwrap();
        let status = node.consumers().unwrap().into_iter();
        let known = status.map(|status| {
            let name = status.state.added.name.clone();
            let hold = holds.find(&format!("consumer/{name}"));
            (name, status.acknowledged, hold.and_then(|hold| hold.needs))
        });
        known.collect()
    };
    let expected = vec![
        ("a".to_owned(), vec![lsn(0)], Some(lsn(1))),
        ("b".to_owned(), vec![lsn(5)], Some(lsn(6))),
    ];
    assert_eq!(known(&node), expected);
    drop(node);
    let node = small_node(&directory);
    assert_eq!(known(&node), expected);
    let catalog = node.catalog().path().to_owned();
    drop(node);
    std::fs::remove_file(catalog).unwrap();
    assert_eq!(known(&small_node(&directory)), expected);
}
