//! raft-engine 0.4.2: one raft group per thread, one entry per record.

use std::path::Path;
use std::sync::Mutex;

use protobuf::descriptor::UninterpretedOption;
use raft_engine::{Config, Engine, LogBatch, MessageExt, ReadableSize};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "raft-engine",
    title: "raft-engine 0.4.2",
    standing: Standing::Durable,
    commit: "a write group: its leader writes everybody's batch, one call each, and does one fdatasync, \
             in a file whose space was allocated ahead",
    stream: "batches of 256 entries or 1 MiB, then `sync`; no compression",
    checks: true,
    replay: "`Engine::open`, which reads and checks everything, then `fetch_entries_to`; CRC-32 of each \
             batch",
    open,
    read,
};

/// The group of thread 0; the next has the next.
const FIRST_GROUP: u64 = 1;
const BATCH_ENTRIES: usize = 256;
const BATCH_BYTES: usize = 1 << 20;
/// Entries fetched at a time.
const FETCH_ENTRIES: u64 = 1024;

/// An entry is any protobuf message with an index. This one of protobuf's own has a number and bytes,
/// and needs no generated code.
#[derive(Debug)]
struct Numbered;

impl MessageExt for Numbered {
    type Entry = UninterpretedOption;

    fn index(entry: &UninterpretedOption) -> u64 {
        entry.get_positive_int_value()
    }
}

struct Groups {
    engine: Engine,
    /// The next index of each group.
    next: Vec<Mutex<u64>>,
}

fn config(directory: &Path) -> Config {
    Config {
        dir: directory.to_string_lossy().into_owned(),
        // Random bytes do not get shorter.
        batch_compression_threshold: ReadableSize(0),
        ..Config::default()
    }
}

fn open(directory: &Path, purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let engine = Engine::open(config(directory))?;
    let threads = match purpose {
        Purpose::Commits { threads } => threads,
        Purpose::Stream { .. } | Purpose::Reopen => 1,
    };
    let next = (FIRST_GROUP..).take(threads).map(|group| {
        let last = engine.last_index(group).unwrap_or(0);
        Mutex::new(last + 1)
    });
    let next = next.collect();
    Ok(Box::new(Groups { engine, next }))
}

fn entry(index: u64, payload: &[u8]) -> UninterpretedOption {
    let mut entry = UninterpretedOption::new();
    entry.set_positive_int_value(index);
    entry.set_string_value(payload.to_vec());
    entry
}

impl Peer for Groups {
    fn commit(&self, thread: usize, payload: &[u8]) -> Result<(), Failure> {
        let mut next = self.next[thread].lock().map_err(|_| "a writer panicked")?;
        let mut batch = LogBatch::default();
        let group = FIRST_GROUP + thread as u64;
        batch.add_entries::<Numbered>(group, &[entry(*next, payload)])?;
        self.engine.write(&mut batch, true)?;
        *next += 1;
        Ok(())
    }

    fn stream(&self, mut payloads: Payloads<'_>) -> Result<(), Failure> {
        let mut next = self.next[0].lock().map_err(|_| "a writer panicked")?;
        let per_batch = (BATCH_BYTES / payloads.payload_bytes()).clamp(1, BATCH_ENTRIES);
        while payloads.len() > 0 {
            let entries: Vec<UninterpretedOption> = (*next..)
                .zip(payloads.by_ref().take(per_batch))
                .map(|(index, payload)| entry(index, payload))
                .collect();
            let mut batch = LogBatch::default();
            batch.add_entries::<Numbered>(FIRST_GROUP, &entries)?;
            self.engine.write(&mut batch, false)?;
            *next += entries.len() as u64;
        }
        // An empty batch is not written, and does not sync either: the last one has to.
        let mut last = LogBatch::default();
        last.put(FIRST_GROUP, b"end".to_vec(), Vec::new())?;
        self.engine.write(&mut last, true)?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn read(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let engine = Engine::open(config(directory))?;
    let bounds = engine
        .first_index(FIRST_GROUP)
        .zip(engine.last_index(FIRST_GROUP));
    let Some((first, last)) = bounds else {
        return Ok(());
    };
    let mut entries = Vec::new();
    let mut begin = first;
    while begin <= last {
        let end = (begin + FETCH_ENTRIES).min(last + 1);
        engine.fetch_entries_to::<Numbered>(FIRST_GROUP, begin, end, None, &mut entries)?;
        for entry in entries.drain(..) {
            each(entry.get_string_value());
        }
        begin = end;
    }
    Ok(())
}
