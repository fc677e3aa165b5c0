//! The log's own threads, and those that call it, stopped and continued in every order that chance
//! finds: the real code on the simulated disk, with the locks of a scheduler in place of the kernel's.
//!
//! What is watched: nobody waits for ever (the scheduler sees when all threads sleep), no LSN is given
//! twice, and what was acknowledged is on the disk. `INTERLEAVE_SCHEDULES` sets how many orders of each
//! case are tried, `INTERLEAVE_SEED` where chance starts.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]
#![expect(clippy::print_stdout, reason = "what was tried is counted and told")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::{
    Config, DatabaseId, DurableLsn, Error, Log, Lsn, Planted, Reader, Record, RecordKind, Scope,
    TenantId, VshardId,
};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Runner, thread};

/// Orders of each case that everybody runs: half by chance alone, half with few switches.
const SCHEDULES: usize = 1000;

/// Switches at which a rare order may need a thread to be stopped.
const SWITCHES: usize = 4;

fn setting(name: &str, default: usize) -> usize {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs `case` in many orders.
fn check(name: &str, case: fn()) {
    let schedules = setting("INTERLEAVE_SCHEDULES", SCHEDULES);
    let tried = AtomicUsize::new(0);
    explore(schedules, &tried, case);
    println!("{name}: {} schedules", tried.load(Ordering::Relaxed));
}

fn explore(schedules: usize, tried: &AtomicUsize, case: fn()) {
    let seed = setting("INTERLEAVE_SEED", 1) as u64;
    let half = schedules.div_ceil(2);
    run(RandomScheduler::new_from_seed(seed, half), tried, case);
    let few_switches = PctScheduler::new_from_seed(seed, SWITCHES, half);
    run(few_switches, tried, case);
}

fn run(scheduler: impl Scheduler + 'static, tried: &AtomicUsize, case: fn()) {
    let mut config = shuttle::Config::new();
    // Blocks of 4 KiB lie on the stack.
    config.stack_size = 1 << 20;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            case();
        })
    }));
    tried.fetch_add(count.load(Ordering::Relaxed), Ordering::Relaxed);
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// A disk that lets the log have threads, and a log on it.
fn open(change: impl FnOnce(Config) -> Config) -> (SimDisk, Log) {
    let disk = SimDisk::new(1);
    disk.set_allows_threads(true);
    // The witness waits for time to pass, which it does not here.
    let config = Config::on(disk.storage())
        .segment_bytes(Config::SEGMENT_BYTES_MIN)
        .witness_after(None);
    let log = Log::open(change(config)).unwrap();
    (disk, log)
}

fn append(log: &Log, payload: &[u8]) -> Result<Lsn, Error> {
    log.append(&Record::raw(RecordKind::Put, Scope::default(), payload))
}

/// If the power went now, `lsn` would be found.
fn is_on_disk(disk: &SimDisk, lsn: Lsn) -> bool {
    let after = disk.fork();
    after.crash_keeping(&[]);
    after.restart();
    let reader = Reader::open_on(after.storage()).unwrap();
    reader.next_lsn() > lsn
}

fn check_durable(disk: &SimDisk, lsn: Lsn, durable: DurableLsn) {
    assert!(durable.lsn() >= lsn);
    assert!(
        is_on_disk(disk, durable.lsn()),
        "{durable} was acknowledged"
    );
}

/// Two threads commit, and two wait for what they commit.
fn following() {
    let (disk, log) = open(|config| config);
    let log = Arc::new(log);
    let committers = [(); 2].map(|()| {
        let log = Arc::clone(&log);
        thread::spawn(move || {
            let lsn = append(&log, b"x").unwrap();
            log.commit(lsn).unwrap();
        })
    });
    let followers = [1, 2].map(|lsn| {
        let (log, disk) = (Arc::clone(&log), disk.clone());
        let lsn = Lsn::new(lsn);
        thread::spawn(move || {
            let durable = log.wait_durable(lsn, None).unwrap().unwrap();
            check_durable(&disk, lsn, durable);
        })
    });
    for thread in committers.into_iter().chain(followers) {
        thread.join().unwrap();
    }
}

#[test]
fn whoever_follows_is_woken_and_told_the_truth() {
    check("wait_durable", following);
}

/// Several threads, each of which does `work`; what it gives is collected.
fn in_threads<T: Send + 'static>(
    count: usize,
    work: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let work = Arc::new(work);
    let threads: Vec<_> = (0..count)
        .map(|number| {
            let work = Arc::clone(&work);
            thread::spawn(move || work(number))
        })
        .collect();
    let results = threads.into_iter().map(|thread| thread.join().unwrap());
    results.collect()
}

fn assert_dense(lsns: impl IntoIterator<Item = Lsn>) {
    let lsns: Vec<u64> = lsns.into_iter().map(Lsn::value).collect();
    let different: BTreeSet<u64> = lsns.iter().copied().collect();
    assert_eq!(
        different.len(),
        lsns.len(),
        "an LSN was given twice: {lsns:?}"
    );
    assert!(different.into_iter().eq(1..=lsns.len() as u64));
}

fn committers() {
    let (disk, log) = open(|config| config);
    let log = Arc::new(log);
    let lsns = in_threads(3, move |_| {
        [(); 2].map(|()| {
            let lsn = append(&log, b"x").unwrap();
            check_durable(&disk, lsn, log.commit(lsn).unwrap());
            lsn
        })
    });
    assert_dense(lsns.into_iter().flatten());
}

#[test]
fn whoever_commits_is_woken_and_told_the_truth() {
    check("commit", committers);
}

fn futures() {
    let (disk, log) = open(|config| config);
    let log = Arc::new(log);
    let lsns = in_threads(3, move |number| {
        let lsn = append(&log, b"x").unwrap();
        let durable = if number == 0 {
            log.commit(lsn)
        } else {
            shuttle::future::block_on(log.commit_async(lsn))
        };
        check_durable(&disk, lsn, durable.unwrap());
        lsn
    });
    assert_dense(lsns);
}

#[test]
fn whoever_awaits_is_woken_and_told_the_truth() {
    check("commit_async", futures);
}

/// Three threads append more than the buffer takes. One of them commits what may be written and not
/// synced, then the rest; another looks after the last write.
fn full_buffers() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let log = Arc::new(log);
    let lsns = in_threads(3, move |number| {
        let lsns = [(); 2].map(|()| append(&log, &[7; 3000]).unwrap());
        if number == 0 {
            for lsn in lsns {
                check_durable(&disk, lsn, log.commit(lsn).unwrap());
            }
        } else if number == 1 {
            log.witness().unwrap();
        }
        lsns
    });
    assert_dense(lsns.into_iter().flatten());
}

#[test]
fn whoever_needs_room_gets_it() {
    check("full buffers", full_buffers);
}

/// Threads of two tenants append more than their shares of a write, and commit.
fn shares() {
    let (disk, log) = open(|config| config.shared_write_bytes(1));
    let log = Arc::new(log);
    let lsns = in_threads(3, move |number| {
        let scope = Scope::new(
            TenantId::new(number as u64 % 2),
            DatabaseId::new(0),
            VshardId::new(0),
        );
        // A share is 16 KiB at least.
        let payload = [7; 9000];
        let record = Record::raw(RecordKind::Put, scope, &payload);
        let lsns = [(); 2].map(|()| log.append(&record).unwrap());
        let durable = log.commit(lsns[1]).unwrap();
        check_durable(&disk, lsns[1], durable);
        lsns
    });
    assert_dense(lsns.into_iter().flatten());
}

#[test]
fn whoever_has_filled_its_share_gets_its_turn() {
    check("shares", shares);
}

/// One thread starts new segments and drops old ones while two commit.
fn rotation() {
    let (disk, log) = open(|config| config);
    let log = Arc::new(log);
    let lsns = in_threads(3, move |number| {
        let lsn = append(&log, b"x").unwrap();
        if number == 0 {
            log.rotate().unwrap();
            log.truncate_before(lsn).unwrap();
        }
        check_durable(&disk, lsn, log.commit(lsn).unwrap());
        lsn
    });
    assert_dense(lsns);
}

#[test]
fn segments_change_under_those_who_commit() {
    check("rotation", rotation);
}

/// The disk fails under the second write: everybody is told one way or the other, and nobody is told
/// that something is on the disk that is not.
fn failing_disk() {
    let (disk, log) = open(|config| config.buffer_bytes(4096));
    let failing = disk.operations() + 1;
    disk.set_faults(FaultPlan {
        at: [(failing, Fault::Error)].into(),
        ..FaultPlan::default()
    });
    let log = Arc::new(log);
    in_threads(3, move |number| {
        for _ in 0..2 {
            let answer = append(&log, &[7; 1500]).and_then(|lsn| {
                let durable = match number {
                    0 => shuttle::future::block_on(log.commit_async(lsn)),
                    _ => log.commit(lsn),
                };
                durable.map(|durable| check_durable(&disk, lsn, durable))
            });
            match answer {
                Ok(()) | Err(Error::Poisoned { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}

#[test]
fn whoever_waits_for_a_failing_disk_is_told() {
    check("poison", failing_disk);
}

/// The log is closed while futures wait.
fn closing() {
    let (disk, log) = open(|config| config);
    let lsns = [(); 2].map(|()| append(&log, b"x").unwrap());
    let waiting: Vec<_> = lsns
        .into_iter()
        .map(|lsn| {
            let future = log.commit_async(lsn);
            let disk = disk.clone();
            thread::spawn(move || match shuttle::future::block_on(future) {
                Ok(durable) => check_durable(&disk, lsn, durable),
                Err(Error::Closed) => {}
                Err(error) => panic!("{error}"),
            })
        })
        .collect();
    log.close().unwrap();
    assert!(is_on_disk(&disk, lsns[1]));
    for thread in waiting {
        thread.join().unwrap();
    }
}

#[test]
fn whoever_awaits_a_log_that_is_closed_is_told() {
    check("close", closing);
}

/// The tests above must be able to fail: with a bug planted in the futex, they do.
#[test]
fn planted_bugs_are_found() {
    for planted in [Planted::SleepsWithoutLooking, Planted::WakesNobody] {
        nodedb_wal::plant(planted);
        let tried = AtomicUsize::new(0);
        let outcome = catch_unwind(|| explore(SCHEDULES, &tried, committers));
        nodedb_wal::plant(Planted::Nothing);
        let tried = tried.load(Ordering::Relaxed);
        assert!(
            outcome.is_err(),
            "{planted:?}: not found in {tried} schedules"
        );
        println!("{planted:?}: found in schedule {tried}");
    }
}
