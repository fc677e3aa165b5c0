//! The data plane: what is written is in the log, durable, before anybody sees it; what is seen is
//! in memory over the rows of the store; a checkpoint moves it down there and lets the log go.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use nodedb_node::replay::{EngineFamily, ReplayPlan, ReplayReport};
use nodedb_node::{Node, NodeConfig, Truncation};
use nodedb_wal::payload::{
    AnyPayload, Checkpoint, CollectionTombstoned, Delete, Operation, Put, Transaction,
};
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, VshardId};
use parking_lot::RwLock;

use crate::store::{Change, Collection, Store, What};

const TENANT: TenantId = TenantId::new(1);
const DATABASE: DatabaseId = DatabaseId::new(1);
const VSHARD: VshardId = VshardId::new(1);

/// Segments of the example are small, so that some go with every few checkpoints.
const SEGMENT_BYTES: u64 = 1 << 20;

/// One operation of a transaction.
#[derive(Clone, Debug)]
pub(crate) enum Write {
    Put(&'static str, Vec<u8>, Vec<u8>),
    Delete(&'static str, Vec<u8>),
}

/// A data plane of one engine, one database and one vshard.
pub(crate) struct DataPlane {
    node: Node,
    store: Store,
    /// What the log says and the store does not hold yet, in the order of the log.
    ///
    /// Writers hold it shared while their record is on its way: whoever holds it alone, as a
    /// checkpoint does, finds every record that was appended in here.
    recent: RwLock<RwLock<Recent>>,
    restart: ReplayReport,
}

/// Changes that are durable in the log, and nowhere else.
#[derive(Default)]
struct Recent {
    changes: Vec<Change>,
    /// The last word on each row.
    rows: BTreeMap<(Collection, Vec<u8>), LastWord>,
}

/// The record that spoke last of a row, and what it left there.
type LastWord = (Lsn, Option<Vec<u8>>);

impl DataPlane {
    /// The restart path: the log is recovered, the catalog caught up, and the store given what it
    /// lacks: what is behind the LSN it keeps, whatever checkpoints were taken.
    pub(crate) fn open(directory: &Path) -> Result<Self, Box<dyn Error>> {
        let config = NodeConfig::new(directory.join("log"));
        let node = Node::open(config.with_log(|log| log.segment_bytes(SEGMENT_BYTES)))?;
        let store = Store::open(&directory.join("rows.redb"))?;
        let engine = EngineFamily::KeyValue;
        let plan = ReplayPlan::from_checkpoints()
            .engines(&[engine])
            .engine_after(engine, store.applied()?);
        let restart = node.replay(&plan, &mut store.restoring())?;
        Ok(Self {
            node,
            store,
            recent: RwLock::default(),
            restart,
        })
    }

    /// What the restart came to.
    pub(crate) fn restart(&self) -> &ReplayReport {
        &self.restart
    }

    /// The first record the log still holds, and the bytes of its files.
    pub(crate) fn retained(&self) -> (Lsn, u64) {
        let wal = self.node.wal();
        (wal.start_lsn(), wal.total_size_bytes())
    }

    /// The write path: append, commit, then make visible. All of the writes take effect, or, after
    /// a crash before this returns, perhaps none.
    pub(crate) fn write(&self, writes: &[Write]) -> Result<Lsn, Box<dyn Error>> {
        let operations = writes.iter().map(operation).collect::<Result<_, _>>()?;
        let transaction = Transaction { operations };
        let recent = self.recent.read();
        let wal = self.node.wal();
        let lsn = wal.append_transaction(TENANT, VSHARD, DATABASE, &transaction)?;
        wal.commit(lsn)?;
        let mut recent = recent.write();
        for write in writes {
            recent.take(change(lsn, write));
        }
        Ok(lsn)
    }

    /// Drops a collection: what was written to it up to now goes.
    pub(crate) fn drop_collection(&self, name: &'static str) -> Result<(), Box<dyn Error>> {
        // Alone, so that the tombstone's own LSN is known before it is appended.
        let mut recent = self.recent.write();
        let wal = self.node.wal();
        let dropped = CollectionTombstoned {
            collection: name.to_owned(),
            purge_lsn: wal.next_lsn(),
        };
        let lsn = wal.append_collection_tombstone(TENANT, VSHARD, DATABASE, &dropped)?;
        wal.commit(lsn)?;
        let purge_lsn = dropped.purge_lsn;
        // Rows of the store would shine through in memory: the drop goes there at once, behind
        // everything that came before it.
        let recent = recent.get_mut();
        recent.take(Change {
            lsn,
            collection: collection(name),
            what: What::Drop { purge_lsn },
        });
        self.move_down(recent, lsn)
    }

    /// The row of this key, as the last write that is durable left it.
    pub(crate) fn find(
        &self,
        name: &'static str,
        key: &[u8],
    ) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        let recent = self.recent.read();
        let recent = recent.read();
        let at = (collection(name), key.to_vec());
        if let Some((_, row)) = recent.rows.get(&at) {
            return Ok(row.clone());
        }
        Ok(self.store.find(&at.0, key)?)
    }

    /// Moves what is in memory down to the store, tells the log that it is there, and drops the
    /// segments that nobody needs any more. An engine under load would let writes go on meanwhile.
    pub(crate) fn checkpoint(&self) -> Result<Truncation, Box<dyn Error>> {
        let mut recent = self.recent.write();
        let wal = self.node.wal();
        // Nobody else is in the middle of a write: what is durable is what is in memory.
        let applied = wal.sync()?.lsn();
        self.move_down(recent.get_mut(), applied)?;
        let checkpoint = Checkpoint {
            engine: EngineFamily::KeyValue.name().to_owned(),
            lsn: applied,
        };
        let lsn = wal.append_checkpoint(TENANT, VSHARD, DATABASE, &checkpoint)?;
        wal.commit(lsn)?;
        Ok(self.node.truncate_to_holds()?)
    }

    pub(crate) fn close(self) -> Result<(), Box<dyn Error>> {
        Ok(self.node.close()?)
    }

    fn move_down(&self, recent: &mut Recent, applied: Lsn) -> Result<(), Box<dyn Error>> {
        // Writers that ran side by side came here in any order; the log's is the one that counts.
        recent.changes.sort_by_key(|change| change.lsn);
        self.store.change(&recent.changes, applied)?;
        *recent = Recent::default();
        Ok(())
    }
}

impl Recent {
    /// Takes a change in. One that comes behind a later one of the same row changes nothing.
    fn take(&mut self, change: Change) {
        let row = match &change.what {
            What::Put { key, value } => Some((key, Some(value.clone()))),
            What::Delete { key } => Some((key, None)),
            What::Drop { .. } => None,
        };
        if let Some((key, row)) = row {
            let at = (change.collection.clone(), key.clone());
            let known = self.rows.get(&at);
            if known.is_none_or(|(lsn, _)| *lsn <= change.lsn) {
                self.rows.insert(at, (change.lsn, row));
            }
        }
        self.changes.push(change);
    }
}

fn collection(name: &str) -> Collection {
    Collection {
        tenant: TENANT,
        database: DATABASE,
        name: name.to_owned(),
    }
}

fn payload(write: &Write) -> AnyPayload {
    match write {
        Write::Put(collection, key, value) => Put {
            collection: (*collection).to_owned(),
            key: key.clone(),
            value: value.clone(),
        }
        .into(),
        Write::Delete(collection, key) => Delete {
            collection: (*collection).to_owned(),
            key: key.clone(),
        }
        .into(),
    }
}

fn operation(write: &Write) -> Result<Operation, Box<dyn Error>> {
    let payload = payload(write);
    let mut bytes = Vec::new();
    payload.encode(&mut bytes)?;
    Ok(Operation {
        kind: payload.kind().code(),
        collection: payload.collection().map(str::to_owned),
        payload: bytes,
    })
}

fn change(lsn: Lsn, write: &Write) -> Change {
    let (name, what) = match write.clone() {
        Write::Put(name, key, value) => (name, What::Put { key, value }),
        Write::Delete(name, key) => (name, What::Delete { key }),
    };
    Change {
        lsn,
        collection: collection(name),
        what,
    }
}
