//! Payloads of every kind, filled from a generator. Each carries its stamp, or numbers made from
//! it, so that no two records of a round are alike.

use std::fmt;

use fastrand::Rng;
use nodedb_wal::payload::{
    AnyPayload, ArrayCell, ArrayDelete, ArrayFlush, ArrayPut, AuditSeal, CalvinApplied, CalvinSeal,
    Checkpoint, CollectionTombstoned, CommitOffsets, CrdtDelta, Delete, EpochBarrier, Hold,
    LogBatch, LogLine, Operation, PartitionOffset, PayloadError, Put, SurrogateAlloc,
    SurrogateBind, TemporalPurge, TimeAnchor, TimeseriesBatch, Transaction, VectorDelete,
    VectorMetric, VectorParams, VectorPut, WriteAborted,
};
use nodedb_wal::types::{Epoch, Lsn, RecordKind, Scope, Timestamp};

use super::content_consumers;

/// Collections of every database. The last two have the same tag.
const COLLECTIONS: [&str; 8] = [
    "orders",
    "customers",
    "events",
    "metrics",
    "documents",
    "embeddings",
    "costarring",
    "liquid",
];

/// Kinds and how often each is drawn.
const LIKELY: [(RecordKind, u32); 29] = [
    (RecordKind::Noop, 2),
    (RecordKind::Put, 60),
    (RecordKind::Delete, 12),
    (RecordKind::VectorPut, 16),
    (RecordKind::VectorDelete, 4),
    (RecordKind::VectorParams, 2),
    (RecordKind::CrdtDelta, 24),
    (RecordKind::TimeseriesBatch, 16),
    (RecordKind::LogBatch, 16),
    (RecordKind::ArrayPut, 12),
    (RecordKind::ArrayDelete, 4),
    (RecordKind::ArrayFlush, 2),
    (RecordKind::Transaction, 10),
    (RecordKind::SurrogateAlloc, 2),
    (RecordKind::SurrogateBind, 8),
    (RecordKind::CommitOffsets, 2),
    (RecordKind::EpochBarrier, 2),
    (RecordKind::WriteAborted, 2),
    (RecordKind::Checkpoint, 2),
    (RecordKind::CollectionTombstoned, 1),
    (RecordKind::TimeAnchor, 2),
    (RecordKind::TemporalPurge, 2),
    (RecordKind::Hold, 1),
    (RecordKind::AuditSeal, 1),
    (RecordKind::CalvinApplied, 6),
    (RecordKind::CalvinSeal, 1),
    (RecordKind::ConsumerAdded, 1),
    (RecordKind::ConsumerDropped, 1),
    (RecordKind::ConsumerCursors, 2),
];

/// Which record of a demo it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) round: u32,
    pub(super) thread: u32,
    pub(super) sequence: u64,
    pub(super) index: u32,
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            round,
            thread,
            sequence,
            index,
        } = self;
        write!(
            f,
            "round {round} thread {thread} operation {sequence} record {index}"
        )
    }
}

impl Stamp {
    fn bytes(self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// A number of this record, for payloads without text. Threads do not share any.
    pub(super) fn number(self) -> u64 {
        (self.sequence * 8 + u64::from(self.index)) << 8 | u64::from(self.thread)
    }

    /// The low 31 bits of the number.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low bits are what is wanted"
    )]
    fn small_number(self) -> u32 {
        self.number() as u32 & (u32::MAX >> 1)
    }
}

/// A kind, drawn as often as it is likely.
pub(super) fn likely_kind(rng: &mut Rng) -> RecordKind {
    let total: u32 = LIKELY.iter().map(|(_, weight)| weight).sum();
    let mut left = rng.u32(..total);
    for (kind, weight) in LIKELY {
        if left < weight {
            return kind;
        }
        left -= weight;
    }
    RecordKind::Put
}

/// The payload of a record of `kind`; nothing when the record is to be raw.
pub(super) fn payload(
    kind: RecordKind,
    stamp: Stamp,
    scope: Scope,
    epoch: Epoch,
    purge_lsn: Lsn,
    rng: &mut Rng,
) -> Result<Option<AnyPayload>, PayloadError> {
    let collection = COLLECTIONS[rng.usize(..COLLECTIONS.len())].to_owned();
    if let Some(payload) = data(kind, stamp, &collection, rng)? {
        return Ok(Some(payload));
    }
    Ok(control(
        kind, stamp, scope, epoch, purge_lsn, collection, rng,
    ))
}

fn data(
    kind: RecordKind,
    stamp: Stamp,
    collection: &str,
    rng: &mut Rng,
) -> Result<Option<AnyPayload>, PayloadError> {
    let collection = collection.to_owned();
    let payload = match kind {
        RecordKind::Put => put(stamp, collection, rng).into(),
        RecordKind::Delete => Delete {
            collection,
            key: stamp.bytes(),
        }
        .into(),
        RecordKind::VectorPut => VectorPut {
            collection,
            id: stamp.bytes(),
            vector: (0..rng.usize(1..64)).map(|_| rng.f32()).collect(),
        }
        .into(),
        RecordKind::VectorDelete => VectorDelete {
            collection,
            id: stamp.bytes(),
        }
        .into(),
        RecordKind::VectorParams => VectorParams {
            collection,
            dimension: 1 + stamp.small_number(),
            metric: VectorMetric::ALL[rng.usize(..VectorMetric::ALL.len())],
            m: rng.u32(..),
            ef_construction: rng.u32(..),
            ef_search: rng.u32(..),
        }
        .into(),
        RecordKind::CrdtDelta => CrdtDelta {
            collection,
            document: stamp.to_string(),
            peer: rng.u64(..),
            delta: filler(rng),
        }
        .into(),
        RecordKind::TimeseriesBatch => timeseries(stamp, collection, rng).into(),
        RecordKind::LogBatch => log_batch(stamp, collection, rng).into(),
        RecordKind::ArrayPut => array_put(stamp, collection, rng).into(),
        RecordKind::ArrayDelete => ArrayDelete {
            collection,
            array: stamp.to_string(),
            system_from_ms: rng.i64(..),
            valid_from_ms: i64::MIN,
            valid_until_ms: i64::MAX,
            coordinates: vec![vec![rng.i64(..), rng.i64(..)]; rng.usize(..4)],
        }
        .into(),
        RecordKind::Transaction => transaction(stamp, collection, rng)?.into(),
        _ => return Ok(None),
    };
    Ok(Some(payload))
}

fn control(
    kind: RecordKind,
    stamp: Stamp,
    scope: Scope,
    epoch: Epoch,
    purge_lsn: Lsn,
    collection: String,
    rng: &mut Rng,
) -> Option<AnyPayload> {
    let payload = match kind {
        RecordKind::ArrayFlush => ArrayFlush {
            collection,
            array: flushed_array(stamp),
            watermark: Lsn::new(rng.u64(..)),
        }
        .into(),
        RecordKind::SurrogateAlloc => SurrogateAlloc {
            collection: rng.bool().then_some(collection),
            first: stamp.small_number(),
            count: rng.u32(1..1000),
        }
        .into(),
        RecordKind::SurrogateBind => SurrogateBind {
            collection,
            surrogate: rng.u32(..),
            primary_key: stamp.bytes(),
        }
        .into(),
        RecordKind::CommitOffsets => CommitOffsets {
            source: stamp.to_string(),
            offsets: vec![PartitionOffset {
                partition: rng.u32(..8),
                offset: rng.u64(..),
            }],
            watermark: rng.bool().then(|| Timestamp::from_nanos(rng.i64(..))),
        }
        .into(),
        RecordKind::EpochBarrier => EpochBarrier {
            epoch,
            core: stamp.small_number(),
        }
        .into(),
        RecordKind::WriteAborted => WriteAborted {
            lsn: Lsn::new(rng.u64(..)),
            reason: stamp.to_string(),
        }
        .into(),
        RecordKind::Checkpoint => Checkpoint {
            engine: stamp.to_string(),
            lsn: Lsn::new(rng.u64(..)),
        }
        .into(),
        RecordKind::CollectionTombstoned => CollectionTombstoned {
            collection,
            purge_lsn,
        }
        .into(),
        RecordKind::TimeAnchor => TimeAnchor {
            wall_clock: Timestamp::from_nanos(stamp.number().cast_signed()),
        }
        .into(),
        RecordKind::TemporalPurge => TemporalPurge {
            collection,
            engine: stamp.to_string(),
            cutoff: Timestamp::from_nanos(rng.i64(..)),
            purged: rng.u64(..),
        }
        .into(),
        _ => return service(kind, stamp, scope, epoch, rng),
    };
    Some(payload)
}

fn service(
    kind: RecordKind,
    stamp: Stamp,
    scope: Scope,
    epoch: Epoch,
    rng: &mut Rng,
) -> Option<AnyPayload> {
    let payload = match kind {
        RecordKind::CalvinApplied => CalvinApplied {
            epoch,
            position: stamp.small_number(),
            vshard: scope.vshard,
            records: stamp.small_number(),
            digest: stamp.number(),
        }
        .into(),
        RecordKind::CalvinSeal => CalvinSeal {
            epoch,
            vshard: scope.vshard,
            transactions: rng.u64(..),
            records: stamp.number(),
            digest: rng.u64(..),
        }
        .into(),
        RecordKind::Hold => Hold {
            name: stamp.to_string(),
            needs: Some(Lsn::new(rng.u64(..))),
        }
        .into(),
        RecordKind::AuditSeal => AuditSeal {
            through: Lsn::new(rng.u64(..)),
            entries: stamp.number(),
            digest: vec![rng.u8(..); AuditSeal::DIGEST_BYTES],
        }
        .into(),
        _ => return content_consumers::payload(kind, stamp, scope, rng),
    };
    Some(payload)
}

/// An array that nothing is written to: a log that is demonstrated on again has records of the same
/// stamps, and a flush must hide none of them.
fn flushed_array(stamp: Stamp) -> String {
    format!("flushed, {stamp}")
}

fn put(stamp: Stamp, collection: String, rng: &mut Rng) -> Put {
    Put {
        collection,
        key: stamp.bytes(),
        value: filler(rng),
    }
}

fn timeseries(stamp: Stamp, collection: String, rng: &mut Rng) -> TimeseriesBatch {
    let samples = rng.usize(1..32);
    TimeseriesBatch {
        collection,
        series: stamp.to_string(),
        timestamps_ns: (0..samples).map(|_| rng.i64(..)).collect(),
        values: (0..samples).map(|_| rng.f64()).collect(),
    }
}

fn log_batch(stamp: Stamp, collection: String, rng: &mut Rng) -> LogBatch {
    let line = |rng: &mut Rng| LogLine {
        timestamp: Timestamp::from_nanos(rng.i64(..)),
        text: format!("{stamp}: {}", rng.u64(..)),
    };
    LogBatch {
        collection,
        lines: (0..rng.usize(1..8)).map(|_| line(rng)).collect(),
    }
}

fn array_put(stamp: Stamp, collection: String, rng: &mut Rng) -> ArrayPut {
    let cell = |rng: &mut Rng| ArrayCell {
        coordinates: vec![rng.i64(..), rng.i64(..), rng.i64(..)],
        valid_from_ms: rng.i64(..0),
        valid_until_ms: rng.i64(0..),
        attributes: vec![rng.u8(..); rng.usize(..40)],
    };
    ArrayPut {
        collection,
        array: stamp.to_string(),
        system_from_ms: rng.i64(..),
        cells: (0..rng.usize(1..6)).map(|_| cell(rng)).collect(),
    }
}

fn transaction(
    stamp: Stamp,
    collection: String,
    rng: &mut Rng,
) -> Result<Transaction, PayloadError> {
    let delete = Delete {
        collection: collection.clone(),
        key: stamp.bytes(),
    };
    Ok(Transaction {
        operations: vec![
            Operation::new(&put(stamp, collection, rng))?,
            Operation::new(&delete)?,
        ],
    })
}

/// Random bytes: mostly a few hundred, now and then more than several blocks.
fn filler(rng: &mut Rng) -> Vec<u8> {
    let len = match rng.u32(..100) {
        0 => rng.usize(10_000..60_000),
        1..=4 => 0,
        _ => rng.usize(1..500),
    };
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    bytes
}
