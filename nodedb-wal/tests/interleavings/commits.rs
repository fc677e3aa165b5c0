//! Committers, followers and futures: each is woken, and told the truth.

use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nodedb_wal::{Error, Lsn, Planted};
use shuttle::thread;

use crate::orders::{
    SCHEDULES, append, assert_dense, check, check_durable, explore, in_threads, is_on_disk, open,
};
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
        let outcome = catch_unwind(|| explore(20 * SCHEDULES, &tried, committers));
        nodedb_wal::plant(Planted::Nothing);
        let tried = tried.load(Ordering::Relaxed);
        assert!(
            outcome.is_err(),
            "{planted:?}: not found in {tried} schedules"
        );
        println!("{planted:?}: found in schedule {tried}");
    }
}
