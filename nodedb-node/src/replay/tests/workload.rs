//! Seeded logs of every kind of data, with tombstones, aborts, flushes, checkpoints and
//! transactions among it; and what must be left of one, told by the plainest means.

use fastrand::Rng;
use nodedb_wal::payload::{
    AnyPayload, ArrayCell, ArrayDelete, ArrayFlush, ArrayPut, Checkpoint, CollectionTombstoned,
    CrdtDelta, Delete, LogBatch, LogLine, Noop, Operation, Put, TimeseriesBatch, Transaction,
    VectorDelete, VectorMetric, VectorParams, VectorPut, WriteAborted,
};
use nodedb_wal::types::{
    CollectionTag, DatabaseId, Epoch, Lsn, Record, Scope, TenantId, Timestamp, VshardId,
};
use nodedb_wal::{Log, ReadOptions, RecordView};

use crate::replay::sinks::MemorySinks;
use crate::replay::{EngineFamily, ReplayRecord, ReplaySink, ReplaySource, ReplayTransaction};

/// Vshards of the workload. A key is always written on the same one.
pub(super) const VSHARDS: u32 = 7;
/// Collections of every database. The last two have the same tag.
const COLLECTIONS: [&str; 4] = ["orders", "items", "costarring", "liquid"];

/// Appends `records` records, begins a segment now and then, and makes everything durable.
pub(super) fn fill(log: &Log, seed: u64, records: u64) {
    let mut rng = Rng::with_seed(seed);
    for _ in 0..records {
        let vshard = rng.u32(..VSHARDS);
        let scope = Scope::new(
            TenantId::new(rng.u64(1..3)),
            DatabaseId::new(rng.u64(1..3)),
            VshardId::new(vshard),
        );
        let payload = match rng.u32(..100) {
            0..70 => data(&mut rng, vshard),
            70..85 => transaction(&mut rng, vshard),
            _ => control(&mut rng, log.next_lsn()),
        };
        let mut bytes = Vec::new();
        payload.encode(&mut bytes).unwrap();
        let tag = payload
            .collection()
            .map_or(CollectionTag::NONE, CollectionTag::of);
        log.append(&Record::typed(payload.kind(), scope, tag, &bytes))
            .unwrap();
        if rng.u32(..60) == 0 {
            log.rotate().unwrap();
        }
    }
    log.sync().unwrap();
}

fn collection(rng: &mut Rng) -> String {
    COLLECTIONS[rng.usize(..COLLECTIONS.len())].to_owned()
}

fn data(rng: &mut Rng, vshard: u32) -> AnyPayload {
    let collection = collection(rng);
    let number = rng.u32(..20) * VSHARDS + vshard;
    let key = number.to_le_bytes().to_vec();
    let name = number.to_string();
    let along = rng.i64(..3);
    let value = vec![rng.u8(..); rng.usize(..60)];
    match rng.u32(..11) {
        0..2 => Put {
            collection,
            key,
            value,
        }
        .into(),
        2 => Delete { collection, key }.into(),
        3 => VectorPut {
            collection,
            id: key,
            vector: vec![rng.f32(), f32::NAN],
        }
        .into(),
        4 => VectorDelete {
            collection,
            id: key,
        }
        .into(),
        5 => VectorParams {
            collection,
            dimension: rng.u32(1..9),
            metric: VectorMetric::L2,
            m: 16,
            ef_construction: 200,
            ef_search: 64,
        }
        .into(),
        6 => CrdtDelta {
            collection,
            document: name,
            peer: rng.u64(..),
            delta: value,
        }
        .into(),
        7 => TimeseriesBatch {
            collection,
            series: name,
            timestamps_ns: vec![rng.i64(..)],
            values: vec![rng.f64()],
        }
        .into(),
        8 => LogBatch {
            collection,
            lines: vec![LogLine {
                timestamp: Timestamp::from_nanos(1),
                text: name,
            }],
        }
        .into(),
        _ => cells(rng, collection, vec![i64::from(number), along], value),
    }
}

fn cells(rng: &mut Rng, collection: String, cell: Vec<i64>, attributes: Vec<u8>) -> AnyPayload {
    let (array, valid_until_ms) = (format!("a{}", rng.u32(..2)), rng.i64(1..9));
    if rng.bool() {
        let coordinates = vec![cell];
        return ArrayDelete {
            collection,
            array,
            system_from_ms: 1,
            valid_from_ms: 0,
            valid_until_ms,
            coordinates,
        }
        .into();
    }
    let cell = ArrayCell {
        coordinates: cell,
        valid_from_ms: 0,
        valid_until_ms,
        attributes,
    };
    ArrayPut {
        collection,
        array,
        system_from_ms: 1,
        cells: vec![cell],
    }
    .into()
}

fn transaction(rng: &mut Rng, vshard: u32) -> AnyPayload {
    let operation = |rng: &mut Rng| {
        let payload = data(rng, vshard);
        let mut bytes = Vec::new();
        payload.encode(&mut bytes).unwrap();
        Operation {
            kind: payload.kind().code(),
            collection: payload.collection().map(str::to_owned),
            payload: bytes,
        }
    };
    let operations = (0..rng.usize(..5)).map(|_| operation(rng)).collect();
    Transaction { operations }.into()
}

fn control(rng: &mut Rng, next: Lsn) -> AnyPayload {
    let some_lsn = Lsn::new(rng.u64(1..=next.value()));
    match rng.u32(..5) {
        0 => CollectionTombstoned {
            collection: collection(rng),
            purge_lsn: some_lsn,
        }
        .into(),
        1 => WriteAborted {
            lsn: some_lsn,
            reason: "test".to_owned(),
        }
        .into(),
        2 => ArrayFlush {
            collection: collection(rng),
            array: format!("a{}", rng.u32(..2)),
            watermark: some_lsn,
        }
        .into(),
        3 => Checkpoint {
            engine: EngineFamily::ALL[rng.usize(..5)].name().to_owned(),
            lsn: some_lsn,
        }
        .into(),
        _ => Noop.into(),
    }
}

/// A record as it was read, whole.
struct Stored {
    header: nodedb_wal::format::RecordHeader,
    bytes: Vec<u8>,
    payload: AnyPayload,
}

/// What must be left of a log, and how many records of it are applied: every record is decoded and
/// held against every other.
pub(super) fn expected(source: &dyn ReplaySource) -> (MemorySinks, u64) {
    let all = read_all(source);
    let (mut sinks, mut applied) = (MemorySinks::default(), 0);
    for stored in &all {
        if let AnyPayload::Transaction(transaction) = &stored.payload {
            applied += u64::from(apply_transaction(&mut sinks, &all, stored, transaction));
        } else if stored.payload.kind().is_control() || is_visible(&all, stored, &stored.payload) {
            applied += 1;
            let record = ReplayRecord::new(&stored.header, &stored.bytes);
            sinks.apply(&record).unwrap();
        }
    }
    (sinks, applied)
}

/// Whether any of the transaction was applied.
fn apply_transaction(
    sinks: &mut MemorySinks,
    all: &[Stored],
    stored: &Stored,
    transaction: &Transaction,
) -> bool {
    let mut headers = Vec::new();
    for operation in &transaction.operations {
        let payload = operation.decode().unwrap().unwrap();
        if is_visible(all, stored, &payload) {
            let header = nodedb_wal::format::RecordHeader {
                kind: operation.kind,
                ..stored.header
            };
            headers.push((header, &operation.payload));
        }
    }
    let is_aborted = is_aborted(all, stored.header.lsn);
    if is_aborted || (headers.is_empty() && !transaction.operations.is_empty()) {
        return false;
    }
    let operations: Vec<_> = headers
        .iter()
        .map(|(header, bytes)| ReplayRecord::new(header, bytes))
        .collect();
    let transaction = ReplayTransaction::new(&stored.header, &operations);
    sinks.apply_transaction(&transaction).unwrap();
    true
}

fn read_all(source: &dyn ReplaySource) -> Vec<Stored> {
    let mut records = source.read(ReadOptions::all()).unwrap();
    let mut all = Vec::new();
    while let Some(RecordView {
        header, payload, ..
    }) = records.next().unwrap()
    {
        assert_eq!(header.epoch, Epoch::NONE);
        let kind = header.kind.known().unwrap();
        all.push(Stored {
            header,
            bytes: payload.to_vec(),
            payload: AnyPayload::decode(kind, payload).unwrap(),
        });
    }
    all
}

fn is_aborted(all: &[Stored], lsn: Lsn) -> bool {
    all.iter()
        .any(|other| matches!(&other.payload, AnyPayload::WriteAborted(p) if p.lsn == lsn))
}

/// Whether nothing in the log says that this part of `stored` is to be withheld.
fn is_visible(all: &[Stored], stored: &Stored, payload: &AnyPayload) -> bool {
    let (scope, lsn) = (stored.header.scope, stored.header.lsn);
    let array = match payload {
        AnyPayload::ArrayPut(p) => Some(&p.array),
        AnyPayload::ArrayDelete(p) => Some(&p.array),
        _ => None,
    };
    let hides = |other: &Stored| {
        let theirs = other.header.scope;
        let is_here = (theirs.tenant, theirs.database) == (scope.tenant, scope.database);
        match &other.payload {
            AnyPayload::CollectionTombstoned(p) => {
                is_here && payload.collection() == Some(p.collection.as_str()) && lsn < p.purge_lsn
            }
            AnyPayload::ArrayFlush(p) => {
                is_here
                    && payload.collection() == Some(p.collection.as_str())
                    && array == Some(&p.array)
                    && lsn <= p.watermark
            }
            _ => false,
        }
    };
    !is_aborted(all, lsn) && !all.iter().any(hides)
}
