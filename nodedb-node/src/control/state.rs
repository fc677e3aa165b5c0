//! Everything control records have said so far, put together.

use std::collections::{BTreeMap, BTreeSet};

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, TenantId, Timestamp};

use super::{CalvinProgress, ConsumerState, ConsumerStates, ControlRecord, Holds, SourceOffsets};

/// What the names of holds start with that checkpoints move.
const CHECKPOINT_HOLDS: &str = "checkpoint/";
/// What the names of holds start with that consumers move.
const CONSUMER_HOLDS: &str = "consumer/";

/// A collection that was dropped, and the epoch it was dropped in: as of an earlier epoch it had
/// not happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DroppedName {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// The collection.
    pub collection: String,
    /// The epoch the tombstone was written in.
    pub epoch: Epoch,
}

/// An array of a collection.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArrayName {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// The collection.
    pub collection: String,
    /// The array's name in the collection.
    pub array: String,
}

/// Everything control records have said so far, surrogates and the audit trail excepted: those are
/// as large as the data and live in the catalog only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ControlState {
    /// For each dropped collection the LSN before which its records are hidden.
    pub dropped: BTreeMap<DroppedName, Lsn>,
    /// Records whose operation was aborted.
    pub aborted: BTreeSet<Lsn>,
    /// For each array the last record that its own files hold.
    pub flushed: BTreeMap<ArrayName, Lsn>,
    /// For each engine the last record it no longer needs.
    pub checkpoints: BTreeMap<String, Lsn>,
    /// Who needs old records.
    pub holds: Holds,
    /// The consumers of the log.
    pub consumers: ConsumerStates,
    /// How far sources were taken in.
    pub offsets: SourceOffsets,
    /// Which Calvin transactions were applied.
    pub calvin: CalvinProgress,
}

impl ControlState {
    /// The hold that an engine's checkpoints move.
    #[must_use]
    pub fn checkpoint_hold(engine: &str) -> String {
        format!("{CHECKPOINT_HOLDS}{engine}")
    }

    /// Whether a hold of this name is one that an engine's checkpoints move.
    #[must_use]
    pub fn is_checkpoint_hold(name: &str) -> bool {
        name.starts_with(CHECKPOINT_HOLDS)
    }

    /// The hold that a consumer's acknowledgements move.
    #[must_use]
    pub fn consumer_hold(consumer: &str) -> String {
        format!("{CONSUMER_HOLDS}{consumer}")
    }

    /// Whether a hold of this name is one that a consumer's acknowledgements move.
    #[must_use]
    pub fn is_consumer_hold(name: &str) -> bool {
        name.starts_with(CONSUMER_HOLDS)
    }

    /// Takes a control record in. Records come in the order of the log.
    pub fn apply(&mut self, record: &ControlRecord) {
        let header = &record.header;
        let scope = header.scope;
        match &record.payload {
            AnyPayload::CollectionTombstoned(dropped) => {
                let name = DroppedName {
                    tenant: scope.tenant,
                    database: scope.database,
                    collection: dropped.collection.clone(),
                    epoch: header.epoch,
                };
                raise(self.dropped.entry(name).or_default(), dropped.purge_lsn);
            }
            AnyPayload::WriteAborted(aborted) => {
                self.aborted.insert(aborted.lsn);
            }
            AnyPayload::ArrayFlush(flush) => {
                let name = ArrayName {
                    tenant: scope.tenant,
                    database: scope.database,
                    collection: flush.collection.clone(),
                    array: flush.array.clone(),
                };
                raise(self.flushed.entry(name).or_default(), flush.watermark);
            }
            AnyPayload::Checkpoint(checkpoint) => {
                let engine = checkpoint.engine.clone();
                let lsn = raise(self.checkpoints.entry(engine).or_default(), checkpoint.lsn);
                let name = Self::checkpoint_hold(&checkpoint.engine);
                self.holds.set(&name, Some(lsn.next()), header.timestamp);
            }
            AnyPayload::Hold(hold) => {
                self.holds.set(&hold.name, hold.needs, header.timestamp);
            }
            AnyPayload::CommitOffsets(commit) => self.offsets.apply(commit),
            AnyPayload::CalvinApplied(applied) => self.calvin.apply(applied),
            AnyPayload::CalvinSeal(seal) => self.calvin.seal(seal),
            AnyPayload::ConsumerAdded(added) => {
                self.consumers.add(added, header.timestamp);
                self.hold_for(&added.name, header.timestamp);
            }
            AnyPayload::ConsumerDropped(dropped) => {
                self.consumers.drop(dropped);
                self.hold_for(&dropped.name, header.timestamp);
            }
            AnyPayload::ConsumerCursors(cursors) => {
                self.consumers.move_on(cursors);
                for cursor in &cursors.cursors {
                    self.hold_for(&cursor.name, header.timestamp);
                }
            }
            _ => {}
        }
    }

    /// Moves the hold of a consumer to where that is, or drops it.
    fn hold_for(&mut self, consumer: &str, at: Timestamp) {
        let state = self.consumers.find(consumer);
        let needs = state.and_then(ConsumerState::needs).unwrap_or(Lsn::MAX);
        self.holds
            .set(&Self::consumer_hold(consumer), Some(needs), at);
    }

    /// Drops what hides only records before `start`, which are gone.
    pub fn forget_before(&mut self, start: Lsn) {
        self.dropped.retain(|_, purge_lsn| *purge_lsn > start);
        self.aborted.retain(|lsn| *lsn >= start);
        self.flushed.retain(|_, watermark| *watermark >= start);
    }
}

/// Moves a mark forward, never back. Returns where it is then.
fn raise(mark: &mut Lsn, to: Lsn) -> Lsn {
    *mark = to.max(*mark);
    *mark
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether any of what the state hides of a log that starts at `start` is still there, by trying
    /// every record there can be.
    fn hides_anything(state: &ControlState, start: u64) -> [bool; 3] {
        let mut left = (start..40).map(Lsn::new);
        let dropped = |lsn: Lsn| state.dropped.values().any(|purge_lsn| lsn < *purge_lsn);
        let flushed = |lsn: Lsn| state.flushed.values().any(|watermark| lsn <= *watermark);
        [
            left.clone().any(dropped),
            left.clone().any(|lsn| state.aborted.contains(&lsn)),
            left.any(flushed),
        ]
    }

    fn sample() -> ControlState {
        let dropped = DroppedName {
            tenant: TenantId::new(1),
            database: DatabaseId::new(1),
            collection: "orders".to_owned(),
            epoch: Epoch::NONE,
        };
        let array = ArrayName {
            tenant: TenantId::new(1),
            database: DatabaseId::new(1),
            collection: "genome".to_owned(),
            array: "a".to_owned(),
        };
        ControlState {
            dropped: BTreeMap::from([(dropped, Lsn::new(10))]),
            aborted: BTreeSet::from([Lsn::new(20)]),
            flushed: BTreeMap::from([(array, Lsn::new(30))]),
            ..ControlState::default()
        }
    }

    /// Dropped too early, hidden records come back; too late, the state grows for ever.
    #[test]
    fn what_hides_records_goes_exactly_when_the_last_of_them_is_gone() {
        for start in 1..40 {
            let whole = sample();
            let mut kept = sample();
            kept.forget_before(Lsn::new(start));
            let hides = hides_anything(&whole, start);
            assert_eq!(hides_anything(&kept, start), hides, "{start}");
            let is_kept = [
                !kept.dropped.is_empty(),
                !kept.aborted.is_empty(),
                !kept.flushed.is_empty(),
            ];
            assert_eq!(is_kept, hides, "{start}");
        }
    }
}
