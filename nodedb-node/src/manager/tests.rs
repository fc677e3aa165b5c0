//! Appends of every kind, on a log in a temporary directory.

use nodedb_wal::payload::*;
use nodedb_wal::{
    CollectionTag, DatabaseId, Epoch, ErrorClass, Lsn, ReadOptions, Record, RecordKind, Scope,
    TenantId, Timestamp, VshardId,
};

use super::{Batch, WalManager};
use crate::{Error, NodeConfig};

const TENANT: TenantId = TenantId::new(7);
const VSHARD: VshardId = VshardId::new(3);
const DATABASE: DatabaseId = DatabaseId::new(1);
const SCOPE: Scope = Scope::new(TENANT, DATABASE, VSHARD);

/// What a test wants to know of a stored record.
#[derive(Debug, PartialEq)]
struct Stored {
    lsn: Lsn,
    kind: RecordKind,
    scope: Scope,
    collection: CollectionTag,
    epoch: Epoch,
    opaque: bool,
    payload: Vec<u8>,
}

/// A manager whose directory goes with it.
struct Fixture {
    directory: tempfile::TempDir,
    wal: WalManager,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let wal = Self::open(&directory).expect("a new log");
        Self { directory, wal }
    }

    fn open(directory: &tempfile::TempDir) -> crate::Result<WalManager> {
        let config = NodeConfig::new(directory.path());
        WalManager::open(config.with_log(|log| log.segment_bytes(1 << 20)))
    }

    /// Everything that survives a crash right after a sync.
    fn after_sync(self) -> Vec<Stored> {
        self.wal.sync().expect("a sync");
        drop(self.wal);
        let wal = Self::open(&self.directory).expect("the log opens again");
        let mut records = wal.read(ReadOptions::all()).expect("it can be read");
        let mut found = Vec::new();
        while let Some(record) = records.next().expect("it is whole") {
            let header = record.header;
            found.push(Stored {
                lsn: header.lsn,
                kind: header.kind.known().expect("a known kind"),
                scope: header.scope,
                collection: header.collection,
                epoch: header.epoch,
                opaque: header
                    .flags
                    .contains(nodedb_wal::types::RecordFlags::OPAQUE),
                payload: record.payload.to_vec(),
            });
        }
        found
    }
}

fn put(collection: &str) -> Put {
    Put {
        collection: collection.into(),
        key: b"4711".to_vec(),
        value: vec![0; 40],
    }
}

/// Appends by name, and the payloads they must have stored.
macro_rules! append {
    ($wal:ident, $appended:ident; $($name:ident($payload:expr);)+) => {
        $({
            let payload = $payload;
            $wal.$name(TENANT, VSHARD, DATABASE, &payload).expect(stringify!($name));
            $appended.push(AnyPayload::from(payload));
        })+
    };
}

/// One append of each kind.
fn append_every_kind(wal: &WalManager) -> Vec<AnyPayload> {
    let mut appended = append_rows(wal);
    append_control(wal, &mut appended);
    appended
}

fn append_rows(wal: &WalManager) -> Vec<AnyPayload> {
    let mut appended = Vec::new();
    let (collection, array) = (|| "c".to_owned(), || "a".to_owned());
    let (key, lsn) = (|| b"k".to_vec(), Lsn::new(1));
    append! { wal, appended;
        append_noop(Noop);
        append_put(put("c"));
        append_delete(Delete { collection: collection(), key: key() });
        append_vector_put(VectorPut { collection: collection(), id: key(), vector: vec![1.0] });
        append_vector_delete(VectorDelete { collection: collection(), id: key() });
        append_vector_params(VectorParams {
            collection: collection(), dimension: 1, metric: VectorMetric::L2, m: 16,
            ef_construction: 200, ef_search: 64,
        });
        append_crdt_delta(CrdtDelta {
            collection: collection(), document: "d".into(), peer: 1, delta: key(),
        });
        append_timeseries_batch(TimeseriesBatch {
            collection: collection(), series: "s".into(), timestamps_ns: vec![1], values: vec![2.0],
        });
        append_log_batch(LogBatch {
            collection: collection(),
            lines: vec![LogLine { timestamp: Timestamp::from_nanos(1), text: "line".into() }],
        });
        append_array_put(ArrayPut {
            collection: collection(), array: array(), system_from_ms: 1, cells: vec![],
        });
        append_array_delete(ArrayDelete {
            collection: collection(), array: array(), system_from_ms: 1, valid_from_ms: 2,
            valid_until_ms: 3, coordinates: vec![vec![1, 2]],
        });
        append_array_flush(ArrayFlush { collection: collection(), array: array(), watermark: lsn });
        append_transaction(Transaction {
            operations: vec![Operation::new(&put("c")).expect("it can be encoded")],
        });
        append_surrogate_alloc(SurrogateAlloc { collection: None, first: 1, count: 1_024 });
        append_surrogate_bind(SurrogateBind {
            collection: collection(), surrogate: 1, primary_key: key(),
        });
        append_commit_offsets(CommitOffsets {
            source: "s".into(), offsets: vec![PartitionOffset { partition: 1, offset: 2 }],
            watermark: None,
        });
    }
    appended
}

fn append_control(wal: &WalManager, appended: &mut Vec<AnyPayload>) {
    let (collection, lsn) = (|| "c".to_owned(), Lsn::new(1));
    append! { wal, appended;
        append_epoch_barrier(EpochBarrier { epoch: Epoch::new(4), core: 0 });
        append_write_aborted(WriteAborted { lsn, reason: "test".into() });
        append_consumer_added(consumer(lsn));
        append_consumer_dropped(ConsumerDropped { name: "c".into(), acknowledged: lsn, over: None });
        append_consumer_cursors(ConsumerCursors { cursors: vec![] });
        append_checkpoint(Checkpoint { engine: "kv".into(), lsn });
        append_collection_tombstone(CollectionTombstoned { collection: collection(), purge_lsn: lsn });
        append_time_anchor(TimeAnchor { wall_clock: Timestamp::from_nanos(1) });
        append_temporal_purge(TemporalPurge {
            collection: collection(), engine: "array".into(), cutoff: Timestamp::from_nanos(1),
            purged: 2,
        });
        append_hold(Hold { name: "archive".into(), needs: None });
        append_audit_seal(AuditSeal { through: lsn, entries: 1, digest: vec![7; 32] });
        append_calvin_applied(CalvinApplied {
            epoch: Epoch::new(9), position: 1, vshard: VSHARD, records: 2, digest: 3,
        });
        append_calvin_seal(CalvinSeal {
            epoch: Epoch::new(9), vshard: VSHARD, transactions: 1, records: 2, digest: 3,
        });
    }
}

fn consumer(from: Lsn) -> ConsumerAdded {
    ConsumerAdded {
        name: "c".into(),
        partitions: 1,
        from,
        kinds: vec![],
        tenant: None,
        database: None,
        vshard: None,
        collection: None,
        records_max: None,
        bytes_max: None,
        seconds_max: None,
        when_over: WhenOver::Report,
    }
}

#[test]
fn a_manager_can_be_shared_by_threads() {
    fn shareable<T: Send + Sync + 'static>() {}
    shareable::<WalManager>();
    shareable::<Batch>();
}

#[test]
fn each_kind_is_stored_as_it_was_appended() {
    let fixture = Fixture::new();
    let appended = append_every_kind(&fixture.wal);
    let stored = fixture.after_sync();
    assert_eq!(stored.len(), appended.len());
    let kinds: Vec<RecordKind> = stored.iter().map(|record| record.kind).collect();
    assert_eq!(kinds, RecordKind::ALL, "a kind has no append of its own");
    for (number, (record, payload)) in (1..).zip(stored.iter().zip(&appended)) {
        let decoded = AnyPayload::decode(record.kind, &record.payload).expect("its own bytes");
        assert_eq!(&decoded, payload);
        assert_eq!((record.lsn, record.scope), (Lsn::new(number), SCOPE));
        let tag = payload
            .collection()
            .map_or(CollectionTag::NONE, CollectionTag::of);
        assert_eq!(record.collection, tag, "{payload}");
        assert!(!record.opaque);
        let epoch = match payload {
            AnyPayload::CalvinApplied(applied) => applied.epoch,
            AnyPayload::CalvinSeal(seal) => seal.epoch,
            AnyPayload::EpochBarrier(barrier) => barrier.epoch,
            _ => Epoch::NONE,
        };
        assert_eq!(record.epoch, epoch, "{payload}");
    }
}

#[test]
fn raw_bytes_are_stored_as_they_are_and_marked() {
    let fixture = Fixture::new();
    let bytes: &[u8] = &[0xff, 0, 1];
    fixture
        .wal
        .append_put(TENANT, VSHARD, DATABASE, bytes)
        .expect("an append");
    let record = Record::raw(RecordKind::Delete, SCOPE, bytes);
    fixture.wal.append_record(&record).expect("an append");
    let stored = fixture.after_sync();
    assert_eq!(stored.len(), 2);
    for (record, kind) in stored.iter().zip([RecordKind::Put, RecordKind::Delete]) {
        assert_eq!((record.kind, record.opaque), (kind, true));
        assert_eq!(record.payload, bytes);
        assert_eq!(record.collection, CollectionTag::NONE);
    }
}

#[test]
fn records_of_an_epoch_carry_it_and_no_other() {
    let fixture = Fixture::new();
    let epoch = Epoch::new(9);
    let handle = fixture.wal.in_epoch(epoch);
    handle
        .append_put(TENANT, VSHARD, DATABASE, &put("c"))
        .expect("an append");
    handle
        .append_put(TENANT, VSHARD, DATABASE, [1_u8].as_slice())
        .expect("an append");
    let mut applied = CalvinApplied {
        epoch,
        position: 0,
        vshard: VSHARD,
        records: 1,
        digest: 2,
    };
    handle
        .append_calvin_applied(TENANT, VSHARD, DATABASE, &applied)
        .expect("an append");
    applied.epoch = Epoch::new(10);
    let error = handle
        .append_calvin_applied(TENANT, VSHARD, DATABASE, &applied)
        .expect_err("it belongs to another epoch");
    assert!(matches!(error, Error::EpochMismatch { .. }), "{error:?}");
    assert_eq!(fixture.wal.next_lsn(), Lsn::new(4), "a refusal took an LSN");
    assert!(
        fixture
            .after_sync()
            .iter()
            .all(|record| record.epoch == epoch)
    );
}

#[test]
fn a_payload_that_breaks_a_rule_takes_no_lsn() {
    let fixture = Fixture::new();
    let batch = TimeseriesBatch {
        collection: "c".into(),
        series: "s".into(),
        timestamps_ns: vec![1],
        values: vec![],
    };
    let error = fixture
        .wal
        .append_timeseries_batch(TENANT, VSHARD, DATABASE, &batch)
        .expect_err("a value is missing");
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(!error.is_retryable());
    assert_eq!(fixture.wal.next_lsn(), Lsn::FIRST);
    assert!(fixture.after_sync().is_empty());
}

#[test]
fn a_batch_is_stored_in_order_and_can_be_used_again() {
    let fixture = Fixture::new();
    let epoch = Epoch::new(2);
    let mut batch = Batch::in_epoch(epoch);
    let other = DatabaseId::new(2);
    batch
        .push(TENANT, VSHARD, DATABASE, &put("orders"))
        .expect("a push");
    batch
        .push::<Delete>(TENANT, VSHARD, other, [1_u8].as_slice())
        .expect("a push");
    let barrier = EpochBarrier {
        epoch: Epoch::new(3),
        core: 0,
    };
    batch
        .push(TENANT, VSHARD, DATABASE, &barrier)
        .expect_err("it belongs to another epoch");
    assert_eq!(batch.len(), 2, "a refusal left something in the batch");

    let lsns = fixture.wal.append_batch(&batch).expect("an append");
    assert_eq!((lsns.first, lsns.last), (Lsn::new(1), Lsn::new(2)));
    batch.clear();
    assert!(batch.is_empty());
    fixture
        .wal
        .append_batch(&batch)
        .expect_err("it has no record");
    batch
        .push(TENANT, VSHARD, DATABASE, &put("items"))
        .expect("a push");
    fixture.wal.append_batch(&batch).expect("an append");

    let stored = fixture.after_sync();
    let names = [
        CollectionTag::of("orders"),
        CollectionTag::NONE,
        CollectionTag::of("items"),
    ];
    let tags: Vec<CollectionTag> = stored.iter().map(|record| record.collection).collect();
    assert_eq!(tags, names);
    assert!(stored.iter().all(|record| record.epoch == epoch));
    assert_eq!(stored[1].scope.database, other);
    assert_eq!(stored[1].payload, [1]);
}

#[test]
fn the_manager_tells_what_the_log_tells() {
    let fixture = Fixture::new();
    let wal = &fixture.wal;
    assert_eq!(wal.recovery().last_lsn, Lsn::ZERO);
    assert_eq!(wal.directory(), fixture.directory.path());
    let lsn = wal
        .append_put(TENANT, VSHARD, DATABASE, &put("c"))
        .expect("an append");
    assert_eq!(wal.commit(lsn).expect("a commit").lsn(), lsn);
    assert_eq!((wal.durable_lsn(), wal.next_lsn()), (lsn, lsn.next()));
    assert_eq!(wal.stats().records, 1);
    wal.rotate().expect("a new segment");
    let segments = wal.list_segments().expect("a list");
    assert_eq!(segments.len(), 2);
    let bytes: u64 = segments.iter().map(|segment| segment.file_bytes).sum();
    assert_eq!(wal.total_size_bytes(), bytes);
    assert_eq!(wal.start_lsn(), lsn);
    wal.truncate_before(lsn.next()).expect("a truncation");
    assert_eq!(wal.start_lsn(), lsn.next());
    fixture.wal.close().expect("it closes");
}

#[test]
fn threads_that_append_at_once_get_lsns_of_their_own() {
    let fixture = Fixture::new();
    std::thread::scope(|threads| {
        for vshard in 0..4 {
            let wal = &fixture.wal;
            threads.spawn(move || {
                for _ in 0..50 {
                    let lsn = wal
                        .append_put(TENANT, VshardId::new(vshard), DATABASE, &put("c"))
                        .expect("an append");
                    wal.commit(lsn).expect("a commit");
                }
            });
        }
    });
    let stored = fixture.after_sync();
    let lsns: Vec<u64> = stored.iter().map(|record| record.lsn.value()).collect();
    assert_eq!(lsns, (1..=200).collect::<Vec<_>>());
}
