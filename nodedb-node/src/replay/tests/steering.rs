//! What control records do to a replay: aborts, flushes, Calvin marks, and those that cannot be
//! understood.

use nodedb_wal::Epoch;
use nodedb_wal::payload::{
    ArrayDelete, ArrayFlush, ArrayPut, CalvinApplied, CalvinSeal, SurrogateBind, WriteAborted,
};

use super::*;

/// Appends records that become durable all or none: a kind, a vshard, an epoch and a position each.
fn batch(log: &Log, records: &[(RecordKind, u32, u64, u32)]) {
    let payloads: Vec<_> = records
        .iter()
        .map(|&(kind, vshard, epoch, position)| {
            let mut bytes = Vec::new();
            let epoch = Epoch::new(epoch);
            match kind {
                RecordKind::CalvinApplied => {
                    let vshard = VshardId::new(vshard);
                    let applied = CalvinApplied {
                        epoch,
                        position,
                        vshard,
                        records: 1,
                        digest: 7,
                    };
                    applied.encode(&mut bytes).unwrap();
                }
                _ => {
                    let collection = "orders".to_owned();
                    let row = Put {
                        collection,
                        key: vec![1],
                        value: vec![],
                    };
                    row.encode(&mut bytes).unwrap();
                }
            }
            bytes
        })
        .collect();
    let records: Vec<_> = records
        .iter()
        .zip(&payloads)
        .map(|(&(kind, vshard, epoch, _), bytes)| {
            let tag = nodedb_wal::CollectionTag::NONE;
            Record::typed(kind, scope(1, 1, vshard), tag, bytes).in_epoch(Epoch::new(epoch))
        })
        .collect();
    log.append_batch(&records).unwrap();
}

/// Lesson 23's other side: writes of a transaction whose mark is not with them are not applied.
#[test]
fn the_gate_lets_exactly_the_writes_of_marked_transactions_pass() {
    use RecordKind::{CalvinApplied, Put};
    let (_directory, log) = new_log();
    batch(
        &log,
        &[(Put, 1, 5, 0), (Put, 1, 5, 0), (CalvinApplied, 1, 5, 0)],
    ); // 1, 2, 3
    put(&log, scope(1, 1, 1), 5, "orders"); // 4: of no batch
    batch(&log, &[(Put, 1, 5, 0), (Put, 1, 6, 0)]); // 5, 6: of one without a mark
    batch(&log, &[(CalvinApplied, 1, 5, 1)]); // 7: marks nothing but itself
    batch(
        &log,
        &[(Put, 1, 6, 0), (Put, 2, 6, 0), (CalvinApplied, 2, 6, 4)],
    ); // 8, 9, 10
    put(&log, scope(1, 1, 1), 0, "orders"); // 11: outside every epoch
    batch(&log, &[(Put, 1, 7, 0), (CalvinApplied, 1, 7, 0)]); // 12, 13
    log.sync().unwrap();
    let gated = ReplayPlan::default().calvin_gate();
    let (lsns, report) = run(&log, &gated);
    assert_eq!(lsns, [1, 2, 3, 7, 9, 10, 11, 12, 13]);
    assert_eq!((report.skipped.calvin, report.seen()), (4, 13));
    // Which transaction a write belongs to is told by records that a narrow plan does not want.
    let (lsns, report) = run(&log, &gated.clone().kinds(&[Put]).vshard(VshardId::new(2)));
    assert_eq!((lsns, report.seen()), (vec![9], 13));
    // The mark is behind the end: as far as this plan goes the transaction is not whole.
    let (lsns, report) = run(&log, &gated.clone().until(Lsn::new(12)));
    assert_eq!(lsns, [1, 2, 3, 7, 9, 10, 11]);
    assert_eq!((report.skipped.calvin, report.skipped.after_end), (5, 1));
    let (lsns, _) = run(&log, &gated.until_epoch(Epoch::new(6)));
    assert_eq!(lsns, [1, 2, 3, 7, 9, 10, 11]);
    let (all, _) = run(&log, &ReplayPlan::default());
    assert_eq!(all.len(), 13);
}

#[test]
fn a_seal_opens_the_gate_for_what_is_marked_and_for_nothing_else() {
    use RecordKind::{CalvinApplied, Put};
    let (_directory, log) = new_log();
    batch(&log, &[(Put, 1, 5, 0), (CalvinApplied, 1, 5, 0)]);
    put(&log, scope(1, 1, 1), 5, "orders"); // 3
    let seal = CalvinSeal {
        epoch: Epoch::new(5),
        vshard: VshardId::new(1),
        transactions: 1,
        records: 1,
        digest: 0,
    };
    append(&log, scope(1, 1, 1), 5, &seal); // 4
    log.sync().unwrap();
    let (lsns, report) = run(&log, &ReplayPlan::default().calvin_gate());
    assert_eq!((lsns, report.skipped.calvin), (vec![1, 2, 4], 1));
}

#[test]
fn aborted_writes_are_withheld_wherever_the_abort_stands() {
    let (_directory, log) = new_log();
    let abort = |lsn, epoch| {
        let lsn = Lsn::new(lsn);
        let aborted = WriteAborted {
            lsn,
            reason: "conflict".to_owned(),
        };
        append(&log, scope(8, 8, 8), epoch, &aborted);
    };
    abort(2, 0); // 1
    put(&log, scope(1, 1, 1), 0, "orders"); // 2
    put(&log, scope(1, 1, 1), 0, "orders"); // 3
    abort(3, 9); // 4: in a late epoch
    abort(1, 0); // 5: of a control record
    put(&log, scope(1, 1, 1), 0, "orders"); // 6
    log.sync().unwrap();
    let (lsns, report) = run(&log, &ReplayPlan::default());
    assert_eq!((lsns, report.skipped.aborted), (vec![1, 4, 5, 6], 2));
    let tenant = ReplayPlan::from(Lsn::new(2)).tenant(TenantId::new(1));
    let (lsns, report) = run(&log, &tenant.until_epoch(Epoch::new(3)));
    assert_eq!((lsns, report.skipped.aborted), (vec![6], 2));
}

#[test]
fn cells_that_were_flushed_are_withheld_up_to_the_watermark() {
    let (_directory, log) = new_log();
    let cells = |database: u64, array: &str| {
        let (collection, array) = ("genome".to_owned(), array.to_owned());
        let put = ArrayPut {
            collection,
            array,
            system_from_ms: 0,
            cells: vec![],
        };
        append(&log, scope(1, database, 1), 0, &put);
    };
    cells(1, "a"); // 1
    cells(1, "b"); // 2
    cells(2, "a"); // 3
    let (collection, array) = ("genome".to_owned(), "a".to_owned());
    let delete = ArrayDelete {
        collection,
        array,
        system_from_ms: 0,
        valid_from_ms: 0,
        valid_until_ms: 1,
        coordinates: vec![],
    };
    append(&log, scope(1, 1, 1), 0, &delete); // 4
    cells(1, "a"); // 5
    let (collection, array) = ("genome".to_owned(), "a".to_owned());
    let flush = ArrayFlush {
        collection,
        array,
        watermark: Lsn::new(4),
    };
    append(&log, scope(1, 1, 1), 0, &flush); // 6
    log.sync().unwrap();
    let (lsns, report) = run(&log, &ReplayPlan::default());
    assert_eq!((lsns, report.skipped.flushed), (vec![2, 3, 5, 6], 2));
}

/// Lesson 22: undecodable control records were logged and skipped. Those that steer the replay stop
/// it before anything is applied, the others where they stand; the error names the record.
#[test]
fn a_control_record_that_cannot_be_understood_stops_replay_wherever_it_stands() {
    use RecordKind as Kind;
    let steering = [
        Kind::CollectionTombstoned,
        Kind::WriteAborted,
        Kind::ArrayFlush,
        Kind::Checkpoint,
        Kind::CalvinApplied,
        Kind::CalvinSeal,
    ];
    for &kind in Kind::ALL.iter().filter(|kind| kind.is_control()) {
        for opaque in [true, false] {
            let (_directory, log) = new_log();
            put(&log, scope(1, 1, 1), 0, "orders");
            let record = Record {
                opaque,
                ..Record::raw(kind, scope(1, 1, 1), b"\xc1")
            };
            let lsn = log.append(&record).unwrap();
            log.sync().unwrap();
            for plan in [ReplayPlan::default(), ReplayPlan::default().calvin_gate()] {
                let mut sink = Lsns::default();
                let error = replay(&log, &plan, &mut sink, &mut |_| ()).unwrap_err();
                assert_eq!(error.class(), ErrorClass::Corruption);
                assert!(
                    matches!(error, Error::UndecodableControl { lsn: at, kind: k, .. } if at == lsn && k == kind),
                    "{error:?}"
                );
                let applied: &[u64] = if steering.contains(&kind) { &[] } else { &[1] };
                assert_eq!(sink.0, applied, "{kind}");
            }
        }
    }
}

/// What is known may reach less far than the log does by now: nothing behind it is delivered.
#[test]
fn a_replay_goes_as_far_as_is_known() {
    let (_directory, log) = new_log();
    put(&log, scope(1, 1, 1), 0, "orders");
    log.sync().unwrap();
    let known = Known::read(&log).unwrap();
    assert_eq!(known.through(), Lsn::new(1));
    drop_collection(&log, scope(1, 1, 1), 0, "orders", 2);
    let bind = SurrogateBind {
        collection: "orders".to_owned(),
        surrogate: 1,
        primary_key: vec![1],
    };
    append(&log, scope(1, 1, 1), 0, &bind);
    log.sync().unwrap();
    let plan = ReplayPlan::default();
    let mut sink = Lsns::default();
    let report = Replay::new(&log, &plan)
        .knowing(&known)
        .run(&mut sink)
        .unwrap();
    assert_eq!((sink.0, report.seen()), (vec![1], 1));
    let (lsns, report) = run(&log, &plan);
    assert_eq!((lsns, report.skipped.tombstone), (vec![2, 3], 1));
}
