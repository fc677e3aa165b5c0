//! The program's looks into what was done and when: exit codes, JSON lines, and that looking changes
//! nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::path::Path;
use std::process::{Command, Output};

use nodedb_node::{Node, NodeConfig};
use nodedb_wal::payload::{Hold, Put, TemporalPurge};
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, Timestamp, VshardId};
use nodedb_wal::{Config, Reader};
use serde_json::Value;
use tempfile::TempDir;

const V: VshardId = VshardId::new(3);

fn run(line: &str, wal: &Path) -> Output {
    let line = line.replace("LOG", &wal.display().to_string());
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodedb-node"));
    command.args(line.split_whitespace()).output().unwrap()
}

/// The JSON values that the command prints, one behind the other.
fn answers(line: &str, wal: &Path, code: i32) -> Vec<Value> {
    let output = run(&format!("{line} --json"), wal);
    assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    values.map(Result::unwrap).collect()
}

fn open(wal: &Path) -> Node {
    let log = Config::new(wal).segment_bytes(Config::SEGMENT_BYTES_MIN);
    Node::open(NodeConfig::from(log)).unwrap()
}

/// Purges of two tenants, one to a segment, and a hold.
fn write(node: &Node) {
    for number in 1..=6 {
        let tenant = TenantId::new(number % 2);
        let put = Put {
            collection: "orders".to_owned(),
            key: vec![1],
            value: vec![2; 500],
        };
        let d = DatabaseId::new(1);
        node.wal().append_put(tenant, V, d, &put).unwrap();
        let purge = TemporalPurge {
            collection: "orders".to_owned(),
            engine: "kv".to_owned(),
            cutoff: Timestamp::from_nanos(1_400_000_000_000_000_000),
            purged: number,
        };
        node.wal()
            .append_temporal_purge(tenant, V, d, &purge)
            .unwrap();
        node.wal().rotate().unwrap();
    }
    let hold = Hold {
        name: "archive".to_owned(),
        needs: Some(Lsn::new(9)),
    };
    let lsn = node
        .wal()
        .append_hold(TenantId::new(0), V, DatabaseId::new(0), &hold)
        .unwrap();
    node.wal().commit(lsn).unwrap();
}

fn sample() -> (TempDir, Node) {
    let directory = tempfile::tempdir().unwrap();
    let node = open(directory.path());
    write(&node);
    (directory, node)
}

/// The LSNs of the entries that were listed, and the last line.
fn listed(line: &str, wal: &Path) -> (Vec<u64>, Value) {
    let mut lines = answers(line, wal, 0);
    let end = lines.pop().unwrap();
    let lsns = lines.iter().map(|line| line["lsn"].as_u64().unwrap());
    (lsns.collect(), end)
}

#[test]
fn the_trail_is_listed_filtered_resumed_and_checked() {
    let (directory, node) = sample();
    let wal = directory.path();
    // The node has its catalog to itself while it runs; its log can be looked into.
    let (lsns, end) = listed("audit --wal LOG --kind temporalpurge", wal);
    assert_eq!(
        (lsns, end["catalog"].as_str()),
        (vec![2, 4, 6, 8, 10, 12], Some("in use"))
    );
    node.truncate_to_holds().unwrap();
    node.close().unwrap();
    let before = files(wal);
    // The segments of the first four purges are gone.
    assert!(Reader::open(wal).unwrap().start_lsn() == Lsn::new(9));
    let (lsns, end) = listed("audit --wal LOG", wal);
    assert_eq!(
        (lsns, end["catalog"].as_str()),
        (vec![2, 4, 6, 8, 10, 12, 13, 14], Some("used"))
    );
    let (lsns, end) = listed(
        "audit --wal LOG --kind temporalpurge --tenant 1 --limit 2",
        wal,
    );
    assert_eq!((lsns, end["next"].as_u64()), (vec![2, 6], Some(6)));
    let (lsns, end) = listed(
        "audit --wal LOG --kind temporalpurge --tenant 1 --after 6",
        wal,
    );
    assert_eq!((lsns, end["next"].as_u64()), (vec![10], Some(14)));
    assert_eq!(
        listed("audit --wal LOG --collection users", wal).0,
        Vec::<u64>::new()
    );
    assert_eq!(
        listed("audit --wal LOG --until 2014-05-13T16:53:20Z", wal).0,
        Vec::<u64>::new()
    );
    let purge = &answers("audit --wal LOG --limit 1", wal, 0)[0]["purge"];
    assert_eq!(
        (purge["engine"].as_str(), purge["purged"].as_u64()),
        (Some("kv"), Some(1))
    );
    assert_eq!(purge["cutoff"].as_str(), Some("2014-05-13T16:53:20Z"));
    let report = &answers("audit verify --wal LOG", wal, 0)[0];
    assert_eq!(
        (report["sound"].as_bool(), report["seals"].as_u64()),
        (Some(true), Some(1))
    );
    assert!(files(wal) == before, "looking changes nothing");
}

#[test]
fn what_was_changed_is_told_with_exit_code_2() {
    let (directory, node) = sample();
    let wal = directory.path();
    node.close().unwrap();
    let segment = wal.join("wal-00000000000000000003.seg");
    let bytes = std::fs::read(&segment).unwrap();
    let at = bytes
        .windows(6)
        .rposition(|window| window == b"orders")
        .unwrap();
    let mut changed = bytes.clone();
    changed[at] ^= 1;
    std::fs::write(&segment, changed).unwrap();
    let report = &answers("audit verify --wal LOG", wal, 2)[0];
    assert_eq!(report["finding"]["lsn"].as_u64(), Some(4));
    let text = run("audit verify --wal LOG", wal);
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("wrong: the entry of record 4 in the log"),
        "{text}"
    );
    std::fs::write(&segment, bytes).unwrap();
    // A bit of an entry in the catalog's file, in every place where one stands.
    let catalog = wal.join("catalog.redb");
    let bytes = std::fs::read(&catalog).unwrap();
    let needle = 1_400_000_000_000_000_000_i64.to_be_bytes();
    let places = bytes
        .windows(8)
        .enumerate()
        .filter(|(_, window)| *window == needle);
    let mut found = 0;
    for (at, _) in places {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        std::fs::write(&catalog, changed).unwrap();
        found += usize::from(run("audit verify --wal LOG", wal).status.code() == Some(2));
    }
    // Pages that redb no longer uses may hold old copies.
    assert!(found >= 6, "{found}");
}

#[test]
fn lsns_and_times_are_told_from_each_other_also_when_they_are_gone() {
    let (directory, node) = sample();
    let wal = directory.path();
    node.truncate_to_holds().unwrap();
    node.close().unwrap();
    let time = |lsn: u64| answers(&format!("time-of --wal LOG {lsn}"), wal, 0)[0].clone();
    let there = time(12);
    assert_eq!(
        (there["gone"].as_bool(), there["wall_clock"].as_str()),
        (Some(false), None)
    );
    let at = there["time"].as_str().unwrap();
    let found = &answers(&format!("lsn-at --wal LOG {at}"), wal, 0)[0];
    // Records of one write share their time.
    assert!(matches!(found["lsn"].as_u64(), Some(11 | 12)), "{found}");
    // Record 2 is gone and an entry of the trail; record 3 is gone.
    assert!(time(2)["time"].is_string());
    let gone = time(3);
    assert_eq!(gone["gone"].as_bool(), Some(true));
    assert!(gone["from"].is_string() && gone["to"].is_string(), "{gone}");
    let early = &answers("lsn-at --wal LOG 2014-05-13T16:53:20Z", wal, 0)[0];
    assert_eq!(
        (early["after"].as_u64(), early["by"].as_u64()),
        (Some(0), Some(2))
    );
    let late = &answers("lsn-at --wal LOG 2200-01-01T00:00:00Z", wal, 0)[0];
    assert_eq!(
        (late["after"].as_u64(), late["by"].as_u64()),
        (Some(14), None)
    );
    assert_eq!(run("time-of --wal LOG 99", wal).status.code(), Some(1));
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(
        run("audit --wal LOG", nothing.path()).status.code(),
        Some(1)
    );
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    let mut files: Vec<_> = entries
        .map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    files
}
