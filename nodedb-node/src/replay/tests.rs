//! Replays of real logs in temporary directories.

use nodedb_wal::payload::{CollectionTombstoned, Noop, Payload, Put};
use nodedb_wal::types::{
    DatabaseId, Epoch, Lsn, LsnRange, Record, RecordKind, Scope, TenantId, Timestamp, VshardId,
};
use nodedb_wal::{Config, ErrorClass, Log, Reader};
use tempfile::TempDir;

mod checkpoints;
mod end_states;
mod steering;
mod transactions;
mod workload;

use super::*;
use crate::{Error, NodeConfig, WalManager};

/// Keeps the LSNs it is given.
#[derive(Default)]
struct Lsns(Vec<u64>);

impl ReplaySink for Lsns {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        record.decode()?;
        self.0.push(record.lsn().value());
        Ok(())
    }
}

struct Refuses(Lsn);

impl ReplaySink for Refuses {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        if record.lsn() == self.0 {
            return Err("no room".into());
        }
        Ok(())
    }
}

fn scope(tenant: u64, database: u64, vshard: u32) -> Scope {
    Scope::new(
        TenantId::new(tenant),
        DatabaseId::new(database),
        VshardId::new(vshard),
    )
}

fn new_log() -> (TempDir, Log) {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    (directory, Log::open(config).unwrap())
}

fn append(log: &Log, scope: Scope, epoch: u64, payload: &impl Payload) {
    let mut bytes = Vec::new();
    let record = payload.record(scope, &mut bytes).unwrap();
    log.append(&record.in_epoch(Epoch::new(epoch))).unwrap();
}

fn put(log: &Log, scope: Scope, epoch: u64, collection: &str) {
    let payload = Put {
        collection: collection.to_owned(),
        key: b"key".to_vec(),
        value: vec![0; 100],
    };
    append(log, scope, epoch, &payload);
}

fn drop_collection(log: &Log, scope: Scope, epoch: u64, collection: &str, purge_lsn: u64) {
    let payload = CollectionTombstoned {
        collection: collection.to_owned(),
        purge_lsn: Lsn::new(purge_lsn),
    };
    append(log, scope, epoch, &payload);
}

/// Ten records over three segments: what the cases below are about.
fn sample() -> (TempDir, Log) {
    let (directory, log) = new_log();
    put(&log, scope(1, 1, 1), 0, "orders"); // 1
    put(&log, scope(1, 1, 2), 1, "orders"); // 2
    put(&log, scope(1, 2, 1), 2, "orders"); // 3: another database
    put(&log, scope(2, 1, 1), 3, "orders"); // 4: another tenant
    log.rotate().unwrap();
    drop_collection(&log, scope(1, 1, 9), 2, "orders", 5); // 5: of another vshard than what it hides
    put(&log, scope(1, 1, 1), 2, "orders"); // 6: made anew
    log.rotate().unwrap();
    append(&log, scope(1, 1, 1), 0, &Noop); // 7
    drop_collection(&log, scope(1, 2, 1), 4, "orders", 4); // 8: in a late epoch
    put(&log, scope(1, 1, 1), 4, "customers"); // 9
    log.append(&Record::raw(
        RecordKind::Put,
        scope(1, 1, 1),
        b"raw, not to be decoded",
    ))
    .unwrap(); // 10
    log.sync().unwrap();
    (directory, log)
}

fn run(source: &dyn ReplaySource, plan: &ReplayPlan) -> (Vec<u64>, ReplayReport) {
    let mut sink = Lsns::default();
    let report = replay(source, plan, &mut sink, &mut |_| ()).unwrap();
    (sink.0, report)
}

/// Replays the sample from the open log and from its directory, and wants these LSNs applied and
/// these counts of before the start, outside the plan, epoch and tombstone.
fn check(plan: &ReplayPlan, applied: &[u64], skipped: [u64; 4]) {
    let (directory, log) = sample();
    let (lsns, report) = run(&log, plan);
    assert_eq!(lsns, applied, "{plan:?}");
    let counts = report.skipped;
    let found = [
        counts.before_start,
        counts.outside_plan,
        counts.epoch,
        counts.tombstone,
    ];
    assert_eq!(found, skipped, "{plan:?}");
    assert_eq!(report.applied, applied.len() as u64);
    assert_eq!(report.seen(), report.range.map_or(0, LsnRange::count));
    let applied_by_kind: u64 = report.kinds.values().map(|tally| tally.applied).sum();
    assert_eq!(applied_by_kind, report.applied);
    log.close().unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    let (from_reader, read_report) = run(&reader, plan);
    assert_eq!(from_reader, lsns, "{plan:?}");
    assert_eq!(read_report.skipped, report.skipped, "{plan:?}");
}

#[test]
fn every_record_is_applied_or_skipped_for_a_reason() {
    let all = ReplayPlan::default();
    check(&all, &[4, 5, 6, 7, 8, 9, 10], [0, 0, 0, 3]);
}

#[test]
fn a_tombstone_before_the_start_still_hides() {
    let (_directory, log) = new_log();
    drop_collection(&log, scope(1, 1, 1), 0, "orders", 3);
    put(&log, scope(1, 1, 1), 0, "orders");
    put(&log, scope(1, 1, 1), 0, "orders");
    log.sync().unwrap();
    let (lsns, report) = run(&log, &ReplayPlan::from(Lsn::new(2)));
    assert_eq!(lsns, [3]);
    assert_eq!(
        (report.skipped.before_start, report.skipped.tombstone),
        (1, 1)
    );
}

#[test]
fn what_is_before_the_start_is_counted() {
    check(
        &ReplayPlan::from(Lsn::new(6)),
        &[6, 7, 8, 9, 10],
        [5, 0, 0, 0],
    );
    check(&ReplayPlan::from(Lsn::new(99)), &[], [10, 0, 0, 0]);
}

#[test]
fn scopes_narrow_what_is_applied_but_not_which_tombstones_count() {
    let tenant = ReplayPlan::default().tenant(TenantId::new(2));
    check(&tenant, &[4], [0, 9, 0, 0]);
    let vshard = ReplayPlan::default().vshard(VshardId::new(2));
    check(&vshard, &[], [0, 9, 0, 1]);
    let database = ReplayPlan::default().database(DatabaseId::new(2));
    check(&database, &[8], [0, 8, 0, 1]);
}

#[test]
fn a_later_epoch_is_withheld_and_its_tombstones_have_not_happened() {
    let until = |epoch| ReplayPlan::default().until_epoch(Epoch::new(epoch));
    check(&until(4), &[4, 5, 6, 7, 8, 9, 10], [0, 0, 0, 3]);
    check(&until(3), &[3, 4, 5, 6, 7, 10], [0, 0, 2, 2]);
    check(&until(1), &[1, 2, 7, 10], [0, 0, 6, 0]);
    check(&until(0), &[1, 7, 10], [0, 0, 7, 0]);
}

#[test]
fn kinds_and_times_narrow_what_is_applied() {
    let kinds = ReplayPlan::default().kinds(&[RecordKind::CollectionTombstoned]);
    check(&kinds, &[5, 8], [0, 8, 0, 0]);
    let never = ReplayPlan::default().times(Timestamp::MIN..=Timestamp::from_nanos(0));
    check(&never, &[], [0, 10, 0, 0]);
}

#[test]
fn an_empty_log_gives_an_empty_report() {
    let (_directory, log) = new_log();
    let (lsns, report) = run(&log, &ReplayPlan::default());
    assert!(lsns.is_empty());
    assert_eq!((report.seen(), report.range), (0, None));
}

#[test]
fn a_start_that_was_truncated_away_is_an_error_and_the_oldest_there_is_is_not() {
    let (_directory, log) = sample();
    log.truncate_before(Lsn::new(5)).unwrap();
    let (lsns, report) = run(&log, &ReplayPlan::default());
    assert_eq!(lsns, [5, 6, 7, 8, 9, 10]);
    assert_eq!(report.seen(), 6);
    let plan = ReplayPlan::from(Lsn::new(4));
    let error = replay(&log, &plan, &mut Lsns::default(), &mut |_| ()).unwrap_err();
    assert!(
        matches!(error, Error::Log(nodedb_wal::Error::Truncated { lsn, .. }) if lsn == Lsn::new(4)),
        "{error:?}"
    );
}

/// Lesson 22: undecodable tombstones were logged and skipped, and dropped collections came back.
#[test]
fn an_undecodable_tombstone_stops_replay_before_anything_is_applied() {
    for record in [
        Record::raw(
            RecordKind::CollectionTombstoned,
            scope(1, 1, 1),
            b"not a tombstone",
        ),
        Record {
            opaque: false,
            ..Record::raw(
                RecordKind::CollectionTombstoned,
                scope(1, 1, 1),
                b"not a tombstone",
            )
        },
    ] {
        let (_directory, log) = new_log();
        put(&log, scope(1, 1, 1), 0, "orders");
        let lsn = log.append(&record).unwrap();
        log.sync().unwrap();
        let mut sink = Lsns::default();
        let error = replay(&log, &ReplayPlan::default(), &mut sink, &mut |_| ()).unwrap_err();
        assert_eq!(error.class(), ErrorClass::Corruption);
        assert!(
            matches!(error, Error::UndecodableControl { lsn: at, .. } if at == lsn),
            "{error:?}"
        );
        assert!(sink.0.is_empty());
    }
}

#[test]
fn a_record_that_may_be_hidden_but_does_not_say_its_name_stops_replay() {
    let (_directory, log) = new_log();
    let tag = nodedb_wal::CollectionTag::of("orders");
    let record = Record::typed(RecordKind::Put, scope(1, 1, 1), tag, b"not a put");
    let lsn = log.append(&record).unwrap();
    drop_collection(&log, scope(1, 1, 1), 0, "orders", 2);
    log.sync().unwrap();
    let mut sink = Lsns::default();
    let error = replay(&log, &ReplayPlan::default(), &mut sink, &mut |_| ()).unwrap_err();
    assert!(
        matches!(error, Error::UndecodableRecord { lsn: at, .. } if at == lsn),
        "{error:?}"
    );
}

#[test]
fn a_sink_that_fails_stops_replay_and_the_record_is_named() {
    let (_directory, log) = sample();
    let mut sink = Refuses(Lsn::new(6));
    let error = replay(&log, &ReplayPlan::default(), &mut sink, &mut |_| ()).unwrap_err();
    assert!(
        matches!(error, Error::Sink { lsn, .. } if lsn == Lsn::new(6)),
        "{error:?}"
    );
}

#[test]
fn kinds_are_tallied_and_progress_ends_at_the_last_record() {
    let (_directory, log) = sample();
    let mut last = None;
    let plan = ReplayPlan::default();
    let report = replay(&log, &plan, &mut Lsns::default(), &mut |progress| {
        last = Some(*progress);
    })
    .unwrap();
    let tally = |kind: RecordKind| report.kinds.get(&kind.code()).copied();
    let puts = tally(RecordKind::Put).unwrap();
    assert_eq!((puts.applied, puts.skipped), (4, 3));
    assert_eq!(tally(RecordKind::Delete), None);
    assert_eq!(report.tombstones, 2);
    let last = last.unwrap();
    assert_eq!((last.at, last.applied), (Lsn::new(10), 7));
}

#[test]
fn a_manager_replays_what_it_committed_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let wal = WalManager::open(NodeConfig::new(directory.path())).unwrap();
    let (tenant, database, vshard) = (TenantId::new(1), DatabaseId::new(1), VshardId::new(1));
    let lsns: Vec<Lsn> = (0..3)
        .map(|_| wal.append_noop(tenant, vshard, database, &Noop).unwrap())
        .collect();
    wal.commit(lsns[1]).unwrap();
    let durable = wal.durable_lsn().value();
    let mut sink = Lsns::default();
    let report = wal.replay_from(Lsn::new(2), &mut sink).unwrap();
    assert_eq!(sink.0, (2..=durable).collect::<Vec<_>>());
    assert_eq!(report.seen(), durable);
}
