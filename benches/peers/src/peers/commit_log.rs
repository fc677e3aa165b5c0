//! commitlog 0.2.0: segments with an index beside them. It has no way to make a record durable.

use std::path::Path;
use std::sync::Mutex;

use commitlog::message::{MessageBuf, MessageSet};
use commitlog::{CommitLog, LogOptions, ReadLimit};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "commitlog",
    title: "commitlog 0.2.0",
    standing: Standing::NotDurable,
    commit: "NOT DURABLE: under a mutex, a buffered write and `flush`, which flushes nothing but whole \
             new pages of the index",
    stream: "NOT DURABLE: batches of half a MiB, then `flush`",
    checks: true,
    replay: "`read` of 1 MiB at a time; CRC-32C of each payload",
    open,
    read,
};

const BATCH_BYTES: usize = 512 << 10;
const READ_BYTES: usize = 1 << 20;

struct Segments {
    log: Mutex<CommitLog>,
}

fn open(directory: &Path, _purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let log = CommitLog::new(LogOptions::new(directory))?;
    let log = Mutex::new(log);
    Ok(Box::new(Segments { log }))
}

impl Peer for Segments {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        let mut log = self.log.lock().map_err(|_| "a writer panicked")?;
        log.append_msg(payload)?;
        log.flush()?;
        Ok(())
    }

    fn stream(&self, mut payloads: Payloads<'_>) -> Result<(), Failure> {
        let mut log = self.log.lock().map_err(|_| "a writer panicked")?;
        let per_batch = (BATCH_BYTES / payloads.payload_bytes()).max(1);
        while payloads.len() > 0 {
            let mut batch: MessageBuf = payloads.by_ref().take(per_batch).collect();
            log.append(&mut batch)?;
        }
        log.flush()?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        let log = self.log.into_inner();
        log.map_err(|_| "a writer panicked")?.flush()?;
        Ok(())
    }
}

fn read(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let log = CommitLog::new(LogOptions::new(directory))?;
    let mut next = 0;
    loop {
        let batch = log.read(next, ReadLimit::max_bytes(READ_BYTES))?;
        if batch.is_empty() {
            return Ok(());
        }
        for message in batch.iter() {
            each(message.payload());
            next = message.offset() + 1;
        }
    }
}
