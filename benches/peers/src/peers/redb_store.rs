//! redb 4: a B-tree without a log. Keys count up.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "redb",
    title: "redb 4.4.0",
    standing: Standing::Durable,
    commit: "a transaction with one insert, one writer at a time: writes its pages, one fdatasync \
             (`Durability::Immediate`, one-phase)",
    stream: "one transaction with all inserts",
    checks: false,
    replay: "an iterator over the table; page checksums are checked only when a database is repaired",
    open,
    read,
};

const FILE: &str = "redb";
const TABLE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");

struct Tree {
    database: Database,
    next: AtomicU64,
}

fn open(directory: &Path, _purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let database = Database::create(directory.join(FILE))?;
    let transaction = database.begin_write()?;
    let last = {
        let table = transaction.open_table(TABLE)?;
        table.last()?.map(|(key, _)| key.value())
    };
    transaction.abort()?;
    let next = AtomicU64::new(last.map_or(0, |last| last + 1));
    Ok(Box::new(Tree { database, next }))
}

impl Tree {
    fn insert<'a>(&self, payloads: impl Iterator<Item = &'a [u8]>) -> Result<(), Failure> {
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for payload in payloads {
                table.insert(self.next.fetch_add(1, Ordering::Relaxed), payload)?;
            }
        }
        transaction.commit()?;
        Ok(())
    }
}

impl Peer for Tree {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        self.insert(std::iter::once(payload))
    }

    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure> {
        self.insert(payloads)
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn read(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let database = Database::open(directory.join(FILE))?;
    let table = database.begin_read()?.open_table(TABLE)?;
    for row in table.iter()? {
        each(row?.1.value());
    }
    Ok(())
}
