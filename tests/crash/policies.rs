//! What each sync policy promises, and what a power cut leaves of it.

use std::time::Duration;

use nodedb_tests::player::{Door, config};
use nodedb_tests::sweep::Ending;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Acknowledged, Log, Lsn, Record, RecordKind, Scope, SyncPolicy, TailPolicy};

const INTERVAL: Duration = Duration::from_millis(10);
const STEP: Duration = Duration::from_millis(3);
const RECORDS: u64 = 60;
/// Somebody calls `sync` here, whatever the policy.
const SYNCED: u64 = 30;

/// What was promised up to the power cut, and what the log said was durable.
#[derive(Clone, Copy, Default)]
struct Told {
    promised: u64,
    durable: u64,
}

fn open(disk: &SimDisk, policy: SyncPolicy) -> Result<Log, nodedb_wal::Error> {
    Log::open(config(disk, Door::HONEST, TailPolicy::Rewrite).sync_policy(policy))
}

/// Appends until the power goes, or to the end.
fn play(disk: &SimDisk, policy: SyncPolicy) -> Told {
    let mut told = Told::default();
    let Ok(log) = open(disk, policy) else {
        return told;
    };
    let mut appended_at = Vec::new();
    for number in 1..=RECORDS {
        let payload = vec![7; usize::try_from(number * 37 % 900).unwrap()];
        disk.advance(STEP);
        let now = disk.time();
        let Ok(lsn) = log.append(&Record::raw(RecordKind::Put, Scope::default(), &payload)) else {
            break;
        };
        assert_eq!(lsn.value(), number);
        appended_at.push(now);
        if policy == SyncPolicy::EachAppend {
            told.promised = number;
        }
        if let SyncPolicy::Every(interval) = policy {
            let interval = i64::try_from(interval.as_nanos()).unwrap();
            let is_due = |at: &&nodedb_wal::Timestamp| at.as_nanos() + interval <= now.as_nanos();
            let due = appended_at.iter().filter(is_due).count();
            told.promised = told.promised.max(due as u64);
        }
        if number == SYNCED {
            match log.sync() {
                Ok(_) => told.promised = number,
                Err(_) => break,
            }
        }
        match log.acknowledge(lsn) {
            Ok(Acknowledged::Durable(up_to)) => {
                assert!(up_to.lsn() >= lsn);
                told.promised = number;
            }
            Ok(Acknowledged::Deferred { durable_lsn }) => {
                assert!(durable_lsn < lsn && durable_lsn == log.durable_lsn());
                let defers = matches!(policy, SyncPolicy::Every(_) | SyncPolicy::Never);
                assert!(defers, "{policy:?} does not wait");
            }
            Err(_) => break,
        }
        told.durable = log.durable_lsn().value();
    }
    told.durable = told.durable.max(log.durable_lsn().value());
    told
}

/// A power cut in each operation: what was promised is there, and with nothing left of what was on
/// its way, exactly what the log said was durable.
fn check(policy: SyncPolicy) {
    let whole = SimDisk::new(3);
    let at_the_end = play(&whole, policy);
    let (mut cuts, mut lost) = (0, 0);
    for at in 0..=whole.operations() {
        let disk = SimDisk::new(3);
        disk.crash_at(at);
        let told = play(&disk, policy);
        disk.crash_at(u64::MAX);
        Ending::DropAll.happen(&disk, 0);
        let log = open(&disk, policy).unwrap();
        let left = log.next_lsn().previous();
        assert!(told.promised <= told.durable, "{policy:?}, cut at {at}");
        assert_eq!(left, Lsn::new(told.durable), "{policy:?}, cut at {at}");
        cuts += 1;
        lost += u64::from(at_the_end.durable > left.value());
    }
    println!("{policy:?}: {cuts} power cuts, {lost} in front of the last durable record");
    assert!(lost > 0, "no cut took anything");
}

#[test]
fn on_commit_keeps_what_was_acknowledged() {
    check(SyncPolicy::OnCommit);
}

#[test]
fn each_append_keeps_what_was_appended() {
    check(SyncPolicy::EachAppend);
}

#[test]
fn every_so_often_keeps_what_is_older_than_that() {
    check(SyncPolicy::Every(INTERVAL));
}

#[test]
fn never_keeps_what_somebody_synced() {
    check(SyncPolicy::Never);
    let disk = SimDisk::new(4);
    let told = play(&disk, SyncPolicy::Never);
    assert_eq!(told.promised, SYNCED);
    // The buffer was full once more behind that, and not at the end.
    assert!(told.durable >= SYNCED && told.durable < RECORDS);
}
