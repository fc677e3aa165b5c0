//! What each sink in memory comes to, record by record.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::{
    AnyPayload, ArrayCell, ArrayDelete, ArrayFlush, ArrayPut, CollectionTombstoned, CrdtDelta,
    Delete, LogBatch, LogLine, Put, TimeseriesBatch, VectorDelete, VectorMetric, VectorParams,
    VectorPut,
};
use nodedb_wal::types::{
    CollectionTag, DatabaseId, Epoch, Lsn, RecordFlags, RecordKind, Scope, TenantId, Timestamp,
    VshardId,
};

use super::*;
use crate::replay::{ReplayRecord, ReplaySink};

fn header(lsn: u64, kind: RecordKind, flags: RecordFlags) -> RecordHeader {
    RecordHeader {
        payload_crc: 0,
        payload_len: 0,
        kind: kind.code(),
        flags,
        lsn: Lsn::new(lsn),
        scope: Scope::new(TenantId::new(1), DatabaseId::new(2), VshardId::new(3)),
        collection: CollectionTag::NONE,
        epoch: Epoch::NONE,
        timestamp: Timestamp::from_nanos(0),
    }
}

/// Gives the sink these payloads, numbered from 1.
fn apply(sink: &mut dyn ReplaySink, payloads: &[AnyPayload]) {
    for (lsn, payload) in (1..).zip(payloads) {
        let mut bytes = Vec::new();
        payload.encode(&mut bytes).unwrap();
        let header = header(lsn, payload.kind(), RecordFlags::NONE);
        sink.apply(&ReplayRecord::new(&header, &bytes)).unwrap();
    }
}

fn name() -> CollectionName {
    CollectionName {
        tenant: TenantId::new(1),
        database: DatabaseId::new(2),
        collection: c(),
    }
}

fn c() -> String {
    "c".to_owned()
}

fn dropped(purge_lsn: u64) -> AnyPayload {
    let purge_lsn = Lsn::new(purge_lsn);
    CollectionTombstoned {
        collection: c(),
        purge_lsn,
    }
    .into()
}

#[test]
fn rows_are_put_deleted_and_dropped() {
    let put = |key: u8, value: u8| -> AnyPayload {
        Put {
            collection: c(),
            key: vec![key],
            value: vec![value],
        }
        .into()
    };
    let delete = Delete {
        collection: c(),
        key: vec![2],
    }
    .into();
    let mut sink = KeyValueSink::default();
    apply(
        &mut sink,
        &[put(1, 1), put(2, 2), put(1, 3), delete, put(4, 4)],
    );
    let rows: Vec<_> = sink
        .iter()
        .map(|(_, key, row)| (key[0], row.lsn.value()))
        .collect();
    assert_eq!(rows, [(1, 3), (4, 5)]);
    assert_eq!(sink.find(&name(), &[1]).map(|row| row.value[0]), Some(3));
    apply(&mut sink, &[dropped(5)]);
    assert_eq!(sink.iter().count(), 1);
    apply(&mut sink, &[dropped(6)]);
    assert_eq!(sink, KeyValueSink::default());
}

#[test]
fn vectors_are_put_deleted_and_dropped_with_their_parameters() {
    let params = VectorParams {
        collection: c(),
        dimension: 1,
        metric: VectorMetric::L2,
        m: 16,
        ef_construction: 200,
        ef_search: 64,
    };
    let put = |id: u8, x: f32| -> AnyPayload {
        VectorPut {
            collection: c(),
            id: vec![id],
            vector: vec![x],
        }
        .into()
    };
    let delete = VectorDelete {
        collection: c(),
        id: vec![1],
    }
    .into();
    let mut sink = VectorSink::default();
    apply(
        &mut sink,
        &[params.clone().into(), put(1, 1.0), put(2, f32::NAN), delete],
    );
    assert_eq!((sink.len(), sink.params(&name())), (1, Some(&params)));
    let stored = sink.find(&name(), &[2]).unwrap();
    assert_eq!(stored, &stored.clone(), "equal bit by bit");
    let other = StoredVector {
        vector: vec![-0.0],
        ..stored.clone()
    };
    assert_ne!(
        StoredVector {
            vector: vec![0.0],
            ..other.clone()
        },
        other
    );
    apply(&mut sink, &[dropped(3)]);
    assert_eq!((sink.len(), sink.params(&name())), (1, None));
    apply(&mut sink, &[dropped(4)]);
    assert!(sink.is_empty());
}

#[test]
fn samples_lines_and_updates_are_kept_in_order() {
    let samples = |value: f64| -> AnyPayload {
        TimeseriesBatch {
            collection: c(),
            series: "s".to_owned(),
            timestamps_ns: vec![7],
            values: vec![value],
        }
        .into()
    };
    let line = LogLine {
        timestamp: Timestamp::from_nanos(1),
        text: "x".to_owned(),
    };
    let lines = LogBatch {
        collection: c(),
        lines: vec![line],
    }
    .into();
    let mut sink = TimeseriesSink::default();
    apply(&mut sink, &[samples(2.0), samples(1.0), lines]);
    let values: Vec<_> = sink
        .samples(&name(), "s")
        .iter()
        .map(|span| span.values[0])
        .collect();
    assert_eq!((values, sink.lines(&name()).len()), (vec![2.0, 1.0], 1));
    apply(&mut sink, &[dropped(3)]);
    assert_eq!(
        (sink.samples(&name(), "s").len(), sink.lines(&name()).len()),
        (0, 1)
    );

    let delta = |peer: u64| -> AnyPayload {
        CrdtDelta {
            collection: c(),
            document: "d".to_owned(),
            peer,
            delta: vec![],
        }
        .into()
    };
    let mut sink = CrdtSink::default();
    apply(&mut sink, &[delta(9), delta(4), dropped(2)]);
    let peers: Vec<_> = sink
        .updates(&name(), "d")
        .iter()
        .map(|update| update.peer)
        .collect();
    assert_eq!(peers, [4]);
}

#[test]
fn the_last_thing_said_of_a_cells_time_stands() {
    let put = |from: i64, until: i64, value: u8| -> AnyPayload {
        let cell = ArrayCell {
            coordinates: vec![1, 2],
            valid_from_ms: from,
            valid_until_ms: until,
            attributes: vec![value],
        };
        ArrayPut {
            collection: c(),
            array: "a".to_owned(),
            system_from_ms: 0,
            cells: vec![cell],
        }
        .into()
    };
    let delete = ArrayDelete {
        collection: c(),
        array: "a".to_owned(),
        system_from_ms: 0,
        valid_from_ms: 4,
        valid_until_ms: 6,
        coordinates: vec![vec![1, 2]],
    };
    let mut sink = ArraySink::default();
    apply(&mut sink, &[put(0, 10, 1), put(5, 20, 2), delete.into()]);
    let at = |sink: &ArraySink, valid: i64| {
        let cell = sink.find(&name(), "a", &[1, 2], valid);
        cell.map(|attributes| attributes[0])
    };
    let found: Vec<_> = [-1, 0, 3, 4, 5, 6, 19, 20]
        .map(|valid| at(&sink, valid))
        .into();
    assert_eq!(
        found,
        [None, Some(1), Some(1), None, None, Some(2), Some(2), None]
    );
    let flush = ArrayFlush {
        collection: c(),
        array: "a".to_owned(),
        watermark: Lsn::new(2),
    };
    apply(&mut sink, &[flush.into()]);
    assert_eq!(sink.versions(&name(), "a", &[1, 2]).len(), 1);
    apply(&mut sink, &[dropped(4)]);
    assert_eq!(sink, ArraySink::default());
}

#[test]
fn a_record_of_another_engine_and_a_raw_one_are_refused() {
    let delta = CrdtDelta {
        collection: c(),
        document: c(),
        peer: 1,
        delta: vec![],
    };
    let mut bytes = Vec::new();
    AnyPayload::from(delta).encode(&mut bytes).unwrap();
    let mut kv = KeyValueSink::default();
    let stray = header(1, RecordKind::CrdtDelta, RecordFlags::NONE);
    let error = kv.apply(&ReplayRecord::new(&stray, &bytes)).unwrap_err();
    assert!(error.to_string().contains("CrdtDelta"), "{error}");
    let raw = header(1, RecordKind::CrdtDelta, RecordFlags::OPAQUE);
    let mut crdt = CrdtSink::default();
    crdt.apply(&ReplayRecord::new(&raw, &bytes)).unwrap_err();
    crdt.apply(&ReplayRecord::new(&stray, &bytes)).unwrap();
}
