//! What a node must hold, told from what was said to it and nothing else: no code of the node's is
//! used here but plain values.

use std::collections::{BTreeMap, BTreeSet};

use nodedb_wal::types::RecordKind;

/// Tenant, database, vshard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) tenant: u64,
    pub(crate) database: u64,
    pub(crate) vshard: u32,
}

/// One row written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) collection: String,
    pub(crate) key: u8,
    pub(crate) value: u64,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    Put(Write),
    Transaction(Vec<Write>),
    Drop {
        collection: String,
        purge: u64,
    },
    Abort {
        lsn: u64,
    },
    Flush {
        collection: String,
        watermark: u64,
    },
    Checkpoint {
        lsn: u64,
    },
    Hold {
        name: String,
        needs: Option<u64>,
    },
    Offset {
        partition: u32,
        offset: u64,
    },
    Calvin {
        epoch: u64,
        position: u32,
    },
    CalvinSeal {
        epoch: u64,
    },
    Alloc {
        first: u32,
        count: u32,
    },
    Bind {
        collection: String,
        surrogate: u32,
        key: u8,
    },
    Purge {
        collection: String,
        purged: u64,
    },
    /// Said by the node itself.
    AuditSeal,
}

/// The engine that checkpoints.
pub(crate) const ENGINE: &str = "kv";
pub(crate) const ENGINE_HOLD: &str = "checkpoint/kv";

impl Said {
    fn kind(&self) -> Option<RecordKind> {
        Some(match self {
            Self::Put(_) | Self::Transaction(_) => return None,
            Self::Drop { .. } => RecordKind::CollectionTombstoned,
            Self::Abort { .. } => RecordKind::WriteAborted,
            Self::Flush { .. } => RecordKind::ArrayFlush,
            Self::Checkpoint { .. } => RecordKind::Checkpoint,
            Self::Hold { .. } => RecordKind::Hold,
            Self::Offset { .. } => RecordKind::CommitOffsets,
            Self::Calvin { .. } => RecordKind::CalvinApplied,
            Self::CalvinSeal { .. } => RecordKind::CalvinSeal,
            Self::Alloc { .. } => RecordKind::SurrogateAlloc,
            Self::Bind { .. } => RecordKind::SurrogateBind,
            Self::Purge { .. } => RecordKind::TemporalPurge,
            Self::AuditSeal => RecordKind::AuditSeal,
        })
    }

    fn writes(&self) -> &[Write] {
        match self {
            Self::Put(write) => std::slice::from_ref(write),
            Self::Transaction(writes) => writes,
            _ => &[],
        }
    }
}

/// Tenant, database and collection.
pub(crate) type Collection = (u64, u64, String);

/// Rows: of each key the last write that counts, by its LSN, and its value.
pub(crate) type Rows = BTreeMap<(Collection, u8), (u64, u64)>;

/// What a node holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) dropped: BTreeMap<Collection, u64>,
    pub(crate) aborted: BTreeSet<u64>,
    pub(crate) flushed: BTreeMap<Collection, u64>,
    pub(crate) checkpoints: BTreeMap<String, u64>,
    pub(crate) holds: BTreeMap<String, Option<u64>>,
    pub(crate) offsets: BTreeMap<u32, u64>,
    /// For each vshard the last epoch that ended, and what was applied behind it.
    pub(crate) calvin: BTreeMap<u32, (u64, BTreeSet<(u64, u32)>)>,
    pub(crate) hwm: BTreeMap<(u64, u64), u32>,
    pub(crate) keys: BTreeMap<(Collection, u8), u32>,
    pub(crate) trail: Vec<(u64, RecordKind)>,
    pub(crate) purges: Vec<(u64, u64)>,
}

impl State {
    /// Leaves out what hides only records that are gone.
    pub(crate) fn forget_before(&mut self, start: u64) {
        self.dropped.retain(|_, purge| *purge > start);
        self.aborted.retain(|lsn| *lsn >= start);
        self.flushed.retain(|_, watermark| *watermark >= start);
    }
}

/// What was said, by LSN, and how much of it was acknowledged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    said: Vec<(Place, Said)>,
    /// The last records of batches.
    ends: BTreeSet<u64>,
    /// Everything up to here must be there.
    pub(crate) acknowledged: u64,
    /// The log must have gone as far as this.
    pub(crate) start_must: u64,
    /// And may have gone as far as this.
    pub(crate) start_may: u64,
}

impl Model {
    pub(crate) fn last(&self) -> u64 {
        self.said.len() as u64
    }

    pub(crate) fn say(&mut self, batch: impl IntoIterator<Item = (Place, Said)>) {
        self.said.extend(batch);
        self.ends.insert(self.last());
    }

    pub(crate) fn acknowledge(&mut self) {
        self.acknowledged = self.last();
    }

    /// Whether a crash may leave exactly the records up to `last`.
    pub(crate) fn may_end_at(&self, last: u64) -> bool {
        let is_end = last == 0 || self.ends.contains(&last);
        self.acknowledged <= last && last <= self.last() && is_end
    }

    /// The records behind `last` are gone.
    pub(crate) fn end_at(&mut self, last: u64) {
        self.said.truncate(usize::try_from(last).unwrap());
        self.ends.retain(|end| *end <= last);
        self.acknowledged = last;
    }

    /// What somebody may drop now, told by the holds: nothing before this.
    pub(crate) fn lowest_hold(&self) -> u64 {
        let holds = self.state().holds;
        holds
            .values()
            .map(|needs| needs.unwrap_or(0))
            .min()
            .unwrap_or(0)
    }

    fn each(&self) -> impl Iterator<Item = (u64, &Place, &Said)> {
        (1..)
            .zip(&self.said)
            .map(|(lsn, (place, said))| (lsn, place, said))
    }

    /// Everything but rows.
    pub(crate) fn state(&self) -> State {
        let mut state = State::default();
        for (lsn, place, said) in self.each() {
            state.trail.extend(said.kind().map(|kind| (lsn, kind)));
            take(&mut state, lsn, place, said);
        }
        state
    }

    /// The rows, of the records up to `last`, as what was said up to then leaves them.
    pub(crate) fn rows(&self, last: u64) -> Rows {
        let writes = self.engine_file(last).into_iter();
        let rows =
            writes.map(|(lsn, collection, write)| ((collection, write.key), (lsn, write.value)));
        rows.collect()
    }

    /// The writes up to `last` that are not hidden by what was said up to then: what an engine's
    /// own file holds that has checkpointed there. Also those that were written over since: what
    /// hides the later one may come later still.
    pub(crate) fn engine_file(&self, last: u64) -> Vec<(u64, Collection, Write)> {
        let up_to = || self.each().take_while(|(lsn, ..)| *lsn <= last);
        let mut hides = Hidden::default();
        for (_, place, said) in up_to() {
            match said {
                Said::Drop { collection, purge } => {
                    hides.drop(collection_of(place, collection), *purge);
                }
                Said::Abort { lsn } => hides.abort(*lsn),
                _ => {}
            }
        }
        let mut file = Vec::new();
        for (lsn, place, said) in up_to() {
            for write in said.writes() {
                let collection = collection_of(place, &write.collection);
                if !hides.hides(&collection, lsn) {
                    file.push((lsn, collection, write.clone()));
                }
            }
        }
        file
    }
}

/// What hides writes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hidden {
    dropped: BTreeMap<Collection, u64>,
    aborted: BTreeSet<u64>,
}

impl Hidden {
    pub(crate) fn drop(&mut self, collection: Collection, purge: u64) {
        let at = self.dropped.entry(collection).or_default();
        *at = purge.max(*at);
    }

    pub(crate) fn abort(&mut self, lsn: u64) {
        self.aborted.insert(lsn);
    }

    pub(crate) fn hides(&self, collection: &Collection, lsn: u64) -> bool {
        let dropped = self.dropped.get(collection);
        dropped.is_some_and(|purge| lsn < *purge) || self.aborted.contains(&lsn)
    }
}

pub(crate) fn collection_of(place: &Place, collection: &str) -> Collection {
    (place.tenant, place.database, collection.to_owned())
}

/// A mark that only goes forward.
fn raise<K: Ord, V: Ord>(marks: &mut BTreeMap<K, V>, key: K, to: V) {
    match marks.entry(key) {
        std::collections::btree_map::Entry::Vacant(place) => {
            place.insert(to);
        }
        std::collections::btree_map::Entry::Occupied(mut mark) => {
            if *mark.get() < to {
                mark.insert(to);
            }
        }
    }
}

fn take(state: &mut State, lsn: u64, place: &Place, said: &Said) {
    let database = (place.tenant, place.database);
    match said {
        Said::Put(_) | Said::Transaction(_) | Said::AuditSeal => {}
        Said::Drop { collection, purge } => {
            raise(&mut state.dropped, collection_of(place, collection), *purge);
        }
        Said::Abort { lsn } => {
            state.aborted.insert(*lsn);
        }
        Said::Flush {
            collection,
            watermark,
        } => {
            raise(
                &mut state.flushed,
                collection_of(place, collection),
                *watermark,
            );
        }
        Said::Checkpoint { lsn } => {
            raise(&mut state.checkpoints, ENGINE.to_owned(), *lsn);
            let at = state.checkpoints[ENGINE];
            state.holds.insert(ENGINE_HOLD.to_owned(), Some(at + 1));
        }
        Said::Hold { name, needs } => {
            state.holds.insert(name.clone(), *needs);
        }
        Said::Offset { partition, offset } => {
            state.offsets.insert(*partition, *offset);
        }
        Said::Calvin { epoch, position } => {
            let (watermark, applied) = state.calvin.entry(place.vshard).or_default();
            if *epoch > *watermark {
                applied.insert((*epoch, *position));
            }
        }
        Said::CalvinSeal { epoch } => {
            let (watermark, applied) = state.calvin.entry(place.vshard).or_default();
            *watermark = (*watermark).max(*epoch);
            applied.retain(|(epoch, _)| *epoch > *watermark);
        }
        Said::Alloc { first, count } => raise(&mut state.hwm, database, first + count - 1),
        Said::Bind {
            collection,
            surrogate,
            key,
        } => {
            raise(&mut state.hwm, database, *surrogate);
            let key = (collection_of(place, collection), *key);
            state.keys.entry(key).or_insert(*surrogate);
        }
        Said::Purge { purged, .. } => state.purges.push((lsn, *purged)),
    }
}
