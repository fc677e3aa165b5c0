//! This log, with every setting as it comes.

use std::path::Path;

use nodedb_wal::{Config, Log, ReadOptions, Reader, Record, RecordKind, Scope};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "ours",
    title: "nodedb-wal, this one",
    standing: Standing::Ours,
    commit: "one direct O_DSYNC write over prepared space carries everybody who waits",
    stream: "append after append, then `sync`",
    checks: true,
    replay: "`Reader::read`; CRC-32C of each header and each payload",
    open,
    read,
};

struct Ours {
    log: Log,
}

fn open(directory: &Path, purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let log = Log::open(Config::new(directory))?;
    if matches!(purpose, Purpose::Commits { .. }) {
        // As it is once it has run for a while: its segment was filled with zeros ahead.
        log.append(&Record::raw(RecordKind::Noop, Scope::default(), b""))?;
        log.rotate()?;
    }
    Ok(Box::new(Ours { log }))
}

fn record(payload: &[u8]) -> Record<'_> {
    Record::raw(RecordKind::Put, Scope::default(), payload)
}

impl Peer for Ours {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        let lsn = self.log.append(&record(payload))?;
        self.log.commit(lsn)?;
        Ok(())
    }

    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure> {
        for payload in payloads {
            self.log.append(&record(payload))?;
        }
        self.log.sync()?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        self.log.close()?;
        Ok(())
    }
}

fn read(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let mut records = Reader::open(directory)?.read(ReadOptions::all())?;
    while let Some(record) = records.next()? {
        each(record.payload);
    }
    Ok(())
}
