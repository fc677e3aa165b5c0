//! Catalogs of real logs in temporary directories.

use nodedb_wal::payload::{
    ArrayFlush, CalvinApplied, CalvinSeal, Checkpoint, CollectionTombstoned, CommitOffsets, Hold,
    PartitionOffset, SurrogateAlloc, SurrogateBind, WriteAborted,
};
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, TenantId, Timestamp, VshardId};
use nodedb_wal::{Config, ReadOptions};
use tempfile::TempDir;

use super::Catalog;
use crate::control::{ControlRecord, ControlState};
use crate::{Error, NodeConfig, WalManager};

const TENANT: TenantId = TenantId::new(7);
const VSHARD: VshardId = VshardId::new(3);
const DATABASE: DatabaseId = DatabaseId::new(1);

struct Fixture {
    directory: TempDir,
    wal: WalManager,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let wal = open(&directory);
        Self { directory, wal }
    }

    fn catalog(&self) -> Catalog {
        let catalog = Catalog::open(self.directory.path().join("catalog.redb")).unwrap();
        catalog.attach(self.wal.log_id(), &self.wal).unwrap();
        catalog
    }

    /// Appends one control record of every kind that has a say, and makes them durable.
    fn append_control(&self, number: u64) {
        let (t, v, d) = (TENANT, VSHARD, DATABASE);
        let wal = &self.wal;
        let collection = || format!("c{number}");
        let epoch = Epoch::new(number);
        let lsn = Lsn::new(number);
        let dropped = CollectionTombstoned {
            collection: collection(),
            purge_lsn: lsn,
        };
        wal.append_collection_tombstone(t, v, d, &dropped).unwrap();
        let reason = "test".to_owned();
        wal.append_write_aborted(t, v, d, &WriteAborted { lsn, reason })
            .unwrap();
        let flush = ArrayFlush {
            collection: collection(),
            array: "a".to_owned(),
            watermark: lsn,
        };
        wal.append_array_flush(t, v, d, &flush).unwrap();
        let engine = "kv".to_owned();
        wal.append_checkpoint(t, v, d, &Checkpoint { engine, lsn })
            .unwrap();
        let hold = Hold {
            name: collection(),
            needs: Some(lsn),
        };
        wal.append_hold(t, v, d, &hold).unwrap();
        let offsets = CommitOffsets {
            source: "s".to_owned(),
            offsets: vec![PartitionOffset {
                partition: 1,
                offset: number,
            }],
            watermark: Some(Timestamp::from_nanos(5)),
        };
        wal.append_commit_offsets(t, v, d, &offsets).unwrap();
        for position in 0..3 {
            let applied = CalvinApplied {
                epoch,
                position,
                vshard: v,
                records: 2,
                digest: number,
            };
            wal.append_calvin_applied(t, v, d, &applied).unwrap();
        }
        let seal = CalvinSeal {
            epoch: Epoch::new(number - 1),
            vshard: v,
            transactions: 3,
            records: 3,
            digest: 4,
        };
        wal.append_calvin_seal(t, v, d, &seal).unwrap();
        wal.sync().unwrap();
    }

    /// What the log itself says.
    fn expected(&self) -> ControlState {
        let mut state = ControlState::default();
        let mut records = self.wal.read(ReadOptions::all()).unwrap();
        while let Some(record) = records.next().unwrap() {
            if let Some(record) = ControlRecord::decode(&record.header, record.payload).unwrap() {
                state.apply(&record);
            }
        }
        state
    }
}

fn open(directory: &TempDir) -> WalManager {
    let config = Config::new(directory.path()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    WalManager::open(NodeConfig::from(config)).unwrap()
}

#[test]
fn folding_takes_in_what_is_new_and_only_that() {
    let fixture = Fixture::new();
    let catalog = fixture.catalog();
    fixture.append_control(1);
    let first = catalog.fold(&fixture.wal).unwrap();
    assert_eq!((first.records, catalog.applied()), (10, Lsn::new(10)));
    fixture.wal.rotate().unwrap();
    fixture.append_control(2);
    let second = catalog.fold(&fixture.wal).unwrap();
    assert_eq!((second.records, catalog.applied()), (10, Lsn::new(20)));
    assert_eq!(catalog.fold(&fixture.wal).unwrap().records, 0);
    assert_eq!(catalog.control_state().unwrap(), fixture.expected());
}

#[test]
fn what_was_folded_is_there_after_the_catalog_was_opened_again() {
    let fixture = Fixture::new();
    let catalog = fixture.catalog();
    fixture.append_control(1);
    fixture.append_control(2);
    catalog.fold(&fixture.wal).unwrap();
    drop(catalog);
    let catalog = fixture.catalog();
    assert_eq!(catalog.applied(), Lsn::new(20));
    assert_eq!(catalog.control_state().unwrap(), fixture.expected());
}

#[test]
fn a_lost_catalog_is_made_again_from_a_log_that_has_its_beginning() {
    let fixture = Fixture::new();
    let catalog = fixture.catalog();
    fixture.append_control(1);
    catalog.fold(&fixture.wal).unwrap();
    let before = catalog.control_state().unwrap();
    let path = catalog.path().to_owned();
    drop(catalog);
    std::fs::remove_file(path).unwrap();
    let catalog = fixture.catalog();
    catalog.fold(&fixture.wal).unwrap();
    assert_eq!(catalog.control_state().unwrap(), before);
}

/// A catalog that was lost after old segments went cannot be made again: what they said of dropped
/// collections, holds and surrogates is gone. It is refused, not silently empty.
#[test]
fn a_catalog_that_cannot_be_made_again_is_refused() {
    let fixture = Fixture::new();
    let catalog = fixture.catalog();
    fixture.append_control(1);
    catalog.fold(&fixture.wal).unwrap();
    let path = catalog.path().to_owned();
    let old_copy = fixture.directory.path().join("old.redb");
    drop(catalog);
    std::fs::copy(&path, &old_copy).unwrap();
    fixture.wal.rotate().unwrap();
    fixture.append_control(2);
    fixture.wal.rotate().unwrap();
    fixture.append_control(3);
    let catalog = fixture.catalog();
    catalog.fold(&fixture.wal).unwrap();
    drop(catalog);
    fixture.wal.truncate_before(Lsn::new(21)).unwrap();
    let attach = |path: &std::path::Path| {
        let catalog = Catalog::open(path).unwrap();
        catalog.attach(fixture.wal.log_id(), &fixture.wal)
    };
    attach(&path).unwrap();
    assert!(matches!(
        attach(&old_copy),
        Err(Error::CatalogBehind { applied, start, .. })
            if (applied, start) == (Lsn::new(10), Lsn::new(21))
    ));
    assert!(matches!(
        attach(&fixture.directory.path().join("new.redb")),
        Err(Error::CatalogMissing { start, .. }) if start == Lsn::new(21)
    ));
}

/// A crash while the catalog was being made left a file with a length and nothing in it, and the
/// node would not start again.
#[test]
fn a_catalog_that_was_never_finished_is_made_again_and_other_files_are_left_alone() {
    let fixture = Fixture::new();
    fixture.append_control(1);
    let path = fixture.directory.path().join("catalog.redb");
    for len in [1, 9, 320, 1 << 20] {
        std::fs::write(&path, vec![0; len]).unwrap();
        let catalog = fixture.catalog();
        catalog.fold(&fixture.wal).unwrap();
        assert_eq!(catalog.control_state().unwrap(), fixture.expected());
        drop(catalog);
    }
    for bytes in [&b"a letter to somebody, which is no catalog"[..], b"redb"] {
        std::fs::write(&path, bytes).unwrap();
        let opened = Catalog::open(&path);
        assert!(matches!(opened, Err(Error::CatalogDamaged { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn the_catalog_of_another_log_and_a_newer_one_are_refused() {
    let (fixture, other) = (Fixture::new(), Fixture::new());
    let catalog = fixture.catalog();
    fixture.append_control(1);
    catalog.fold(&fixture.wal).unwrap();
    assert!(matches!(
        catalog.attach(other.wal.log_id(), &other.wal),
        Err(Error::CatalogForeign { .. })
    ));
    assert!(matches!(
        catalog.attach(fixture.wal.log_id(), &other.wal),
        Err(Error::CatalogAhead { applied, last, .. })
            if (applied, last) == (Lsn::new(10), Lsn::ZERO)
    ));
}

/// Lesson 22: undecodable control records were logged and skipped.
#[test]
fn an_undecodable_control_record_stops_the_fold_behind_what_came_before() {
    let fixture = Fixture::new();
    let catalog = fixture.catalog();
    fixture.append_control(1);
    fixture
        .wal
        .append_write_aborted(TENANT, VSHARD, DATABASE, &[1, 2, 3][..])
        .unwrap();
    fixture.append_control(2);
    let error = catalog.fold(&fixture.wal).unwrap_err();
    assert!(matches!(error, Error::UndecodableControl { lsn, .. } if lsn == Lsn::new(11)));
    assert_eq!(catalog.applied(), Lsn::new(10));
}

#[test]
fn of_two_bindings_of_one_key_the_first_stands_and_both_ids_are_used_up() {
    let fixture = Fixture::new();
    let catalog = fixture.catalog();
    let bind = |surrogate| SurrogateBind {
        collection: "orders".to_owned(),
        surrogate,
        primary_key: b"k".to_vec(),
    };
    let wal = &fixture.wal;
    for surrogate in [5, 9] {
        wal.append_surrogate_bind(TENANT, VSHARD, DATABASE, &bind(surrogate))
            .unwrap();
    }
    wal.sync().unwrap();
    catalog.fold(wal).unwrap();
    let hwm = || catalog.surrogate_high_watermark(TENANT, DATABASE).unwrap();
    assert_eq!(hwm(), Some(9));
    let found = catalog
        .surrogate_of(TENANT, DATABASE, "orders", b"k")
        .unwrap();
    assert_eq!(found, Some(5));
    let back = catalog.primary_key_of(TENANT, DATABASE, 5).unwrap();
    assert_eq!(back, Some(("orders".to_owned(), b"k".to_vec())));
    let other = catalog
        .surrogate_of(TENANT, DatabaseId::new(2), "orders", b"k")
        .unwrap();
    assert_eq!(other, None);
    let alloc = SurrogateAlloc {
        collection: None,
        first: 10,
        count: 1_024,
    };
    wal.append_surrogate_alloc(TENANT, VSHARD, DATABASE, &alloc)
        .unwrap();
    wal.sync().unwrap();
    catalog.fold(wal).unwrap();
    assert_eq!(hwm(), Some(1_033));
}

/// What is no catalog was told as a disk that fails, and nobody said what to do.
#[test]
fn a_file_that_is_no_catalog_is_told_as_damage() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("catalog.redb");
    std::fs::write(&path, [0x5a; 12_288]).unwrap();
    for opened in [Catalog::open(&path), Catalog::open_to_look(&path)] {
        let error = opened.unwrap_err();
        assert!(matches!(error, Error::CatalogDamaged { .. }), "{error:?}");
        assert_eq!(error.class(), nodedb_wal::ErrorClass::Corruption);
    }
    assert_eq!(std::fs::read(&path).unwrap(), [0x5a; 12_288]);
}

/// The file as it is on the disk while the catalog is open: what a crash leaves.
fn after_a_crash(fixture: &Fixture) -> Catalog {
    let path = fixture.directory.path().join("crashed.redb");
    std::fs::copy(fixture.directory.path().join("catalog.redb"), &path).unwrap();
    Catalog::open(path).unwrap()
}

#[test]
fn what_was_folded_for_now_is_folded_again_after_a_crash_and_nothing_goes_by_it() {
    let fixture = Fixture::new();
    let catalog = fixture.catalog();
    fixture.append_control(1);
    catalog.fold(&fixture.wal).unwrap();
    fixture.append_control(2);
    assert_eq!(catalog.fold_for_now(&fixture.wal).unwrap().records, 10);
    assert_eq!(
        (catalog.applied(), catalog.applied_for_good()),
        (Lsn::new(20), Lsn::new(10))
    );
    assert_eq!(catalog.control_state().unwrap(), fixture.expected());
    let crashed = after_a_crash(&fixture);
    assert_eq!(crashed.applied(), Lsn::new(10));
    crashed.attach(fixture.wal.log_id(), &fixture.wal).unwrap();
    assert_eq!(crashed.fold(&fixture.wal).unwrap().records, 10);
    assert_eq!(crashed.control_state().unwrap(), fixture.expected());
    drop(crashed);
    // There is nothing new, and yet something to be made to stay.
    assert_eq!(catalog.fold(&fixture.wal).unwrap().records, 0);
    assert_eq!(catalog.applied_for_good(), Lsn::new(20));
    assert_eq!(after_a_crash(&fixture).applied(), Lsn::new(20));
}

#[test]
fn what_is_folded_for_now_is_bounded() {
    let fixture = Fixture::new();
    let catalog = fixture.catalog();
    let mut batch = crate::Batch::new();
    for surrogate in 1..=250 {
        let bind = SurrogateBind {
            collection: "orders".to_owned(),
            surrogate,
            primary_key: vec![1],
        };
        batch.push(TENANT, VSHARD, DATABASE, &bind).unwrap();
    }
    for round in 1..=263 {
        let lsns = fixture.wal.append_batch(&batch).unwrap();
        fixture.wal.commit(lsns.last).unwrap();
        catalog.fold_for_now(&fixture.wal).unwrap();
        let is_kept = catalog.applied_for_good() > Lsn::ZERO;
        assert_eq!(is_kept, round == 263, "{round}");
        if round == 1 {
            assert_eq!(
                catalog
                    .surrogate_of(TENANT, DATABASE, "orders", &[1])
                    .unwrap(),
                Some(1)
            );
        }
    }
    assert_eq!(catalog.applied_for_good(), catalog.applied());
    // Of one key the first binding stands.
    let bound = catalog.surrogate_of(TENANT, DATABASE, "orders", &[1]);
    assert_eq!(bound.unwrap(), Some(1));
}
