//! Sync policies with threads: the syncer does its work, is never idle in secret, and does not die in
//! silence.

use std::time::{Duration, Instant};

use nodedb_tests::lying::Lie;
use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// Looks until `done` says so.
fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        std::thread::yield_now();
    }
}

fn append(log: &Log) -> Lsn {
    let record = Record::raw(RecordKind::Put, Scope::default(), b"row");
    log.append(&record).unwrap()
}

fn disk_with_threads() -> SimDisk {
    let disk = SimDisk::new(1);
    disk.set_allows_threads(true);
    disk
}

#[test]
fn what_was_appended_becomes_durable_without_anybody_asking() {
    let directory = tempfile::tempdir().unwrap();
    let policy = SyncPolicy::Every(Duration::from_millis(1));
    let config = Config::new(directory.path()).segment_bytes(1 << 20);
    let log = Log::open(config.sync_policy(policy)).unwrap();
    for _ in 0..20 {
        let lsn = append(&log);
        let told = log.acknowledge(lsn).unwrap();
        assert!(matches!(
            told,
            Acknowledged::Deferred { .. } | Acknowledged::Durable(_)
        ));
        wait_until("a record to be durable", || log.durable_lsn() >= lsn);
        let told = log.acknowledge(lsn).unwrap();
        assert!(matches!(told, Acknowledged::Durable(up_to) if up_to.lsn() >= lsn));
    }
}

#[test]
fn the_policy_can_be_changed_while_the_log_is_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path()).segment_bytes(1 << 20);
    let log = Log::open(config.sync_policy(SyncPolicy::Never)).unwrap();
    let first = append(&log);
    let told = log.acknowledge(first).unwrap();
    assert_eq!(
        told,
        Acknowledged::Deferred {
            durable_lsn: Lsn::ZERO
        }
    );
    assert_eq!(log.durable_lsn(), Lsn::ZERO);

    let every = SyncPolicy::Every(Duration::from_millis(1));
    log.set_sync_policy(every).unwrap();
    assert_eq!(log.sync_policy(), every);
    wait_until("what waited to be durable", || log.durable_lsn() >= first);

    log.set_sync_policy(SyncPolicy::Never).unwrap();
    let second = append(&log);
    log.set_sync_policy(SyncPolicy::EachAppend).unwrap();
    assert!(log.durable_lsn() >= second);
    let third = append(&log);
    assert!(log.durable_lsn() >= third);

    log.set_sync_policy(SyncPolicy::OnCommit).unwrap();
    let fourth = append(&log);
    let told = log.acknowledge(fourth).unwrap();
    assert!(matches!(told, Acknowledged::Durable(up_to) if up_to.lsn() >= fourth));
    assert!(matches!(
        log.acknowledge(fourth.next()),
        Err(Error::NotAppended { .. })
    ));
}

/// A thread that synced in the background failed, and everybody went on as if it did not.
#[test]
fn a_disk_that_fails_the_syncer_stops_the_log() {
    let disk = disk_with_threads();
    let policy = SyncPolicy::Every(Duration::from_millis(1));
    let log = Log::open(Config::on(disk.storage()).sync_policy(policy)).unwrap();
    log.finish_recovery().unwrap();
    disk.set_faults(FaultPlan {
        at: (disk.operations()..disk.operations() + 100)
            .map(|at| (at, Fault::Error))
            .collect(),
        ..FaultPlan::default()
    });
    let lsn = append(&log);
    wait_until("the failure to be told", || log.acknowledge(lsn).is_err());
    assert!(matches!(log.acknowledge(lsn), Err(Error::Poisoned { .. })));
    assert_eq!(log.durable_lsn(), Lsn::ZERO);
}

/// A thread that synced in the background died (the kernel refused what it needed), and nobody
/// noticed: nothing was ever synced again.
#[test]
fn a_syncer_that_dies_stops_the_log() {
    let disk = disk_with_threads();
    let policy = SyncPolicy::Every(Duration::from_millis(1));
    let storage = Lie::DeadSyncer.about(disk.storage());
    let log = Log::open(Config::on(storage).sync_policy(policy)).unwrap();
    let lsn = append(&log);
    wait_until("the death to be told", || log.acknowledge(lsn).is_err());
    assert!(matches!(log.acknowledge(lsn), Err(Error::Poisoned { .. })));
    assert!(matches!(log.commit(lsn), Err(Error::Poisoned { .. })));
}

#[test]
fn an_append_that_could_not_be_made_durable_says_which_it_was() {
    let disk = SimDisk::new(1);
    let config = Config::on(disk.storage()).sync_policy(SyncPolicy::EachAppend);
    let log = Log::open(config).unwrap();
    disk.set_faults(FaultPlan {
        at: [(disk.operations(), Fault::NoSpace)].into(),
        ..FaultPlan::default()
    });
    let record = Record::raw(RecordKind::Put, Scope::default(), b"row");
    let told = log.append(&record).unwrap_err();
    let Error::NotDurable { lsns, source } = told else {
        panic!("{told:?}");
    };
    assert!(matches!(*source, Error::DiskFull { .. }));
    // There is room again: the record has its number, and is not appended twice.
    assert_eq!(log.commit(lsns.last).unwrap().lsn(), lsns.last);
    assert_eq!(log.append(&record).unwrap(), lsns.last.next());
}
