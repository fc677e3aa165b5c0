//! Transactions in a replay: all or none, and filtered inside.

use nodedb_wal::payload::{Delete, Operation, Transaction, VectorDelete, WriteAborted};
use nodedb_wal::types::KindCode;

use super::*;
use crate::replay::sinks::{CollectionName, KeyValueSink, MemorySinks, Router, Unrouted};

/// Keeps what it is given as it is given: kinds, and where transactions begin and end.
#[derive(Default)]
struct Trace(Vec<String>);

impl ReplaySink for Trace {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        let (lsn, kind) = (record.lsn(), record.header().kind);
        self.0.push(format!("{lsn} {kind}"));
        Ok(())
    }

    fn begin_transaction(&mut self, lsn: Lsn) -> Result<(), SinkError> {
        self.0.push(format!("{lsn} begin"));
        Ok(())
    }

    fn end_transaction(&mut self, lsn: Lsn) -> Result<(), SinkError> {
        self.0.push(format!("{lsn} end"));
        Ok(())
    }

    fn finish(&mut self, through: Lsn) -> Result<(), SinkError> {
        self.0.push(format!("{through} finish"));
        Ok(())
    }
}

fn row(collection: &str, key: &str) -> Operation {
    let put = Put {
        collection: collection.to_owned(),
        key: key.into(),
        value: b"v".to_vec(),
    };
    Operation::new(&put).unwrap()
}

fn transaction(log: &Log, operations: Vec<Operation>) -> Lsn {
    append(log, scope(1, 1, 1), 0, &Transaction { operations });
    log.next_lsn().previous()
}

fn trace(log: &Log, plan: &ReplayPlan) -> (Vec<String>, ReplayReport) {
    let mut sink = Trace::default();
    let report = replay(log, plan, &mut sink, &mut |_| ()).unwrap();
    assert_eq!(report.seen(), report.range.map_or(0, LsnRange::count));
    (sink.0, report)
}

#[test]
fn an_operation_of_a_dropped_collection_is_withheld_and_the_others_are_applied() {
    let (_directory, log) = new_log();
    transaction(
        &log,
        vec![row("orders", "a"), row("items", "b"), row("orders", "c")],
    );
    transaction(&log, vec![row("orders", "d")]);
    transaction(&log, vec![]);
    drop_collection(&log, scope(1, 1, 1), 0, "orders", 4);
    transaction(&log, vec![row("orders", "e")]);
    log.sync().unwrap();
    let (trace, report) = trace(&log, &ReplayPlan::default());
    let expected = [
        "1 begin",
        "1 Put",
        "1 end",
        "3 begin",
        "3 end",
        "4 CollectionTombstoned",
        "5 begin",
        "5 Put",
        "5 end",
        "5 finish",
    ];
    assert_eq!(trace, expected);
    assert_eq!((report.applied, report.skipped.tombstone), (4, 1));
    assert_eq!(report.operations.applied, 2);
    assert_eq!(report.operations.skipped.tombstone, 3);
    assert_eq!(report.operations.skipped.total(), 3);
}

#[test]
fn plans_narrow_operations_as_they_narrow_records() {
    let (_directory, log) = new_log();
    let delete = |collection: &str| {
        let collection = collection.to_owned();
        Operation::new(&Delete {
            collection,
            key: vec![],
        })
        .unwrap()
    };
    let vector = VectorDelete {
        collection: "v".to_owned(),
        id: vec![],
    };
    let vector = || Operation::new(&vector).unwrap();
    transaction(&log, vec![row("orders", "a"), delete("orders"), vector()]);
    put(&log, scope(1, 1, 1), 0, "orders");
    log.sync().unwrap();
    let kinds = |kinds: &[RecordKind]| trace(&log, &ReplayPlan::default().kinds(kinds));
    let (puts, report) = kinds(&[RecordKind::Put]);
    assert_eq!(puts, ["1 begin", "1 Put", "1 end", "2 Put", "2 finish"]);
    assert_eq!(report.operations.skipped.outside_plan, 2);
    let (whole, _) = kinds(&[RecordKind::Transaction]);
    assert_eq!(
        whole,
        [
            "1 begin",
            "1 Put",
            "1 Delete",
            "1 VectorDelete",
            "1 end",
            "2 finish"
        ]
    );
    let plan = ReplayPlan::default().engines(&[EngineFamily::Vector]);
    let (vectors, report) = trace(&log, &plan);
    assert_eq!(vectors, ["1 begin", "1 VectorDelete", "1 end", "2 finish"]);
    assert_eq!((report.applied, report.skipped.outside_plan), (1, 1));
}

#[test]
fn an_aborted_transaction_is_withheld_whole() {
    let (_directory, log) = new_log();
    let lsn = transaction(&log, vec![row("orders", "a"), row("items", "b")]);
    let aborted = WriteAborted {
        lsn,
        reason: "conflict".to_owned(),
    };
    append(&log, scope(9, 9, 9), 0, &aborted);
    log.sync().unwrap();
    let (trace, report) = trace(&log, &ReplayPlan::default());
    assert_eq!(trace, ["2 WriteAborted", "2 finish"]);
    assert_eq!((report.skipped.aborted, report.operations.applied), (1, 0));
}

#[test]
fn a_transaction_that_cannot_be_looked_into_stops_replay_unless_it_is_raw() {
    let unknown = |required: u16| Operation {
        kind: KindCode::from_bits(required | 77),
        collection: None,
        payload: vec![1],
    };
    let broken = Operation {
        payload: vec![0xff],
        ..row("orders", "a")
    };
    for operation in [unknown(KindCode::REQUIRED), broken] {
        let (_directory, log) = new_log();
        let lsn = transaction(&log, vec![row("items", "b"), operation]);
        log.sync().unwrap();
        let mut sink = Trace::default();
        let error = replay(&log, &ReplayPlan::default(), &mut sink, &mut |_| ()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Corruption);
        assert!(error.to_string().contains(&lsn.to_string()), "{error}");
        assert!(sink.0.is_empty(), "a part was applied");
    }
    let (_directory, log) = new_log();
    transaction(&log, vec![row("items", "b"), unknown(0)]);
    let raw = Record::raw(
        RecordKind::Transaction,
        scope(1, 1, 1),
        b"a form of its own",
    );
    log.append(&raw).unwrap();
    log.sync().unwrap();
    let (trace, report) = trace(&log, &ReplayPlan::default());
    assert_eq!(
        trace,
        ["1 begin", "1 Put", "1 end", "2 Transaction", "2 finish"]
    );
    assert_eq!(report.operations.skipped.unknown_optional, 1);
}

#[test]
fn the_router_gives_each_family_its_part_or_takes_nothing() {
    let (_directory, log) = new_log();
    let vector = VectorDelete {
        collection: "v".to_owned(),
        id: vec![],
    };
    transaction(
        &log,
        vec![
            row("orders", "a"),
            Operation::new(&vector).unwrap(),
            row("orders", "b"),
        ],
    );
    log.sync().unwrap();
    let (mut rows, mut vectors) = (Trace::default(), Trace::default());
    let mut router = Router::new()
        .with(EngineFamily::KeyValue, &mut rows)
        .with(EngineFamily::Vector, &mut vectors);
    replay(&log, &ReplayPlan::default(), &mut router, &mut |_| ()).unwrap();
    assert_eq!(rows.0, ["1 begin", "1 Put", "1 Put", "1 end", "1 finish"]);
    assert_eq!(
        vectors.0,
        ["1 begin", "1 VectorDelete", "1 end", "1 finish"]
    );
    let mut rows = KeyValueSink::default();
    let mut router = Router::new().with(EngineFamily::KeyValue, &mut rows);
    let error = replay(&log, &ReplayPlan::default(), &mut router, &mut |_| ()).unwrap_err();
    let Error::Sink { source, .. } = error else {
        panic!("{error:?}");
    };
    let kind = RecordKind::VectorDelete.code();
    assert_eq!(source.downcast_ref(), Some(&Unrouted { kind }));
    assert_eq!(rows, KeyValueSink::default(), "a part was applied");
}

/// A collection is a name within one database: dropping it there leaves the same name elsewhere.
#[test]
fn a_drop_in_one_database_leaves_the_same_name_in_another_untouched() {
    let (_directory, log) = new_log();
    for database in [1, 2] {
        for key in ["a", "b"] {
            let operations = vec![row("orders", key)];
            append(&log, scope(1, database, 1), 0, &Transaction { operations });
        }
        put(&log, scope(1, database, 1), 0, "orders");
    }
    drop_collection(&log, scope(1, 1, 1), 0, "orders", 99);
    log.sync().unwrap();
    let mut sinks = MemorySinks::default();
    replay(&log, &ReplayPlan::default(), &mut sinks, &mut |_| ()).unwrap();
    let name = |database| CollectionName {
        tenant: TenantId::new(1),
        database: DatabaseId::new(database),
        collection: "orders".to_owned(),
    };
    for key in ["a", "b", "key"] {
        assert_eq!(sinks.kv.find(&name(1), key.as_bytes()), None, "{key}");
        assert!(sinks.kv.find(&name(2), key.as_bytes()).is_some(), "{key}");
    }
}
