//! Records of a consumer that are delivered together, and damage among them.

use std::collections::BTreeMap;

use nodedb_wal::types::RecordKind;
use nodedb_wal::{ErrorClass, Lsn};

use super::consumers::{add, put};
use super::support::{D, T, V, fill, small_node, write};
use crate::consumers::ConsumerSpec;
use crate::{Batch, Error, Node};

/// Appends rows that are there all or none.
fn write_batch(node: &Node, collections: &[&str]) -> Lsn {
    let mut batch = Batch::new();
    for collection in collections {
        batch.push(T, V, D, &put(collection, 10)).unwrap();
    }
    let lsns = node.wal().append_batch(&batch).unwrap();
    node.wal().commit(lsns.last).unwrap();
    lsns.last
}

/// Lesson 28: a batch read with a byte budget silently skipped entries.
#[test]
fn whatever_the_budget_every_record_is_in_one_batch() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    let mut lens = BTreeMap::new();
    for bytes in [10, 3_000, 0, 20_000, 500, 10, 10, 40_000] {
        lens.insert(write(&node, bytes), bytes);
    }
    for budget in [0, 1, 90, 4_000, 25_000, 1 << 20] {
        let name = format!("c{budget}");
        add(&node, &name);
        let mut consumer = node.consumer(&name).unwrap();
        let mut seen = BTreeMap::new();
        loop {
            let batch = consumer.read_batch(budget).unwrap();
            let Some(last) = batch.last_lsn() else { break };
            assert!(batch.len() == 1 || batch.bytes() <= budget, "{budget}");
            let puts = batch
                .iter()
                .filter(|record| record.header.kind == RecordKind::Put.code());
            seen.extend(puts.map(|record| (record.header.lsn, record.payload.len())));
            consumer.acknowledge(last).unwrap();
        }
        assert_eq!(seen, lens, "{budget}");
    }
}

#[test]
fn an_atomic_batch_is_neither_divided_by_a_budget_nor_acknowledged_in_part() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    let collections: [&[&str]; 4] = [&["a"], &["a", "b", "a", "b"], &["b", "b", "a"], &["a", "b"]];
    for batch in collections {
        write_batch(&node, batch);
    }
    for (collection, wholes) in [
        (
            None,
            vec![vec![1], vec![2, 3, 4, 5], vec![6, 7, 8], vec![9, 10]],
        ),
        (Some("a"), vec![vec![1], vec![2, 4], vec![8], vec![9]]),
        (Some("b"), vec![vec![3, 5], vec![6, 7], vec![10]]),
    ] {
        let name = collection.unwrap_or("all");
        let mut spec = ConsumerSpec::new(name);
        spec.filter.kinds = vec![RecordKind::Put];
        spec.filter.collection = collection.map(str::to_owned);
        node.add_consumer(&spec).unwrap();
        let mut consumer = node.consumer(name).unwrap();
        for whole in &wholes {
            let batch = consumer.read_batch(1).unwrap();
            let lsns: Vec<u64> = batch
                .iter()
                .map(|record| record.header.lsn.value())
                .collect();
            assert_eq!(&lsns, whole, "{name}");
        }
        consumer.rewind().unwrap();
        for (last, whole) in wholes
            .iter()
            .flat_map(|whole| whole.iter().map(move |last| (*last, whole)))
        {
            let taken = consumer.next().unwrap().unwrap().lsn();
            assert_eq!(taken.value(), last);
            consumer.acknowledge(taken).unwrap();
            let needs = consumer.position().acknowledged.next().value();
            let is_whole = Some(&last) == whole.last();
            assert!(is_whole || needs <= whole[0], "{name} {last} {needs}");
        }
        assert!(consumer.next().unwrap().is_none());
        let end = consumer.position().acknowledged;
        assert_eq!(end, node.wal().durable_lsn(), "{name}");
    }
}

/// Lesson 28: a checksum error read as "no more data".
#[test]
fn damage_is_an_error_each_time_and_never_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let node = small_node(&directory);
    add(&node, "c");
    fill(&node, 3);
    node.close().unwrap();
    let mut files: Vec<_> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().contains("wal-"))
        .collect();
    files.sort();
    let mut bytes = std::fs::read(&files[1]).unwrap();
    bytes[4096 + 70] ^= 1;
    std::fs::write(&files[1], bytes).unwrap();
    let node = small_node(&directory);
    let mut consumer = node.consumer("c").unwrap();
    let mut delivered = Vec::new();
    let error = loop {
        match consumer.next() {
            Ok(Some(record)) => delivered.push(record.lsn()),
            Ok(None) => panic!("that was not the end"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.class(), ErrorClass::Corruption);
    let last = *delivered.last().unwrap();
    assert!(matches!(
        error,
        Error::Log(nodedb_wal::Error::Damaged { lsns, .. }) if lsns.first == last.next()
    ));
    for _ in 0..3 {
        assert_eq!(consumer.next().unwrap_err().class(), ErrorClass::Corruption);
        assert_eq!(consumer.peek().unwrap_err().class(), ErrorClass::Corruption);
    }
    consumer.acknowledge(last).unwrap();
    assert_eq!(
        consumer.read_batch(1_000).unwrap_err().class(),
        ErrorClass::Corruption
    );
}
