//! Checksums, headers and frontiers: pure functions on bytes.

use std::hint::black_box;

use nodedb_wal::format::checksum::{Digest, HeaderSeed, crc32c};
use nodedb_wal::format::{Frontier, RecordHeader};
use nodedb_wal::types::{KindCode, RecordFlags};
use nodedb_wal::{CollectionTag, Epoch, Lsn, Scope, Timestamp};

use super::workload::Workload;

const OPERATIONS: u64 = 1_000;

pub(super) fn workloads() -> Vec<Workload> {
    let checksums = [64, 256, 4_096, 65_536].map(checksum);
    let structures = [
        repeated("header, encode", || {
            let (header, seed) = (header(), seed());
            move || {
                black_box(black_box(&header).encode(seed));
            }
        }),
        repeated("header, decode", || {
            let (bytes, seed) = (header().encode(seed()), seed());
            move || {
                let decoded = RecordHeader::decode(black_box(&bytes), seed);
                assert!(black_box(decoded).is_ok());
            }
        }),
        repeated("frontier, encode", || {
            let (frontier, seed) = (frontier(), seed());
            move || {
                black_box(black_box(&frontier).encode(seed));
            }
        }),
        repeated("frontier, decode", || {
            let (frontier, seed) = (frontier(), seed());
            let bytes = frontier.encode(seed);
            move || {
                let decoded = Frontier::decode(black_box(&bytes), frontier.position, seed);
                assert!(black_box(decoded).is_some());
            }
        }),
    ];
    checksums.into_iter().chain(structures).collect()
}

fn checksum(len: usize) -> Workload {
    repeated(format!("checksum, {len} B"), move || {
        let bytes = vec![0xa5; len];
        move || {
            black_box(crc32c(black_box(&bytes)));
        }
    })
}

/// A workload of so many times the same.
fn repeated<O: FnMut() + 'static>(
    name: impl Into<String>,
    prepare: impl Fn() -> O + 'static,
) -> Workload {
    Workload::new(name, OPERATIONS, move || {
        let mut operation = prepare();
        Box::new(move || (0..OPERATIONS).for_each(|_| operation()))
    })
}

fn seed() -> HeaderSeed {
    HeaderSeed::of_salt(0x0123_4567_89ab_cdef)
}

fn header() -> RecordHeader {
    RecordHeader {
        payload_crc: 0x1234_5678,
        payload_len: 256,
        kind: KindCode::from_bits(1),
        flags: RecordFlags::NONE,
        lsn: Lsn::new(1_000_000),
        scope: Scope::default(),
        collection: CollectionTag::of("orders"),
        epoch: Epoch::NONE,
        timestamp: Timestamp::from_nanos(1_700_000_000_000_000_000),
    }
}

fn frontier() -> Frontier {
    Frontier {
        position: 8_192,
        last_lsn: Lsn::new(1_000_000),
        durable_lsn: Lsn::new(999_990),
        records: 10,
        write_number: 77,
        digest: Digest::EMPTY,
        start_lsn: Lsn::FIRST,
        timestamp: Timestamp::from_nanos(1_700_000_000_000_000_000),
    }
}
