//! Typed payloads of a few kinds: the small ones in msgpack, the large ones read in place.

use std::hint::black_box;

use nodedb_wal::Timestamp;
use nodedb_wal::payload::{
    AlignedScratch, LogBatch, LogBatchView, LogLine, Operation, Payload, Put, TimeseriesBatch,
    TimeseriesBatchView, Transaction, VectorPut, VectorPutView,
};

use super::workload::Workload;

const OPERATIONS: u64 = 200;

pub(super) fn workloads() -> Vec<Workload> {
    vec![
        encode("Put 256 B", put),
        decode::<Put>("Put 256 B", put),
        encode("Transaction of 4", transaction),
        decode::<Transaction>("Transaction of 4", transaction),
        encode("VectorPut 100", vector_put),
        in_place("VectorPut 100", vector_put, |bytes, scratch| {
            let view = VectorPutView::read(bytes, scratch).unwrap();
            black_box(view.vector().sum::<f32>());
        }),
        encode("TimeseriesBatch 512", timeseries),
        in_place("TimeseriesBatch 512", timeseries, |bytes, scratch| {
            let view = TimeseriesBatchView::read(bytes, scratch).unwrap();
            black_box(view.samples().map(|(_, value)| value).sum::<f64>());
        }),
        encode("LogBatch 64", log_batch),
        in_place("LogBatch 64", log_batch, |bytes, scratch| {
            let view = LogBatchView::read(bytes, scratch).unwrap();
            black_box(view.lines().map(|(_, text)| text.len()).sum::<usize>());
        }),
    ]
}

fn encode<P: Payload + 'static>(name: &str, make: fn() -> P) -> Workload {
    Workload::new(format!("encode {name}"), OPERATIONS, move || {
        let payload = make();
        let mut buffer = encoded(&payload);
        Box::new(move || {
            for _ in 0..OPERATIONS {
                buffer.clear();
                black_box(&payload).encode(&mut buffer).unwrap();
                black_box(&buffer);
            }
        })
    })
}

fn decode<P: Payload + 'static>(name: &str, make: fn() -> P) -> Workload {
    Workload::new(format!("decode {name}"), OPERATIONS, move || {
        let bytes = encoded(&make());
        Box::new(move || {
            for _ in 0..OPERATIONS {
                black_box(P::decode(black_box(&bytes)).unwrap());
            }
        })
    })
}

fn in_place<P: Payload + 'static>(
    name: &str,
    make: fn() -> P,
    read: fn(&[u8], &mut AlignedScratch),
) -> Workload {
    Workload::new(format!("read {name} in place"), OPERATIONS, move || {
        let bytes = encoded(&make());
        let mut scratch = AlignedScratch::new();
        Box::new(move || {
            for _ in 0..OPERATIONS {
                read(black_box(&bytes), &mut scratch);
            }
        })
    })
}

fn encoded<P: Payload>(payload: &P) -> Vec<u8> {
    let mut bytes = Vec::new();
    payload.encode(&mut bytes).unwrap();
    bytes
}

fn put() -> Put {
    Put {
        collection: "orders".into(),
        key: b"customer/4711/order/1".to_vec(),
        value: vec![0x5a; 256],
    }
}

fn transaction() -> Transaction {
    Transaction {
        operations: (0..4).map(|_| Operation::new(&put()).unwrap()).collect(),
    }
}

fn vector_put() -> VectorPut {
    VectorPut {
        collection: "words".into(),
        id: b"the".to_vec(),
        vector: vec![0.25; 100],
    }
}

fn timeseries() -> TimeseriesBatch {
    TimeseriesBatch {
        collection: "metrics".into(),
        series: "cpu{host=a}".into(),
        timestamps_ns: (0..512).collect(),
        values: vec![1.5; 512],
    }
}

fn log_batch() -> LogBatch {
    let line = |second: i64| LogLine {
        timestamp: Timestamp::from_nanos(second * 1_000_000_000),
        text: "GET /v2/servers/detail status: 200 len: 1893 time: 0.2477829".into(),
    };
    LogBatch {
        collection: "logs".into(),
        lines: (0..64).map(line).collect(),
    }
}
