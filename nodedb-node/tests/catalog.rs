//! A catalog that is lost, old, newer than the log, of another log or no catalog at all, on real files:
//! the node comes back with everything it was told, or says what to do, and so does the program.
//! Nothing is silently reset.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodedb_node::audit::AuditFilter;
use nodedb_node::control::ControlState;
use nodedb_node::surrogate::Collection;
use nodedb_node::{Error, Node, NodeConfig, Truncation};
use nodedb_wal::Config;
use nodedb_wal::payload::{CollectionTombstoned, CommitOffsets, PartitionOffset, Put};
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, TenantId, VshardId};
use serde_json::Value;
use tempfile::TempDir;

const T: TenantId = TenantId::new(1);
const V: VshardId = VshardId::new(3);
const CATALOG: &str = "catalog.redb";

/// What the program is asked; each shows what the catalog holds, or what the log does.
const LOOKS: [&str; 7] = [
    "surrogates --wal LOG --rows 1000",
    "calvin --wal LOG",
    "holds --wal LOG",
    "checkpoint --wal LOG",
    "tenants --wal LOG",
    "audit --wal LOG",
    "audit verify --wal LOG",
];

fn config(log: &Path) -> NodeConfig {
    Config::new(log)
        .segment_bytes(Config::SEGMENT_BYTES_MIN)
        .into()
}

/// One life: rows with surrogates, a dropped collection, transactions, offsets, holds, and a clean end.
fn live(log: &Path, life: u64) {
    let node = Node::open(config(log)).unwrap();
    for database in [1, 2] {
        let d = DatabaseId::new(database);
        let orders = Collection::new(T, d, "orders");
        for number in 0..40 + 10 * life {
            let key = number.to_be_bytes();
            node.surrogates().assign(orders, &key).unwrap();
        }
        let dropped = CollectionTombstoned {
            collection: format!("old{life}"),
            purge_lsn: node.wal().next_lsn(),
        };
        node.wal()
            .append_collection_tombstone(T, V, d, &dropped)
            .unwrap();
    }
    let epoch = Epoch::new(life);
    for position in 0..5 {
        let put = Put {
            collection: "orders".to_owned(),
            key: vec![1],
            value: vec![2; 3_000],
        };
        let applied = node.calvin().apply(V, epoch, position, |transaction| {
            transaction.push(T, DatabaseId::new(1), &put)
        });
        applied.unwrap();
    }
    if life % 2 == 1 {
        node.calvin().seal(V, epoch).unwrap();
    }
    let offsets = CommitOffsets {
        source: "s".to_owned(),
        offsets: vec![PartitionOffset {
            partition: 1,
            offset: life,
        }],
        watermark: None,
    };
    node.wal()
        .append_commit_offsets(T, V, DatabaseId::new(1), &offsets)
        .unwrap();
    node.set_hold("archive", Lsn::FIRST.max(node.wal().start_lsn()))
        .unwrap();
    node.checkpoint("kv", node.wal().durable_lsn()).unwrap();
    node.close().unwrap();
}

/// Lets go of everything that is there.
fn truncate(log: &Path) {
    let node = Node::open(config(log)).unwrap();
    node.set_hold("archive", node.wal().next_lsn()).unwrap();
    node.checkpoint("kv", node.wal().durable_lsn()).unwrap();
    let done = node.truncate_to_holds().unwrap();
    assert!(matches!(done, Truncation::Done { .. }), "{done:?}");
    assert!(node.wal().start_lsn() > Lsn::FIRST);
    node.close().unwrap();
}

/// Everything the catalog holds of what was said.
#[derive(Debug, PartialEq)]
struct State {
    surrogates: BTreeMap<(u64, String, Vec<u8>), u32>,
    high_watermarks: Vec<(TenantId, DatabaseId, u32)>,
    control: ControlState,
    trail: Vec<Lsn>,
}

fn observe(node: &Node) -> State {
    let mut surrogates = BTreeMap::new();
    let control = node.control_state().unwrap();
    let catalog = node.catalog();
    catalog
        .visit_surrogates(&mut |row| {
            let database = row.database.value();
            let key = (
                database,
                row.collection.to_owned(),
                row.primary_key.to_vec(),
            );
            surrogates.insert(key, row.surrogate);
        })
        .unwrap();
    let mut entries = node.audit(AuditFilter::default(), Lsn::ZERO).unwrap();
    let mut trail = Vec::new();
    while let Some(entry) = entries.next().unwrap() {
        trail.push(entry.record.header.lsn);
    }
    State {
        surrogates,
        high_watermarks: catalog.surrogate_high_watermarks().unwrap(),
        control,
        trail,
    }
}

/// What the program says, and how it exits; without what depends on how it found out.
fn ask(line: &str, log: &Path) -> (Option<i32>, Vec<Value>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodedb-node"));
    let line = line.replace("LOG", log.to_str().unwrap());
    command.args(line.split_whitespace());
    let output = command.arg("--json").output().unwrap();
    let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
    let mut values: Vec<Value> = values.map(Result::unwrap).collect();
    for value in &mut values {
        let fields = value.as_object_mut().unwrap();
        if line.starts_with("audit") {
            fields.retain(|name, _| {
                ["lsn", "kind", "sound", "error", "causes"].contains(&name.as_str())
            });
        }
        fields.remove("wal");
    }
    (output.status.code(), values)
}

/// A log in a directory, and copies of its catalog, or of all of it, as they were.
struct Home {
    directory: TempDir,
}

impl Home {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn catalog(&self) -> PathBuf {
        self.log().join(CATALOG)
    }

    fn copy(&self, name: &str) -> PathBuf {
        let to = self.directory.path().join(name);
        fs::copy(self.catalog(), &to).unwrap();
        to
    }

    fn copy_log(&self, name: &str) -> PathBuf {
        let to = self.directory.path().join(name);
        fs::create_dir(&to).unwrap();
        for entry in fs::read_dir(self.log()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
        to
    }
}

/// With this catalog, or none, node and program say what they said before.
fn comes_back(home: &Home, catalog: Option<&Path>) {
    let before = home.copy_log("whole");
    let said = LOOKS.map(|line| ask(line, &before));
    let node = Node::open(config(&before)).unwrap();
    let expected = observe(&node);
    drop(node);
    put(home, catalog);
    for (line, said) in LOOKS.iter().zip(&said) {
        assert_eq!(&ask(line, &home.log()), said, "{line}");
        assert_eq!(said.0, Some(0), "{line}: {:?}", said.1);
    }
    let node = Node::open(config(&home.log())).unwrap();
    assert_eq!(observe(&node), expected);
    assert!(node.verify_audit().unwrap().finding.is_none());
    // And it goes on behind what was handed out, not on top of it.
    let orders = Collection::new(T, DatabaseId::new(1), "orders");
    let new = node.surrogates().assign(orders, b"new").unwrap();
    assert!(
        !expected
            .surrogates
            .values()
            .any(|known| *known == new.value())
    );
    node.close().unwrap();
}

fn put(home: &Home, catalog: Option<&Path>) {
    match catalog {
        Some(copy) => drop(fs::copy(copy, home.catalog()).unwrap()),
        None => fs::remove_file(home.catalog()).unwrap(),
    }
}

/// With this catalog, or none, node and program refuse, and say what to do; with the right one
/// everything is there.
fn is_refused(home: &Home, catalog: Option<&Path>, is_so: fn(&Error) -> bool, to_do: &str) {
    let before = home.copy_log("whole");
    let node = Node::open(config(&before)).unwrap();
    let expected = observe(&node);
    drop(node);
    let good = home.copy("good");
    put(home, catalog);
    // A second time too: the first one reset nothing.
    for _ in 0..2 {
        let error = Node::open(config(&home.log())).unwrap_err();
        assert!(is_so(&error), "{error:?}");
        assert!(error.to_string().contains(to_do), "{error}");
    }
    let writes = [
        "holds --wal LOG set archive 100",
        "truncate --wal LOG --to-holds",
    ];
    for line in LOOKS[..3].iter().chain(&writes) {
        let (code, said) = ask(line, &home.log());
        assert_eq!(code, Some(2), "{line}: {said:?}");
        assert!(said[0].to_string().contains(to_do), "{line}: {said:?}");
    }
    fs::copy(good, home.catalog()).unwrap();
    let node = Node::open(config(&home.log())).unwrap();
    assert_eq!(observe(&node), expected);
}

#[test]
fn a_catalog_that_is_lost_or_old_is_made_good_from_the_log() {
    for keep in [false, true] {
        let home = Home::new();
        live(&home.log(), 1);
        let old = home.copy("old");
        live(&home.log(), 2);
        comes_back(&home, keep.then_some(old.as_path()));
    }
}

#[test]
fn an_old_catalog_that_reaches_as_far_as_the_log_was_truncated_is_made_good() {
    let home = Home::new();
    live(&home.log(), 1);
    truncate(&home.log());
    let old = home.copy("old");
    live(&home.log(), 2);
    comes_back(&home, Some(&old));
}

#[test]
fn an_old_catalog_that_does_not_reach_so_far_is_refused() {
    let home = Home::new();
    live(&home.log(), 1);
    let old = home.copy("old");
    live(&home.log(), 2);
    truncate(&home.log());
    is_refused(
        &home,
        Some(&old),
        |error| matches!(error, Error::CatalogBehind { .. }),
        "put back a copy that reaches LSN",
    );
}

#[test]
fn a_catalog_that_is_lost_once_the_log_was_truncated_is_missed() {
    let home = Home::new();
    live(&home.log(), 1);
    truncate(&home.log());
    is_refused(
        &home,
        None,
        |error| matches!(error, Error::CatalogMissing { .. }),
        "put back a copy of the catalog that reaches LSN",
    );
}

#[test]
fn a_catalog_that_has_seen_more_than_the_log_holds_is_refused() {
    let home = Home::new();
    live(&home.log(), 1);
    let old = home.copy_log("old");
    live(&home.log(), 2);
    let newer = home.copy("newer");
    // The log of before, with its own catalog first.
    fs::remove_dir_all(home.log()).unwrap();
    fs::rename(old, home.log()).unwrap();
    is_refused(
        &home,
        Some(&newer),
        |error| matches!(error, Error::CatalogAhead { .. }),
        "put back the log it was made of",
    );
}

#[test]
fn a_catalog_of_another_log_is_refused() {
    let (home, other) = (Home::new(), Home::new());
    live(&home.log(), 1);
    live(&other.log(), 1);
    is_refused(
        &home,
        Some(&other.catalog()),
        |error| matches!(error, Error::CatalogForeign { .. }),
        "put back this log's catalog",
    );
}

#[test]
fn what_is_no_catalog_is_refused() {
    let home = Home::new();
    live(&home.log(), 1);
    let none = home.directory.path().join("none");
    fs::write(&none, vec![7; 8_192]).unwrap();
    is_refused(
        &home,
        Some(&none),
        |error| matches!(error, Error::CatalogDamaged { .. }),
        "move it away",
    );
}
