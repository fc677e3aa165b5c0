//! One payload of each kind, with the bytes and the line of text it must have.

use crate::payload::*;
use crate::types::{CustomKind, Epoch, KindCode, Lsn, RecordKind, Timestamp, VshardId};

/// A payload and what it must look like.
pub(super) struct Golden {
    pub(super) payload: AnyPayload,
    /// Its encoded form. When this changes without a new version, stored logs can no longer be
    /// read.
    pub(super) hex: &'static str,
    /// Its summary.
    pub(super) line: &'static str,
}

pub(super) fn golden() -> Vec<Golden> {
    [
        rows(),
        vectors(),
        batches(),
        arrays(),
        control(),
        node(),
        services(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

pub(super) fn sample(
    payload: impl Into<AnyPayload>,
    hex: &'static str,
    line: &'static str,
) -> Golden {
    Golden {
        payload: payload.into(),
        hex,
        line,
    }
}

fn rows() -> Vec<Golden> {
    let put = Put {
        collection: "orders".into(),
        key: b"4711".to_vec(),
        value: vec![0, 255, 7],
    };
    let delete = Delete {
        collection: "orders".into(),
        key: vec![0, 1, 2],
    };
    let delta = CrdtDelta {
        collection: "notes".into(),
        document: "to do".into(),
        peer: 1 << 40,
        delta: vec![9; 3],
    };
    let transaction = Transaction {
        operations: vec![
            Operation::new(&delete).expect("it can be encoded"),
            Operation {
                kind: KindCode::from_bits(77),
                collection: None,
                payload: vec![1],
            },
        ],
    };
    vec![
        sample(Noop, "", "Noop"),
        sample(
            put,
            "0193a66f7264657273c40434373131c40300ff07",
            "Put orders key=\"4711\" value=3 B",
        ),
        sample(
            delete,
            "0192a66f7264657273c403000102",
            "Delete orders key=0x000102",
        ),
        sample(
            delta,
            "0194a56e6f746573a5746f20646fcf0000010000000000c403090909",
            "CrdtDelta notes document=\"to do\" peer=1099511627776 delta=3 B",
        ),
        sample(
            transaction,
            concat!(
                "01919293cd8002a66f7264657273c40e0192a66f7264657273c403000102934d",
                "c0c40101"
            ),
            "Transaction operations=2 Delete(orders) Unknown(77)",
        ),
    ]
}

fn vectors() -> Vec<Golden> {
    let put = VectorPut {
        collection: "words".into(),
        id: b"the".to_vec(),
        vector: vec![1.5, -0.0, f32::MAX],
    };
    let delete = VectorDelete {
        collection: "words".into(),
        id: b"the".to_vec(),
    };
    let params = VectorParams {
        collection: "words".into(),
        dimension: 100,
        metric: VectorMetric::Cosine,
        m: 16,
        ef_construction: 200,
        ef_search: 64,
    };
    vec![
        sample(
            put,
            concat!(
                "010000002c0000000000000000000000776f7264737468650000c03f00000080",
                "ffff7f7fecffffff05000000e9ffffff03000000e4ffffff03000000"
            ),
            "VectorPut words id=\"the\" dimensions=3",
        ),
        sample(
            delete,
            "0192a5776f726473c403746865",
            "VectorDelete words id=\"the\"",
        ),
        sample(
            params,
            "0196a5776f726473640110ccc840",
            "VectorParams words dimensions=100 metric=Cosine m=16 ef_construction=200 ef_search=64",
        ),
    ]
}

fn batches() -> Vec<Golden> {
    let series = TimeseriesBatch {
        collection: "metrics".into(),
        series: "cpu{host=a}".into(),
        timestamps_ns: vec![-1, 1_400_030_040_000_000_000],
        values: vec![85.835, f64::NEG_INFINITY],
    };
    let logs = LogBatch {
        collection: "logs".into(),
        lines: vec![
            LogLine {
                timestamp: Timestamp::from_nanos(1_494_892_800_008_000_000),
                text: "GET /v2/servers status: 200".into(),
            },
            LogLine {
                timestamp: Timestamp::from_nanos(-5),
                text: String::new(),
            },
        ],
    };
    vec![
        sample(
            series,
            concat!(
                "010000005800000000000000000000006d6574726963736370757b686f73743d",
                "617d000000000000ffffffffffffffff00701359e7e76d133d0ad7a370755540",
                "000000000000f0ffc8ffffff07000000c7ffffff0b000000d0ffffff02000000",
                "d8ffffff02000000"
            ),
            "TimeseriesBatch metrics series=\"cpu{host=a}\" samples=2",
        ),
        sample(
            logs,
            concat!(
                "010000005000000000000000000000006c6f6773474554202f76322f73657276",
                "657273207374617475733a20323030000012c4d114edbe14dcffffff1b000000",
                "fbffffffffffffffe7ffffff00000000c0ffffff04000000d8ffffff02000000"
            ),
            "LogBatch logs lines=2",
        ),
    ]
}

fn arrays() -> Vec<Golden> {
    let put = ArrayPut {
        collection: "genome".into(),
        array: "variants".into(),
        system_from_ms: 1_700_000_000_000,
        cells: vec![ArrayCell {
            coordinates: vec![3, -4, 1 << 33],
            valid_from_ms: i64::MIN,
            valid_until_ms: i64::MAX,
            attributes: vec![0xab],
        }],
    };
    let delete = ArrayDelete {
        collection: "genome".into(),
        array: "variants".into(),
        system_from_ms: 1_700_000_000_001,
        valid_from_ms: 0,
        valid_until_ms: i64::MAX,
        coordinates: vec![vec![3, -4, 1 << 33], vec![]],
    };
    let flush = ArrayFlush {
        collection: "genome".into(),
        array: "variants".into(),
        watermark: Lsn::new(70_000),
    };
    vec![
        sample(
            put,
            concat!(
                "0194a667656e6f6d65a876617269616e7473d30000018bcfe5680091949303fc",
                "d30000000200000000d38000000000000000d37fffffffffffffffc401ab"
            ),
            "ArrayPut genome array=variants cells=1",
        ),
        sample(
            delete,
            concat!(
                "0196a667656e6f6d65a876617269616e7473d30000018bcfe5680100d37fffff",
                "ffffffffff929303fcd3000000020000000090"
            ),
            "ArrayDelete genome array=variants cells=2",
        ),
        sample(
            flush,
            "0193a667656e6f6d65a876617269616e7473ce00011170",
            "ArrayFlush genome array=variants watermark=70000",
        ),
    ]
}

fn control() -> Vec<Golden> {
    let aborted = WriteAborted {
        lsn: Lsn::new(12),
        reason: "constraint violated".into(),
    };
    let checkpoint = Checkpoint {
        engine: "kv".into(),
        lsn: Lsn::MAX,
    };
    let tombstone = CollectionTombstoned {
        collection: "orders".into(),
        purge_lsn: Lsn::new(300),
    };
    let anchor = TimeAnchor {
        wall_clock: Timestamp::from_nanos(1_700_000_000_000_000_000),
    };
    let purge = TemporalPurge {
        collection: "orders".into(),
        engine: "array".into(),
        cutoff: Timestamp::from_nanos(-1),
        purged: 128,
    };
    vec![
        sample(
            aborted,
            "01920cb3636f6e73747261696e742076696f6c61746564",
            "WriteAborted lsn=12 reason=\"constraint violated\"",
        ),
        sample(
            checkpoint,
            "0192a26b76cfffffffffffffffff",
            "Checkpoint engine=kv lsn=18446744073709551615",
        ),
        sample(
            tombstone,
            "0192a66f7264657273cd012c",
            "CollectionTombstoned orders purge_lsn=300",
        ),
        sample(
            anchor,
            "0191d317979cfe362a0000",
            "TimeAnchor wall_clock=1700000000000000000 ns",
        ),
        sample(
            purge,
            "0194a66f7264657273a56172726179ffcc80",
            "TemporalPurge orders engine=array cutoff=-1 ns purged=128",
        ),
    ]
}

fn node() -> Vec<Golden> {
    let alloc = SurrogateAlloc {
        collection: None,
        first: 1_025,
        count: 1_024,
    };
    let bind = SurrogateBind {
        collection: "orders".into(),
        surrogate: u32::MAX,
        primary_key: b"4711".to_vec(),
    };
    let offsets = CommitOffsets {
        source: "kafka/orders".into(),
        offsets: vec![PartitionOffset {
            partition: 3,
            offset: 1 << 50,
        }],
        watermark: Some(Timestamp::from_nanos(5)),
    };
    let barrier = EpochBarrier {
        epoch: Epoch::new(9),
        core: 1,
    };
    let applied = CalvinApplied {
        epoch: Epoch::new(9),
        position: 200,
        vshard: VshardId::new(17),
        records: 3,
        digest: 0x0102_0304_0506_0708,
    };
    let custom = CustomKind::new(300, true).expect("300 is free");
    vec![
        sample(
            alloc,
            "0193c0cd0401cd0400",
            "SurrogateAlloc surrogates=1025..=2048",
        ),
        sample(
            bind,
            "0193a66f7264657273ceffffffffc40434373131",
            "SurrogateBind orders surrogate=4294967295 key=\"4711\"",
        ),
        sample(
            offsets,
            "0193ac6b61666b612f6f7264657273919203cf000400000000000005",
            "CommitOffsets source=kafka/orders partitions=1 watermark=5 ns",
        ),
        sample(barrier, "01920901", "EpochBarrier epoch=9 core=1"),
        sample(
            applied,
            "019509ccc81103cf0102030405060708",
            "CalvinApplied epoch=9 position=200 vshard=17 records=3 digest=0102030405060708",
        ),
        Golden {
            payload: AnyPayload::Custom(custom, vec![1, 2]),
            hex: "0102",
            line: "Custom(300) 2 B",
        },
    ]
}

fn services() -> Vec<Golden> {
    let seal = CalvinSeal {
        epoch: Epoch::new(9),
        vshard: VshardId::new(17),
        transactions: 3,
        records: 5,
        digest: 255,
    };
    let hold = Hold {
        name: "archive".into(),
        needs: Some(Lsn::new(7)),
    };
    let audit = AuditSeal {
        through: Lsn::new(7),
        entries: 2,
        digest: vec![0xAB; AuditSeal::DIGEST_BYTES],
    };
    vec![
        sample(
            seal,
            "019509110305ccff",
            "CalvinSeal epoch=9 vshard=17 transactions=3 records=5 digest=00000000000000ff",
        ),
        sample(hold, "0192a76172636869766507", "Hold name=archive needs=7"),
        sample(
            audit,
            "01930702c420abababababababababababababababababababababababababababababababab",
            "AuditSeal through=7 entries=2",
        ),
    ]
    .into_iter()
    .chain(super::consumer_samples::consumers())
    .collect()
}

#[test]
fn every_kind_has_a_sample() {
    let sampled: Vec<RecordKind> = golden().iter().map(|case| case.payload.kind()).collect();
    for kind in RecordKind::ALL {
        assert!(sampled.contains(kind), "{kind} has no sample");
    }
}
