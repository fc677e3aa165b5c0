//! A node with three consumers at different speeds is killed, again and again, while its keeper drops
//! old segments: each consumer has processed every record at least once, in order, and the one that
//! keeps its cursor with what it has processed exactly once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use nodedb_tests::random::Random;
use nodedb_wal::Reader;
use tempfile::TempDir;

use crate::places::rounds;
use crate::program::{finish, program};

/// What a consumer has processed, in its order: records and their lengths.
fn processed(home: &Path, name: &str) -> Vec<(u64, u64)> {
    let text = std::fs::read_to_string(home.join(name)).unwrap();
    let numbers = text.lines().map(|line| {
        let (lsn, bytes) = line.split_once(' ').unwrap();
        (lsn.parse().unwrap(), bytes.parse().unwrap())
    });
    numbers.collect()
}

#[test]
fn consumers_of_a_node_that_is_killed_see_every_record_and_with_their_own_cursor_once() {
    let home = TempDir::with_prefix("nodedb-real-").unwrap();
    let mut random = Random::new(23);
    let mut acknowledged = BTreeSet::<u64>::new();
    let kills = 8 * rounds();
    let directory = home.path().to_str().unwrap();
    for _ in 0..kills {
        let mut command = program(["consume", directory, "live"], "");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for _ in 0..200 + random.below(1_500) {
            let line = lines.next().unwrap().unwrap();
            acknowledged.insert(line.parse().unwrap());
        }
        child.kill().unwrap();
        // The last line may have been cut off.
        let rest: Vec<_> = lines.map(Result::unwrap).collect();
        let whole = rest.len().saturating_sub(1);
        let rest = rest.iter().take(whole);
        acknowledged.extend(rest.map(|line| line.parse::<u64>().unwrap()));
        child.wait().unwrap();
    }
    let (code, text) = finish(&mut program(["consume", directory, "drain"], ""));
    assert_eq!(code, 0, "{text}");
    let once = processed(home.path(), "own");
    assert!(
        once.is_sorted_by(|a, b| a.0 < b.0),
        "one came twice, or late"
    );
    let once: BTreeMap<u64, u64> = once.into_iter().collect();
    assert!(acknowledged.iter().all(|lsn| once.contains_key(lsn)));
    let mut again = Vec::new();
    for name in ["fast", "slow"] {
        let all = processed(home.path(), name);
        let mut seen = BTreeMap::new();
        for &(lsn, bytes) in &all {
            let last = seen.last_key_value().map_or(0, |(last, _)| *last);
            let skipped = once.range(last + 1..lsn.max(last + 1)).next();
            assert_eq!(skipped, None, "{name}: {lsn} came behind {last}");
            seen.insert(lsn, bytes);
        }
        assert!(seen == once, "{name} has not seen the same");
        again.push(all.len() - seen.len());
    }
    let reader = Reader::open(home.path().join("log")).unwrap();
    let start = reader.start_lsn();
    assert!(start.value() > 1, "nothing was dropped");
    eprintln!(
        "{kills} kills, {} rows, of which {again:?} were delivered again to fast and slow and none to \
         own; the log starts at LSN {start}",
        once.len()
    );
}
