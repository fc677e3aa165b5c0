//! Replays that start at checkpoints, and what they read.

use nodedb_wal::payload::{Checkpoint, CrdtDelta};

use super::*;

fn checkpoint(log: &Log, family: EngineFamily, lsn: u64) {
    let (engine, lsn) = (family.name().to_owned(), Lsn::new(lsn));
    append(log, scope(1, 1, 1), 0, &Checkpoint { engine, lsn });
}

fn delta(log: &Log) {
    let payload = CrdtDelta {
        collection: "notes".to_owned(),
        document: "d".to_owned(),
        peer: 1,
        delta: vec![],
    };
    append(log, scope(1, 1, 1), 0, &payload);
}

/// Rows 1, 3, 5 and updates 2, 4, 6; the rows are held up to 3, the updates up to 4.
fn sample() -> (TempDir, Log) {
    let (directory, log) = new_log();
    for _ in 0..3 {
        put(&log, scope(1, 1, 1), 0, "orders");
        delta(&log);
    }
    checkpoint(&log, EngineFamily::KeyValue, 3); // 7
    checkpoint(&log, EngineFamily::Crdt, 4); // 8
    checkpoint(&log, EngineFamily::KeyValue, 2); // 9: none goes back
    log.sync().unwrap();
    (directory, log)
}

/// What is applied of the sample, and what is skipped before the start and before a checkpoint.
fn check_on(log: &Log, plan: &ReplayPlan, applied: &[u64], skipped: (u64, u64)) {
    let (lsns, report) = run(log, plan);
    assert_eq!(lsns, applied, "{plan:?}");
    let found = (
        report.skipped.before_start,
        report.skipped.before_checkpoint,
    );
    assert_eq!(found, skipped, "{plan:?}");
    assert_eq!(report.seen(), 9, "{plan:?}");
}

#[test]
fn each_engine_is_brought_up_from_its_own_checkpoint() {
    use EngineFamily::{Crdt, KeyValue, Vector};
    let (_directory, log) = sample();
    let plan = ReplayPlan::from_checkpoints();
    let of = |families: &[EngineFamily]| plan.clone().engines(families);
    check_on(&log, &of(&[KeyValue, Crdt]), &[5, 6, 7, 8, 9], (3, 1));
    check_on(&log, &of(&[KeyValue]), &[5, 7, 8, 9], (3, 0));
    check_on(&log, &of(&[Crdt]), &[6, 7, 8, 9], (4, 0));
    // An engine without a checkpoint needs everything.
    check_on(&log, &of(&[KeyValue, Vector]), &[5, 7, 8, 9], (0, 2));
    check_on(&log, &plan, &[5, 6, 7, 8, 9], (0, 4));
    // One that knows better than its checkpoint says so.
    let own = of(&[KeyValue, Crdt]).engine_after(KeyValue, Lsn::new(1));
    check_on(&log, &own, &[3, 5, 6, 7, 8, 9], (1, 2));
}

#[test]
fn a_checkpoint_whose_rest_is_gone_is_an_error() {
    let (_directory, log) = new_log();
    put(&log, scope(1, 1, 1), 0, "orders");
    put(&log, scope(1, 1, 1), 0, "orders");
    log.rotate().unwrap();
    checkpoint(&log, EngineFamily::KeyValue, 1);
    log.sync().unwrap();
    log.truncate_before(Lsn::new(3)).unwrap();
    let plan = ReplayPlan::from_checkpoints().engines(&[EngineFamily::KeyValue]);
    let error = replay(&log, &plan, &mut Lsns::default(), &mut |_| ()).unwrap_err();
    assert!(
        matches!(error, Error::Log(nodedb_wal::Error::Truncated { lsn, .. }) if lsn == Lsn::new(2)),
        "{error:?}"
    );
    // A sink that holds nothing cannot be brought up from what is left.
    let plan = ReplayPlan::after(Lsn::ZERO);
    replay(&log, &plan, &mut Lsns::default(), &mut |_| ()).unwrap_err();
    let (lsns, _) = run(&log, &ReplayPlan::after(Lsn::new(2)));
    assert_eq!(lsns, [3]);
}

/// A log that was put back from a copy: what is appended next gets LSNs that the sink has seen, and
/// would be passed over at every restart.
#[test]
fn a_sink_that_holds_more_than_the_log_is_an_error() {
    let check = |log: &Log, last: u64| {
        let at = Lsn::new(last + 1);
        let kv = EngineFamily::KeyValue;
        for plan in [
            ReplayPlan::after(at),
            ReplayPlan::from_checkpoints().engine_after(kv, at),
        ] {
            let mut sink = Lsns::default();
            let error = replay(log, &plan, &mut sink, &mut |_| ()).unwrap_err();
            assert!(
                matches!(error, Error::SinkAhead { applied, last: end } if applied == at && end == Lsn::new(last)),
                "{error:?}"
            );
        }
        let (lsns, _) = run(log, &ReplayPlan::after(Lsn::new(last)));
        assert!(lsns.is_empty());
    };
    let (_directory, log) = new_log();
    check(&log, 0);
    put(&log, scope(1, 1, 1), 0, "orders");
    log.sync().unwrap();
    check(&log, 1);
}
