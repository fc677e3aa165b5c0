//! What tenants use and may.

use std::collections::BTreeMap;
use std::time::Duration;

use nodedb_wal::payload::Put;
use nodedb_wal::types::{DatabaseId, TenantId};
use nodedb_wal::{Lsn, ReadOptions};
use tempfile::TempDir;

use super::support::{V, fill, small_config, small_node};
use crate::tenants::{Amount, Budget, BudgetKind};
use crate::{Batch, Error, Node};

const A: TenantId = TenantId::new(7);
const B: TenantId = TenantId::new(8);
const D: DatabaseId = DatabaseId::new(1);

fn append(node: &Node, tenant: TenantId, database: DatabaseId, bytes: usize) -> crate::Result<Lsn> {
    let payload = vec![7; bytes];
    node.wal().append::<Put>(tenant, V, database, &payload[..])
}

/// Whose the records of the log are, counted one by one.
fn counted(node: &Node) -> BTreeMap<(TenantId, DatabaseId), Amount> {
    let mut counted: BTreeMap<_, Amount> = BTreeMap::new();
    let mut records = node.wal().read(ReadOptions::all()).unwrap();
    while let Some(record) = records.next().unwrap() {
        let scope = record.header.scope;
        let amount = Amount {
            records: 1,
            payload_bytes: u64::from(record.header.payload_len),
        };
        counted
            .entry((scope.tenant, scope.database))
            .or_default()
            .add(amount);
    }
    counted
}

fn used(node: &Node) -> (BTreeMap<(TenantId, DatabaseId), Amount>, Amount) {
    let report = node.usage().unwrap();
    assert_eq!(report.unknown_records, 0);
    let mut written = Amount::default();
    let mut retained = BTreeMap::new();
    for row in report.scopes {
        if row.tenant != TenantId::new(0) {
            written.add(row.written);
        }
        if row.retained != Amount::default() {
            retained.insert((row.tenant, row.database), row.retained);
        }
    }
    (retained, written)
}

fn reopened(node: Node, directory: &TempDir) -> Node {
    drop(node);
    small_node(directory)
}

#[test]
fn what_is_used_is_what_the_log_holds_and_what_was_written_stays_counted() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    let mut written = Amount::default();
    let mut last = Lsn::ZERO;
    for number in 0..900_usize {
        let tenant = if number % 7 == 0 { A } else { B };
        let database = DatabaseId::new(number as u64 % 3);
        let bytes = number % 1000;
        last = append(&node, tenant, database, bytes).unwrap();
        written.add(Amount {
            records: 1,
            payload_bytes: bytes as u64,
        });
    }
    node.wal().commit(last).unwrap();
    assert!(node.wal().extents().len() > 2);
    let check = |node: &Node| {
        let (retained, sum) = used(node);
        assert_eq!(retained, counted(node));
        assert_eq!(sum, written);
    };
    check(&node);
    let node = reopened(node, &directory);
    check(&node);
    node.checkpoint("kv", Lsn::new(700)).unwrap();
    node.truncate_to_holds().unwrap();
    assert!(node.wal().start_lsn() > Lsn::FIRST);
    check(&node);
    let node = reopened(node, &directory);
    check(&node);
    // As after a crash between counting what goes and dropping it.
    let start = node.wal().extents()[1].first_lsn;
    let going: Vec<_> = node.segment_usages(start).unwrap();
    let going: Vec<_> = going.iter().map(|usage| (**usage).clone()).collect();
    node.catalog().count_gone(&going, start).unwrap();
    check(&node);
    let node = reopened(node, &directory);
    check(&node);
    node.checkpoint("kv", last).unwrap();
    node.truncate_to_holds().unwrap();
    check(&node);
}

#[test]
fn what_is_over_the_budget_is_refused_and_leaves_no_trace() {
    let directory = tempfile::tempdir().unwrap();
    let budget = Budget {
        bytes_per_second: Some(1),
        burst_bytes: Some(0),
        ..Budget::default()
    };
    let node = Node::open(small_config(&directory).budget(A, budget)).unwrap();
    append(&node, A, D, 1000).unwrap();
    let (next, stats) = (node.wal().next_lsn(), node.wal().stats());
    let refused = append(&node, A, D, 10).unwrap_err();
    assert!(refused.is_retryable());
    assert!(matches!(
        refused,
        Error::OverBudget { tenant: A, budget: BudgetKind::ByteRate, allowed_bytes: 1, bytes: 74, retry_after: Some(after) }
            if after > Duration::from_secs(1000)
    ));
    // A batch goes in whole or not at all: nobody's budget is touched by one that does not.
    let mut batch = Batch::new();
    for tenant in [B, A] {
        batch.push::<Put>(tenant, V, D, &[1, 2, 3][..]).unwrap();
    }
    assert!(node.wal().append_batch(&batch).is_err());
    assert_eq!(node.wal().next_lsn(), next);
    assert_eq!(node.wal().stats().bytes_buffered, stats.bytes_buffered);
    // What makes room passes, and so does everybody else.
    let lsn = node
        .wal()
        .append_collection_tombstone(
            A,
            V,
            D,
            &nodedb_wal::payload::CollectionTombstoned {
                collection: "orders".to_owned(),
                purge_lsn: next,
            },
        )
        .unwrap();
    assert_eq!(lsn, next, "a refusal took an LSN");
    append(&node, B, D, 1000).unwrap();
    node.set_budget(A, Budget::default()).unwrap();
    append(&node, A, D, 1000).unwrap();
}

#[test]
fn what_the_log_refused_is_not_charged() {
    let directory = tempfile::tempdir().unwrap();
    let budget = Budget {
        retained_bytes: Some(1 << 20),
        ..Budget::default()
    };
    let node = Node::open(small_config(&directory).budget(A, budget)).unwrap();
    for _ in 0..3 {
        // Longer than a segment.
        assert!(matches!(
            append(&node, A, D, 900_000),
            Err(Error::Log(nodedb_wal::Error::TooLarge { .. }))
        ));
    }
    append(&node, A, D, 1000).unwrap();
}

#[test]
fn a_tenant_that_fills_the_log_waits_for_truncation_and_a_restart_forgets_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let budget = Budget {
        retained_bytes: Some(100_000),
        ..Budget::default()
    };
    let open = || Node::open(small_config(&directory).budget(A, budget)).unwrap();
    let node = open();
    let mut last = Lsn::ZERO;
    let mut appended = 0;
    let refused = loop {
        match append(&node, A, D, 936) {
            Ok(lsn) => last = lsn,
            Err(error) => break error,
        }
        appended += 1;
    };
    assert_eq!(appended, 100);
    assert!(matches!(
        refused,
        Error::OverBudget {
            budget: BudgetKind::RetainedBytes,
            retry_after: None,
            ..
        }
    ));
    node.wal().commit(last).unwrap();
    drop(node);
    let node = open();
    assert!(append(&node, A, D, 936).is_err(), "forgotten by a restart");
    fill(&node, 1);
    node.checkpoint("kv", last).unwrap();
    node.truncate_to_holds().unwrap();
    append(&node, A, D, 936).unwrap();
}
