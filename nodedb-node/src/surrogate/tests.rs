//! Surrogates of nodes in temporary directories.

use std::collections::HashSet;

use nodedb_wal::Config;
use nodedb_wal::payload::SurrogateAlloc;
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, VshardId};
use tempfile::TempDir;

use super::registry::{NO_VSHARD, SurrogateRegistry};
use super::*;
use crate::catalog::Catalog;
use crate::{Error, NodeConfig, WalManager};

use std::sync::Arc;

const TENANT: TenantId = TenantId::new(7);
const DATABASE: DatabaseId = DatabaseId::new(1);
const ORDERS: Collection<'static> = Collection::new(TENANT, DATABASE, "orders");

/// A log and a catalog that were opened as a node opens them.
struct Open {
    wal: Arc<WalManager>,
    catalog: Arc<Catalog>,
    assigner: SurrogateAssigner,
}

impl Open {
    fn new(directory: &TempDir) -> Self {
        let config = Config::new(directory.path()).segment_bytes(1 << 20);
        let wal = Arc::new(WalManager::open(NodeConfig::from(config)).unwrap());
        let catalog = Catalog::open(directory.path().join("catalog.redb")).unwrap();
        catalog.attach(wal.log_id(), &*wal).unwrap();
        catalog.fold(&*wal).unwrap();
        let catalog = Arc::new(catalog);
        Self {
            assigner: SurrogateAssigner::new(&wal, &catalog),
            wal,
            catalog,
        }
    }

    fn registry(&self) -> &SurrogateRegistry {
        self.assigner.registry()
    }

    fn assign(&self, key: &str) -> u32 {
        let found = self.assigner.assign(ORDERS, key.as_bytes()).unwrap();
        found.value()
    }
}

fn key(number: u32) -> Vec<u8> {
    format!("k{number}").into_bytes()
}

#[test]
fn the_first_one_wins_one_by_one_and_in_bulk_in_memory_and_in_the_catalog() {
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(&directory);
    assert_eq!(
        (open.assign("a"), open.assign("b"), open.assign("a")),
        (1, 2, 1)
    );
    let keys: [&[u8]; 4] = [b"c", b"a", b"c", b"d"];
    let many = open.assigner.assign_many(ORDERS, keys).unwrap();
    let many: Vec<u32> = many.into_iter().map(Surrogate::value).collect();
    assert_eq!(many, [3, 1, 3, 4]);
    let check = || {
        assert_eq!(
            open.assigner.find(ORDERS, b"b").unwrap(),
            Some(Surrogate::new(2))
        );
        assert_eq!(open.assigner.find(ORDERS, b"z").unwrap(), None);
        let row = open.assigner.key_of(TENANT, DATABASE, Surrogate::new(3));
        assert_eq!(row.unwrap(), Some(RowKey::new(ORDERS, b"c")));
        let nothing = open.assigner.key_of(TENANT, DATABASE, Surrogate::new(5));
        assert_eq!(nothing.unwrap(), None);
    };
    check();
    // One run and four bindings, whatever was asked twice.
    assert_eq!(open.wal.next_lsn(), Lsn::new(6));
    open.assigner.fold_now().unwrap();
    assert_eq!(open.assigner.status().unfolded, 0);
    check();
    assert_eq!(open.assign("d"), 4);
    assert_eq!(open.wal.next_lsn(), Lsn::new(6));
}

#[test]
fn a_collection_of_the_same_name_in_another_database_has_ids_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(&directory);
    let elsewhere = Collection::new(TENANT, DatabaseId::new(2), "orders");
    let other_tenant = Collection::new(TenantId::new(8), DATABASE, "orders");
    assert_eq!((open.assign("a"), open.assign("b")), (1, 2));
    for collection in [elsewhere, other_tenant] {
        let id = open.assigner.assign(collection, b"b").unwrap();
        assert_eq!(id, Surrogate::FIRST);
        let row = open
            .assigner
            .key_of(collection.tenant, collection.database, id);
        assert_eq!(row.unwrap(), Some(RowKey::new(collection, b"b")));
    }
    // Within a database no id is used twice, whatever the collection.
    let items = Collection::new(TENANT, DATABASE, "items");
    assert_eq!(
        open.assigner.assign(items, b"a").unwrap(),
        Surrogate::new(3)
    );
}

#[test]
fn threads_with_the_same_keys_come_to_the_same_surrogates() {
    const KEYS: u32 = 600;
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(&directory);
    let answers: Vec<Vec<u32>> = std::thread::scope(|threads| {
        let workers: Vec<_> = (0..8_u32)
            .map(|worker| {
                let open = &open;
                threads.spawn(move || {
                    let mut answers = vec![0; KEYS as usize];
                    for step in 0..KEYS {
                        // Each in an order of its own, so that all are new to somebody.
                        let number = (step * 7 + worker * 75) % KEYS;
                        let id = open.assigner.assign(ORDERS, &key(number)).unwrap();
                        answers[number as usize] = id.value();
                    }
                    answers
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .collect()
    });
    for other in &answers[1..] {
        assert_eq!(*other, answers[0]);
    }
    let distinct: HashSet<u32> = answers[0].iter().copied().collect();
    assert_eq!(distinct.len(), KEYS as usize);
    assert_eq!(open.wal.next_lsn(), Lsn::new(u64::from(KEYS) + 2));
}

/// What was set aside and not used is not handed out again either: somebody may have seen it.
#[test]
fn after_a_crash_keys_keep_their_surrogates_and_new_ones_are_beyond_every_run() {
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(&directory);
    let before: Vec<u32> = (0..1_100).map(|n| open.assign(&format!("k{n}"))).collect();
    let run = open.registry().allocate(TENANT, DATABASE, 10).unwrap();
    assert_eq!((run.first.value(), run.last.value()), (2_049, 2_058));
    drop(open);
    let open = Open::new(&directory);
    let after: Vec<u32> = (0..1_100).map(|n| open.assign(&format!("k{n}"))).collect();
    assert_eq!(after, before);
    assert_eq!(open.assign("new"), 2_059);
    let highest = open.registry().high_watermark(TENANT, DATABASE).unwrap();
    assert_eq!(highest, Some(Surrogate::new(2_058 + 1_024)));
}

#[test]
fn a_database_without_ids_left_says_so_and_the_others_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(&directory);
    let alloc = SurrogateAlloc {
        collection: None,
        first: 1,
        count: u32::MAX - 2,
    };
    let vshard = VshardId::new(0);
    open.wal
        .append_surrogate_alloc(TENANT, vshard, DATABASE, &alloc)
        .unwrap();
    open.wal.sync().unwrap();
    open.catalog.fold(&*open.wal).unwrap();
    assert_eq!(
        (open.assign("a"), open.assign("b")),
        (u32::MAX - 1, u32::MAX)
    );
    let is_exhausted = |error: Error| {
        matches!(error, Error::SurrogatesExhausted { tenant, database }
            if (tenant, database) == (TENANT, DATABASE))
    };
    assert!(is_exhausted(
        open.assigner.assign(ORDERS, b"c").unwrap_err()
    ));
    assert!(is_exhausted(
        open.registry().allocate(TENANT, DATABASE, 1).unwrap_err()
    ));
    assert_eq!(
        (open.assign("a"), open.assign("b")),
        (u32::MAX - 1, u32::MAX)
    );
    let elsewhere = Collection::new(TENANT, DatabaseId::new(2), "orders");
    assert_eq!(
        open.assigner.assign(elsewhere, b"c").unwrap(),
        Surrogate::FIRST
    );
}

#[test]
fn a_key_that_is_refused_is_bound_to_nothing_and_costs_no_id() {
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(&directory);
    assert_eq!(open.assign("a"), 1);
    let too_large = vec![0; 2 << 20];
    for _ in 0..3 {
        let error = open.assigner.assign(ORDERS, &too_large).unwrap_err();
        assert!(
            matches!(error, Error::Log(nodedb_wal::Error::TooLarge { .. })),
            "{error:?}"
        );
    }
    assert_eq!(open.assigner.find(ORDERS, &too_large).unwrap(), None);
    assert_eq!(open.assign("b"), 2);
    let error = open.assigner.assign_many(ORDERS, [&b"c"[..], &too_large]);
    assert!(error.is_err());
    assert_eq!((open.assign("c"), open.assign("d")), (3, 4));
}

/// Lesson 41: a poll every 200 ms decided when anything was freed. Here the last of 16,384 bindings
/// wakes the thread, and a few are folded after a while without anybody asking.
#[test]
fn bindings_leave_memory_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(&directory);
    let wait_until_folded = || {
        while open.assigner.status().unfolded > 0 {
            assert!(!open.assigner.status().is_stopped);
            std::thread::yield_now();
        }
    };
    open.assign("a");
    wait_until_folded();
    assert_eq!(open.assigner.status().folds, 1);
    let keys: Vec<Vec<u8>> = (0..3_000).map(key).collect();
    let keys = keys.iter().map(Vec::as_slice);
    let many = open.assigner.assign_many(ORDERS, keys.clone()).unwrap();
    wait_until_folded();
    assert_eq!(open.catalog.applied(), open.wal.durable_lsn());
    assert_eq!(open.assigner.assign_many(ORDERS, keys).unwrap(), many);
}

/// Lesson 16: a background thread died and nobody noticed.
#[test]
fn when_folding_stops_whoever_assigns_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let open = Open::new(&directory);
    // No catalog can take this in.
    let undecodable = &[1, 2, 3][..];
    open.wal
        .append_surrogate_bind(TENANT, NO_VSHARD, DATABASE, undecodable)
        .unwrap();
    open.assign("a");
    while !open.assigner.status().is_stopped {
        std::thread::yield_now();
    }
    let error = open.assigner.assign(ORDERS, b"b").unwrap_err();
    let Error::FoldStopped {
        source: Some(cause),
    } = error
    else {
        panic!("{error:?}");
    };
    assert!(matches!(*cause, Error::UndecodableControl { lsn, .. } if lsn == Lsn::FIRST));
    assert!(open.assigner.assign_many(ORDERS, [&b"b"[..]]).is_err());
    assert!(open.assigner.status().cause.is_some());
    // What was acknowledged is still there to be read.
    assert_eq!(
        open.assigner.find(ORDERS, b"a").unwrap(),
        Some(Surrogate::FIRST)
    );
}
