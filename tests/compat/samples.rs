//! A typed payload of each kind. Golden logs hold their bytes.

use nodedb_wal::payload::*;
use nodedb_wal::types::KindCode;
use nodedb_wal::*;

/// The payload of `kind` in golden logs.
pub(crate) fn of(kind: RecordKind) -> AnyPayload {
    rows(kind)
        .or_else(|| engines(kind))
        .or_else(|| control(kind))
        .or_else(|| node(kind))
        .unwrap()
}

fn orders() -> String {
    "orders".to_owned()
}

fn delete() -> Delete {
    Delete {
        collection: orders(),
        key: vec![0, 1, 2],
    }
}

fn rows(kind: RecordKind) -> Option<AnyPayload> {
    Some(match kind {
        RecordKind::Noop => Noop.into(),
        RecordKind::Put => Put {
            collection: orders(),
            key: b"4711".to_vec(),
            value: vec![0, 255, 7],
        }
        .into(),
        RecordKind::Delete => delete().into(),
        RecordKind::CrdtDelta => CrdtDelta {
            collection: "notes".to_owned(),
            document: "to do".to_owned(),
            peer: 1 << 40,
            delta: vec![9; 3],
        }
        .into(),
        RecordKind::Transaction => Transaction {
            operations: vec![
                Operation::new(&delete()).unwrap(),
                Operation {
                    kind: KindCode::from_bits(77),
                    collection: None,
                    payload: vec![1],
                },
            ],
        }
        .into(),
        _ => return None,
    })
}

fn engines(kind: RecordKind) -> Option<AnyPayload> {
    Some(match kind {
        RecordKind::VectorPut => VectorPut {
            collection: "words".to_owned(),
            id: b"the".to_vec(),
            vector: vec![1.5, -0.0, f32::MAX],
        }
        .into(),
        RecordKind::VectorDelete => VectorDelete {
            collection: "words".to_owned(),
            id: b"the".to_vec(),
        }
        .into(),
        RecordKind::VectorParams => VectorParams {
            collection: "words".to_owned(),
            dimension: 100,
            metric: VectorMetric::Cosine,
            m: 16,
            ef_construction: 200,
            ef_search: 64,
        }
        .into(),
        RecordKind::TimeseriesBatch => TimeseriesBatch {
            collection: "metrics".to_owned(),
            series: "cpu{host=a}".to_owned(),
            timestamps_ns: vec![-1, 1_400_030_040_000_000_000],
            values: vec![85.835, f64::NEG_INFINITY],
        }
        .into(),
        RecordKind::LogBatch => LogBatch {
            collection: "logs".to_owned(),
            lines: vec![
                LogLine {
                    timestamp: Timestamp::from_nanos(1_494_892_800_008_000_000),
                    text: "GET /v2/servers status: 200".to_owned(),
                },
                LogLine {
                    timestamp: Timestamp::from_nanos(-5),
                    text: String::new(),
                },
            ],
        }
        .into(),
        RecordKind::ArrayPut | RecordKind::ArrayDelete | RecordKind::ArrayFlush => arrays(kind),
        _ => return None,
    })
}

fn arrays(kind: RecordKind) -> AnyPayload {
    let (collection, array) = ("genome".to_owned(), "variants".to_owned());
    match kind {
        RecordKind::ArrayPut => ArrayPut {
            collection,
            array,
            system_from_ms: 1_700_000_000_000,
            cells: vec![ArrayCell {
                coordinates: vec![3, -4, 1 << 33],
                valid_from_ms: i64::MIN,
                valid_until_ms: i64::MAX,
                attributes: vec![0xab],
            }],
        }
        .into(),
        RecordKind::ArrayDelete => ArrayDelete {
            collection,
            array,
            system_from_ms: 1_700_000_000_001,
            valid_from_ms: 0,
            valid_until_ms: i64::MAX,
            coordinates: vec![vec![3, -4, 1 << 33], vec![]],
        }
        .into(),
        _ => ArrayFlush {
            collection,
            array,
            watermark: Lsn::new(70_000),
        }
        .into(),
    }
}

fn control(kind: RecordKind) -> Option<AnyPayload> {
    Some(match kind {
        RecordKind::WriteAborted => WriteAborted {
            lsn: Lsn::new(12),
            reason: "constraint violated".to_owned(),
        }
        .into(),
        RecordKind::Checkpoint => Checkpoint {
            engine: "kv".to_owned(),
            lsn: Lsn::MAX,
        }
        .into(),
        RecordKind::CollectionTombstoned => CollectionTombstoned {
            collection: orders(),
            purge_lsn: Lsn::new(300),
        }
        .into(),
        RecordKind::TimeAnchor => TimeAnchor {
            wall_clock: Timestamp::from_nanos(1_700_000_000_000_000_000),
        }
        .into(),
        RecordKind::TemporalPurge => TemporalPurge {
            collection: orders(),
            engine: "array".to_owned(),
            cutoff: Timestamp::from_nanos(-1),
            purged: 128,
        }
        .into(),
        _ => return None,
    })
}

fn node(kind: RecordKind) -> Option<AnyPayload> {
    Some(match kind {
        RecordKind::SurrogateAlloc => SurrogateAlloc {
            collection: None,
            first: 1_025,
            count: 1_024,
        }
        .into(),
        RecordKind::SurrogateBind => SurrogateBind {
            collection: orders(),
            surrogate: u32::MAX,
            primary_key: b"4711".to_vec(),
        }
        .into(),
        RecordKind::CommitOffsets => CommitOffsets {
            source: "kafka/orders".to_owned(),
            offsets: vec![PartitionOffset {
                partition: 3,
                offset: 1 << 50,
            }],
            watermark: Some(Timestamp::from_nanos(5)),
        }
        .into(),
        RecordKind::EpochBarrier => EpochBarrier {
            epoch: Epoch::new(9),
            core: 1,
        }
        .into(),
        RecordKind::CalvinApplied => CalvinApplied {
            epoch: Epoch::new(9),
            position: 200,
            vshard: VshardId::new(17),
            records: 3,
            digest: 0x0102_0304_0506_0708,
        }
        .into(),
        RecordKind::CalvinSeal => CalvinSeal {
            epoch: Epoch::new(9),
            vshard: VshardId::new(17),
            transactions: 3,
            records: 5,
            digest: 255,
        }
        .into(),
        RecordKind::Hold => Hold {
            name: "archive".to_owned(),
            needs: Some(Lsn::new(7)),
        }
        .into(),
        RecordKind::AuditSeal => AuditSeal {
            through: Lsn::new(7),
            entries: 2,
            digest: vec![0xAB; AuditSeal::DIGEST_BYTES],
        }
        .into(),
        _ => return consumer_payload(kind),
    })
}

fn consumer_payload(kind: RecordKind) -> Option<AnyPayload> {
    let name = "index".to_owned();
    Some(match kind {
        RecordKind::ConsumerAdded => ConsumerAdded {
            name,
            partitions: 4,
            from: Lsn::new(7),
            kinds: vec![RecordKind::Put.code()],
            tenant: Some(TenantId::new(1)),
            database: None,
            vshard: None,
            collection: Some("orders".to_owned()),
            records_max: None,
            bytes_max: Some(1 << 30),
            seconds_max: None,
            when_over: WhenOver::Drop,
        }
        .into(),
        RecordKind::ConsumerDropped => ConsumerDropped {
            name,
            acknowledged: Lsn::new(9),
            over: Some("200 bytes behind, 100 allowed".to_owned()),
        }
        .into(),
        RecordKind::ConsumerCursors => {
            let cursor = ConsumerCursor {
                name,
                partition: 1,
                acknowledged: Lsn::new(9),
            };
            let cursors = vec![cursor];
            ConsumerCursors { cursors }.into()
        }
        _ => return None,
    })
}
