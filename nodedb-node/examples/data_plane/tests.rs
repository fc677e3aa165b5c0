//! The example, killed in the middle of what it does and started again.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::thread;

use nodedb_wal::types::Lsn;

use super::*;
use crate::plane::Write;
use crate::workload::{DROP_EVERY, ITEMS, KEYS, ORDERS, drops, writes};

/// Tells a child process where to work. Nobody else sets it.
const CHILD: &str = "DATA_PLANE_CHILD";

/// Rows by collection and key.
type Rows = BTreeMap<(&'static str, u64), Vec<u8>>;

/// The rows after the operations up to and with this number.
fn rows_after(last: u64) -> Rows {
    let mut rows = Rows::new();
    for number in 1..=last {
        if drops(number) {
            drop_orders(&mut rows);
        }
        for write in writes(number) {
            match write {
                Write::Put(name, key, value) => {
                    rows.insert((name, number_of(&key)), value);
                }
                Write::Delete(name, key) => {
                    rows.remove(&(name, number_of(&key)));
                }
            }
        }
    }
    rows
}

/// What a drop leaves.
fn drop_orders(rows: &mut Rows) {
    rows.retain(|(name, _), _| *name != ORDERS);
}

fn number_of(key: &[u8]) -> u64 {
    u64::from_le_bytes(key.try_into().unwrap())
}

fn rows(plane: &DataPlane) -> Rows {
    let mut rows = Rows::new();
    for name in [ORDERS, ITEMS] {
        for key in 0..KEYS {
            if let Some(value) = plane.find(name, &key.to_le_bytes()).unwrap() {
                rows.insert((name, key), value);
            }
        }
    }
    rows
}

/// Holds the rows against the operations that took effect, of which `acknowledged` were durable.
/// Returns how many there are.
fn check(plane: &DataPlane, acknowledged: u64) -> u64 {
    let done = workload::progress(plane).unwrap();
    assert!(
        done >= acknowledged,
        "{done} of {acknowledged} that were acknowledged"
    );
    let found = rows(plane);
    let expected = rows_after(done);
    if drops(done + 1) && found != expected {
        // The next operation had got as far as its drop.
        let mut dropped = expected;
        drop_orders(&mut dropped);
        assert!(
            found == dropped,
            "the rows are not those of {done} operations and a drop"
        );
    } else {
        assert!(
            found == expected,
            "the rows are not those of {done} operations"
        );
    }
    done
}

/// Not a test by itself: what a child process does until it is killed.
#[test]
fn child() {
    let Some(directory) = std::env::var_os(CHILD) else {
        return;
    };
    let plane = DataPlane::open(Path::new(&directory)).unwrap();
    run(&plane, u64::MAX / 2, |number| println!("did {number}")).unwrap();
}

/// Lesson 15: nothing is seen that is not durable, and what was acknowledged is there after a kill,
/// whichever step of a write, a drop, a checkpoint or a restart it came in.
#[test]
fn killed_half_way_and_started_again_the_rows_are_right() {
    let directory = tempfile::tempdir().unwrap();
    let mut rng = fastrand::Rng::with_seed(7);
    let mut done = 0;
    for _ in 0..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tests::child", "--nocapture"])
            .env(CHILD, directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stop_behind = done + rng.u64(1..60);
        let output = BufReader::new(child.stdout.take().unwrap());
        let mut acknowledged = done;
        for line in output.lines().map_while(Result::ok) {
            if let Some((_, number)) = line.split_once("did ") {
                acknowledged = number.parse().unwrap();
            }
            if acknowledged >= stop_behind {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        let plane = DataPlane::open(directory.path()).unwrap();
        done = check(&plane, acknowledged);
    }
    assert!(done >= DROP_EVERY, "{done}: no drop was among them");
}

/// Lesson 37: a restart reads what the store lacks, and truncation takes what it holds.
#[test]
fn a_restart_reads_what_the_store_lacks_and_no_more() {
    let directory = tempfile::tempdir().unwrap();
    let plane = DataPlane::open(directory.path()).unwrap();
    run(&plane, 400, |_| ()).unwrap();
    plane.close().unwrap();
    let plane = DataPlane::open(directory.path()).unwrap();
    assert_eq!(check(&plane, 400), 400);
    let report = plane.restart();
    // The last checkpoint was at operation 372.
    assert!(report.operations.applied < 28 * 4, "{report:?}");
    let (start, retained) = plane.retained();
    assert!(start > Lsn::FIRST, "nothing went");
    assert!(
        report.bytes_read < retained,
        "{} of {retained} bytes",
        report.bytes_read
    );
    drop(plane);
    let again = DataPlane::open(directory.path()).unwrap();
    assert_eq!(again.restart().applied, 0);
    assert_eq!(check(&again, 400), 400);
}

#[test]
fn writers_side_by_side_leave_what_the_log_says() {
    let directory = tempfile::tempdir().unwrap();
    let plane = DataPlane::open(directory.path()).unwrap();
    thread::scope(|threads| {
        for writer in 0..4_u8 {
            let plane = &plane;
            threads.spawn(move || {
                for round in 0..30_u8 {
                    let key = vec![round % 5];
                    plane
                        .write(&[Write::Put(ORDERS, key, vec![writer, round])])
                        .unwrap();
                    if round == 20 && writer == 0 {
                        plane.checkpoint().unwrap();
                    }
                }
            });
        }
    });
    let seen = |plane: &DataPlane| -> Vec<_> {
        let keys = 0..5_u8;
        keys.map(|key| plane.find(ORDERS, &[key]).unwrap())
            .collect()
    };
    let before = seen(&plane);
    drop(plane);
    let plane = DataPlane::open(directory.path()).unwrap();
    assert_eq!(seen(&plane), before);
}
