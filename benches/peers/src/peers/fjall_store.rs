//! fjall 3: a store whose journal is the log. Keys count up, so that reading in key order is reading
//! in the order of writing.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "fjall",
    title: "fjall 3.1.13",
    standing: Standing::Durable,
    commit: "a journal entry under its lock, then `persist(SyncData)`: an fdatasync under the same \
             lock; every record goes into a memtable too",
    stream: "batches of 256 inserts, then `persist(SyncData)`",
    checks: true,
    replay: "opening replays the journal, then an iterator over the keyspace; XXH3 of each batch of \
             the journal and each block of a table",
    open,
    read,
};

const KEYSPACE: &str = "log";
const BATCH_ENTRIES: usize = 256;

struct Store {
    database: Database,
    keyspace: Keyspace,
    next: AtomicU64,
}

fn open(directory: &Path, _purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let (database, keyspace) = start(directory)?;
    let last = keyspace.last_key_value().map(fjall::Guard::key);
    let next = match last.transpose()? {
        Some(key) => u64::from_be_bytes(key[..].try_into()?) + 1,
        None => 0,
    };
    Ok(Box::new(Store {
        database,
        keyspace,
        next: AtomicU64::new(next),
    }))
}

fn start(directory: &Path) -> Result<(Database, Keyspace), Failure> {
    let database = Database::builder(directory).open()?;
    let keyspace = database.keyspace(KEYSPACE, KeyspaceCreateOptions::default)?;
    Ok((database, keyspace))
}

impl Store {
    fn key(&self) -> [u8; 8] {
        self.next.fetch_add(1, Ordering::Relaxed).to_be_bytes()
    }
}

impl Peer for Store {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        self.keyspace.insert(self.key(), payload)?;
        self.database.persist(PersistMode::SyncData)?;
        Ok(())
    }

    fn stream(&self, mut payloads: Payloads<'_>) -> Result<(), Failure> {
        while payloads.len() > 0 {
            let mut batch = self.database.batch();
            for payload in payloads.by_ref().take(BATCH_ENTRIES) {
                batch.insert(&self.keyspace, self.key(), payload);
            }
            batch.commit()?;
        }
        self.database.persist(PersistMode::SyncData)?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        self.database.persist(PersistMode::SyncAll)?;
        Ok(())
    }
}

fn read(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let (_database, keyspace) = start(directory)?;
    for guard in keyspace.iter() {
        each(&guard.value()?);
    }
    Ok(())
}
