//! walrus-rust 0.2.0: topics in blocks of 10 MiB. It takes its directory from the environment variable
//! `WALRUS_DATA_DIR`, which whoever starts the process sets.

use std::path::Path;

use walrus_rust::{FsyncSchedule, ReadConsistency, Walrus, disable_fd_backend};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "walrus",
    title: "walrus-rust 0.2.0",
    standing: Standing::Durable,
    commit: "`SyncEach`, under a mutex: a write to a file opened with O_SYNC, then fsync; the file is \
             sparse, so most commits allocate",
    stream: "mapped files, `NoFsync`; blocks are synced as they fill, and a last batch append syncs \
             the rest",
    checks: true,
    replay: "`batch_read_for_topic`, mapped files; opening reads and checks everything once, reading \
             again; FNV-1a of each payload",
    open,
    read,
};

const KEY: &str = "log";
const TOPIC: &str = "topic";
/// The bytes asked for in each read.
const READ_BYTES: usize = 8 << 20;

struct Topic {
    walrus: Walrus,
    schedule: FsyncSchedule,
}

fn start(schedule: FsyncSchedule) -> Result<Walrus, Failure> {
    // Reading positions are not to be written while reading.
    let consistency = ReadConsistency::AtLeastOnce {
        persist_every: u32::MAX,
    };
    let walrus = Walrus::with_consistency_and_schedule_for_key(KEY, consistency, schedule)?;
    Ok(walrus)
}

fn open(_directory: &Path, purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let schedule = match purpose {
        Purpose::Stream { .. } => {
            disable_fd_backend();
            FsyncSchedule::NoFsync
        }
        Purpose::Commits { .. } => FsyncSchedule::SyncEach,
        Purpose::Reopen => FsyncSchedule::NoFsync,
    };
    let walrus = start(schedule)?;
    Ok(Box::new(Topic { walrus, schedule }))
}

impl Peer for Topic {
    fn commit(&self, _thread: usize, payload: &[u8]) -> Result<(), Failure> {
        match self.schedule {
            FsyncSchedule::SyncEach => self.walrus.append_for_topic(TOPIC, payload)?,
            // A batch is synced at its end, whatever the schedule.
            _ => self.walrus.batch_append_for_topic(TOPIC, &[payload])?,
        }
        Ok(())
    }

    fn stream(&self, payloads: Payloads<'_>) -> Result<(), Failure> {
        let mut left = payloads.len();
        for payload in payloads {
            left -= 1;
            if left > 0 {
                self.walrus.append_for_topic(TOPIC, payload)?;
            } else {
                self.walrus.batch_append_for_topic(TOPIC, &[payload])?;
            }
        }
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn read(_directory: &Path, mut each: Each) -> Result<(), Failure> {
    disable_fd_backend();
    let walrus = start(FsyncSchedule::NoFsync)?;
    loop {
        let entries = walrus.batch_read_for_topic(TOPIC, READ_BYTES, true)?;
        if entries.is_empty() {
            return Ok(());
        }
        for entry in entries {
            each(&entry.data);
        }
    }
}
