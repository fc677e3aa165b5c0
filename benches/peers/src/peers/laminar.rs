//! laminar-storage 0.18.12, its per-core log: a writer of its own for each core. Threads share the
//! writers evenly.

use std::path::Path;
use std::sync::Mutex;

use laminar_storage::per_core_wal::{
    CoreWalWriter, PerCoreWalConfig, PerCoreWalManager, WalOperation,
};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "laminar",
    title: "laminar-storage 0.18.12, per-core WAL",
    standing: Standing::Durable,
    commit: "a file per core, its writer under a mutex: buffered write at the growing end, fdatasync; \
             the directory is not synced",
    stream: "one core's writer, then `sync`",
    checks: true,
    replay: "`merge_segments`: all records as one sorted vector; CRC-32C of each record",
    open,
    read,
};

struct Cores {
    writers: Vec<Mutex<CoreWalWriter>>,
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn open(directory: &Path, purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let config = PerCoreWalConfig::new(directory, cores());
    if purpose == Purpose::Reopen {
        // It reads everything to find where each writer goes on; what it opened is not to be had,
        // so that the writers are opened once more.
        PerCoreWalManager::open(config.clone())?;
    }
    let writers = (0..cores()).map(|core| {
        let writer = CoreWalWriter::new(core, &config.segment_path(core));
        writer.map(Mutex::new)
    });
    let writers = writers.collect::<Result<_, _>>()?;
    Ok(Box::new(Cores { writers }))
}

impl Peer for Cores {
    fn commit(&self, thread: usize, payload: &[u8]) -> Result<(), Failure> {
        let writer = &self.writers[thread % self.writers.len()];
        let mut writer = writer.lock().map_err(|_| "a writer panicked")?;
        writer.append_put(&[], payload)?;
        writer.sync()?;
        Ok(())
    }

    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure> {
        let mut writer = self.writers[0].lock().map_err(|_| "a writer panicked")?;
        for payload in payloads {
            writer.append_put(&[], payload)?;
        }
        writer.sync()?;
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        for writer in self.writers {
            writer
                .into_inner()
                .map_err(|_| "a writer panicked")?
                .sync()?;
        }
        Ok(())
    }
}

fn read(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let manager = PerCoreWalManager::new(PerCoreWalConfig::new(directory, cores()))?;
    for entry in manager.merge_segments()? {
        if let WalOperation::Put { value, .. } = &entry.operation {
            each(value);
        }
    }
    Ok(())
}
