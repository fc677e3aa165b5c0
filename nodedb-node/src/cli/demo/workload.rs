//! What each thread does, operation by operation: a function of the seed and nothing else.

use fastrand::Rng;
use nodedb_wal::payload::{AnyPayload, PayloadError};
use nodedb_wal::types::{
    CollectionTag, DatabaseId, Epoch, Lsn, Record, RecordKind, Scope, TenantId, VshardId,
};

use super::content::{self, Stamp};
use super::wire::Content;

/// Tenants, databases of each, and vshards that are written to.
const TENANTS: u64 = 4;
const DATABASES: u64 = 2;
const VSHARDS: u32 = 16;

/// Operations of one epoch of a thread.
const EPOCH_OPERATIONS: u64 = 32;

/// Records of the largest batch.
const BATCH_RECORDS_MAX: u32 = 8;

/// One append call of one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OperationId {
    pub(super) seed: u64,
    pub(super) round: u32,
    pub(super) thread: u32,
    pub(super) sequence: u64,
}

/// What one call appends: one record, or a batch of several.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) records: Vec<Planned>,
    /// Whether the thread commits after it.
    pub(super) commits: bool,
}

/// A record to be appended.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    kind: RecordKind,
    pub(super) scope: Scope,
    collection: CollectionTag,
    pub(super) epoch: Epoch,
    /// The typed payload; nothing when the record is raw.
    pub(super) payload: Option<AnyPayload>,
    encoded: Vec<u8>,
}

impl OperationId {
    /// What the operation is. `purge_lsn` is what its tombstones purge up to, if it has any: the
    /// one thing that follows from the log and not from the seed.
    pub(super) fn operation(self, purge_lsn: Lsn) -> Result<Operation, PayloadError> {
        let mut rng = self.rng();
        let count = match rng.u32(..6) {
            0 => rng.u32(2..=BATCH_RECORDS_MAX),
            _ => 1,
        };
        // Some threads commit after each operation, others now and then.
        let commits = self.thread.is_multiple_of(2) || rng.u32(..4) == 0;
        let records = (0..count)
            .map(|index| self.planned(index, purge_lsn, &mut rng))
            .collect::<Result<_, _>>()?;
        Ok(Operation { records, commits })
    }

    /// The thread's next operation.
    pub(super) const fn next(self) -> Self {
        Self {
            sequence: self.sequence + 1,
            ..self
        }
    }

    fn planned(self, index: u32, purge_lsn: Lsn, rng: &mut Rng) -> Result<Planned, PayloadError> {
        let scope = Scope::new(
            TenantId::new(rng.u64(1..=TENANTS)),
            DatabaseId::new(rng.u64(1..=DATABASES)),
            VshardId::new(rng.u32(..VSHARDS)),
        );
        let epoch = match rng.u32(..3) {
            0 => Epoch::NONE,
            _ => Epoch::new(1 + self.sequence / EPOCH_OPERATIONS),
        };
        let stamp = Stamp {
            round: self.round,
            thread: self.thread,
            sequence: self.sequence,
            index,
        };
        let kind = self.kind(index, rng);
        let Some(payload) = content::payload(kind, stamp, scope, epoch, purge_lsn, rng)? else {
            return Ok(Planned::raw(kind, scope, epoch, stamp));
        };
        Planned::typed(payload, scope, epoch)
    }

    /// The first operations of a thread go through every kind, so that the shortest round has all.
    fn kind(self, index: u32, rng: &mut Rng) -> RecordKind {
        let kinds = RecordKind::ALL;
        let turn = self.sequence + u64::from(index) + u64::from(self.thread) * 3;
        match usize::try_from(turn) {
            Ok(turn) if self.sequence < kinds.len() as u64 => kinds[turn % kinds.len()],
            _ => content::likely_kind(rng),
        }
    }

    /// A generator of this operation's own.
    fn rng(self) -> Rng {
        let parts = [u64::from(self.round), u64::from(self.thread), self.sequence];
        let seed = parts.into_iter().fold(self.seed, |seed, part| {
            Rng::with_seed(seed ^ part.wrapping_mul(0x9e37_79b9_7f4a_7c15)).u64(..)
        });
        Rng::with_seed(seed)
    }
}

impl Planned {
    fn typed(payload: AnyPayload, scope: Scope, epoch: Epoch) -> Result<Self, PayloadError> {
        let mut encoded = Vec::new();
        payload.encode(&mut encoded)?;
        Ok(Self {
            kind: payload.kind(),
            scope,
            collection: payload
                .collection()
                .map_or(CollectionTag::NONE, CollectionTag::of),
            epoch,
            payload: Some(payload),
            encoded,
        })
    }

    fn raw(kind: RecordKind, scope: Scope, epoch: Epoch, stamp: Stamp) -> Self {
        Self {
            kind,
            scope,
            collection: CollectionTag::NONE,
            epoch,
            payload: None,
            encoded: stamp.to_string().into_bytes(),
        }
    }

    /// The record to append, encoded.
    pub(super) fn record(&self) -> Record<'_> {
        Record {
            kind: self.kind,
            scope: self.scope,
            collection: self.collection,
            epoch: self.epoch,
            payload: &self.encoded,
            opaque: self.payload.is_none(),
        }
    }

    /// What must come back.
    pub(super) fn content(&self, batch_continues: bool) -> Content<'_> {
        Content {
            kind: self.kind.code(),
            scope: self.scope,
            collection: self.collection,
            epoch: self.epoch,
            opaque: self.payload.is_none(),
            batch_continues,
            payload: &self.encoded,
        }
    }
}

impl Operation {
    /// Whether the operation drops a collection, so that its content depends on the log.
    pub(super) fn drops_collections(&self) -> bool {
        let is_tombstone = |record: &Planned| record.kind == RecordKind::CollectionTombstoned;
        self.records.iter().any(is_tombstone)
    }

    /// What must come back of each record, in order.
    pub(super) fn contents(&self) -> impl Iterator<Item = Content<'_>> {
        let last = self.records.len() - 1;
        let records = self.records.iter().enumerate();
        records.map(move |(index, record)| record.content(index < last))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn id(thread: u32, sequence: u64) -> OperationId {
        OperationId {
            seed: 7,
            round: 1,
            thread,
            sequence,
        }
    }

    fn digests(id: OperationId, purge: u64) -> Vec<u64> {
        let operation = id.operation(Lsn::new(purge)).unwrap();
        operation
            .contents()
            .map(|content| content.digest())
            .collect()
    }

    #[test]
    fn an_operation_is_the_same_each_time_and_unlike_every_other() {
        let mut seen = BTreeSet::new();
        let mut records = 0;
        for thread in 0..4 {
            for sequence in 0..200 {
                let first = digests(id(thread, sequence), 5);
                assert_eq!(first, digests(id(thread, sequence), 5));
                records += first.len();
                seen.extend(first);
            }
        }
        assert_eq!(seen.len(), records);
    }

    #[test]
    fn the_shortest_round_has_every_kind_every_tenant_and_eight_vshards() {
        let operations: Vec<Operation> = (0..RecordKind::ALL.len() as u64)
            .map(|sequence| id(0, sequence).operation(Lsn::ZERO).unwrap())
            .collect();
        let records = || operations.iter().flat_map(|operation| &operation.records);
        let kinds: BTreeSet<RecordKind> = records().map(|record| record.kind).collect();
        assert_eq!(kinds.len(), RecordKind::ALL.len());
        let tenants: BTreeSet<TenantId> = records().map(|record| record.scope.tenant).collect();
        assert_eq!(tenants.len() as u64, TENANTS);
        let vshards: BTreeSet<VshardId> = records().map(|record| record.scope.vshard).collect();
        assert!(vshards.len() >= 8, "{vshards:?}");
    }

    #[test]
    fn only_tombstones_depend_on_the_log() {
        for sequence in 0..500 {
            let id = id(3, sequence);
            let depends = digests(id, 1) != digests(id, 2);
            let operation = id.operation(Lsn::ZERO).unwrap();
            assert_eq!(depends, operation.drops_collections(), "{sequence}");
        }
    }
}
