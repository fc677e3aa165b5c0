//! The disk by itself, through the log's storage door: 4 KiB direct durable writes over written space,
//! 1 MiB ones into allocated space, and buffered reads with read-ahead.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use nodedb_wal::storage::{
    Access, AlignedBuf, IoMode, OsStorage, Storage, StorageFile, WriteError,
};

use crate::peer::{Each, Failure, Kind, Payloads, Peer, Purpose, Standing};

pub(crate) const KIND: Kind = Kind {
    name: "raw",
    title: "the disk by itself",
    standing: Standing::Raw,
    commit: "one direct O_DSYNC write of 4 KiB over written zeros, one in flight, from one thread",
    stream: "direct O_DSYNC writes of 1 MiB into allocated space, one in flight",
    checks: false,
    replay: "buffered reads of 1 MiB with sequential read-ahead; nothing is looked at",
    open,
    read,
};

const FILE: &str = "raw";
const SMALL_BYTES: usize = 4 << 10;
const SMALL_FILE_BYTES: u64 = 64 << 20;
const LARGE_BYTES: usize = 1 << 20;

struct Raw {
    file: Arc<dyn StorageFile>,
    file_bytes: u64,
    offset: AtomicU64,
    block: Mutex<AlignedBuf>,
}

fn open(directory: &Path, purpose: Purpose) -> Result<Box<dyn Peer>, Failure> {
    let storage = OsStorage::new(directory, IoMode::Direct);
    let (file_bytes, write_bytes) = match purpose {
        Purpose::Commits { .. } => (SMALL_FILE_BYTES, SMALL_BYTES),
        Purpose::Stream { payload_bytes } => (
            payload_bytes.next_multiple_of(LARGE_BYTES as u64),
            LARGE_BYTES,
        ),
        Purpose::Reopen => return Err("the disk has nothing to open".into()),
    };
    let file = storage.create(FILE, file_bytes)?;
    if matches!(purpose, Purpose::Commits { .. }) {
        file.write_zeros(0, file_bytes)?;
    }
    file.sync()?;
    storage.sync_directory()?;
    let mut block = AlignedBuf::zeroed(write_bytes);
    fastrand::Rng::with_seed(1).fill(block.as_mut_slice());
    Ok(Box::new(Raw {
        file,
        file_bytes,
        offset: AtomicU64::new(0),
        block: Mutex::new(block),
    }))
}

impl Raw {
    fn write(&self) -> Result<(), Failure> {
        let block = self.block.lock().map_err(|_| "a writer panicked")?;
        let offset = self.offset.load(Ordering::Relaxed);
        let written = self.file.write_durable(block.as_slice(), offset);
        written.map_err(|error| match error {
            WriteError::NoSpace(source) | WriteError::Failed(source) => source,
        })?;
        let next = offset + block.len() as u64;
        self.offset.store(next % self.file_bytes, Ordering::Relaxed);
        Ok(())
    }
}

impl Peer for Raw {
    fn commit(&self, _thread: usize, _payload: &[u8]) -> Result<(), Failure> {
        self.write()
    }

    fn stream(&self, _payloads: Payloads<'_>) -> Result<(), Failure> {
        for _ in 0..self.file_bytes / LARGE_BYTES as u64 {
            self.write()?;
        }
        Ok(())
    }

    fn close(self: Box<Self>) -> Result<(), Failure> {
        Ok(())
    }
}

fn read(directory: &Path, mut each: Each) -> Result<(), Failure> {
    let file = OsStorage::new(directory, IoMode::Buffered).open(FILE, Access::Read)?;
    file.advise_sequential();
    let mut buffer = AlignedBuf::zeroed(LARGE_BYTES);
    let mut offset = 0;
    loop {
        let read = file.read_at(buffer.as_mut_slice(), offset)?;
        if read == 0 {
            return Ok(());
        }
        each(&buffer.as_slice()[..read]);
        offset += read as u64;
    }
}
