//! What a catalog lives on: a file of a simulated disk, behind a cache as a kernel has one; or memory.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use nodedb_node::catalog::Medium;
use nodedb_tests::random::Random;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::storage::{Access, AlignedBuf, Storage, StorageFile, WriteError};

/// The file's name, in the log's directory.
pub(crate) const NAME: &str = "catalog";

/// In front of the catalog's bytes, as no file is empty here.
pub(crate) const LEAD: usize = PAGE;

const PAGE: usize = 4096;

/// Bytes in memory.
#[derive(Debug, Default)]
pub(crate) struct Memory(pub(crate) Mutex<Vec<u8>>);

/// A file of a simulated disk. What is written stays in the cache until a sync, or until chance
/// writes a page of it back; a sync writes pages in any order, so a crash in it leaves any of them.
#[derive(Debug)]
pub(crate) struct DiskFile {
    file: Arc<dyn StorageFile>,
    cache: Mutex<Cache>,
    /// Whether syncs say yes and do nothing: a planted bug, to see that it is found.
    lies: bool,
}

#[derive(Debug)]
struct Cache {
    bytes: Vec<u8>,
    dirty: BTreeSet<usize>,
    random: Random,
}

impl DiskFile {
    pub(crate) fn open(disk: &SimDisk, seed: u64, lies: bool) -> io::Result<Self> {
        let storage: Arc<dyn Storage> = disk.storage();
        let file = match storage.open(NAME, Access::Write) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = storage.create(NAME, LEAD as u64)?;
                file.sync()?;
                storage.sync_directory()?;
                file
            }
            Err(error) => return Err(error),
        };
        let len = usize::try_from(file.len()?).unwrap();
        // Of a file that was being made, the name may be there and its length not.
        let mut bytes = vec![0; len.saturating_sub(LEAD)];
        storage
            .open(NAME, Access::Read)?
            .read_at(&mut bytes, LEAD as u64)?;
        let cache = Mutex::new(Cache {
            bytes,
            dirty: BTreeSet::new(),
            random: Random::new(seed),
        });
        Ok(Self { file, cache, lies })
    }

    fn write_page(&self, cache: &mut Cache, page: usize) -> io::Result<()> {
        cache.dirty.remove(&page);
        let from = page * PAGE;
        let Some(bytes) = cache.bytes.get(from..from + PAGE) else {
            return Ok(());
        };
        let mut block = AlignedBuf::zeroed(PAGE);
        block.as_mut_slice().copy_from_slice(bytes);
        let at = (LEAD + from) as u64;
        self.file
            .write_durable(block.as_slice(), at)
            .map_err(|error| match error {
                WriteError::NoSpace(error) | WriteError::Failed(error) => error,
            })
    }

    fn write_some(&self, cache: &mut Cache) -> io::Result<()> {
        let at = cache.random.index(cache.dirty.len());
        let page = cache.dirty.iter().nth(at).copied();
        page.map_or(Ok(()), |page| self.write_page(cache, page))
    }
}

impl Medium for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.cache).bytes.len() as u64)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        copy_out(&lock(&self.cache).bytes, offset, bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut cache = lock(&self.cache);
        let at = usize::try_from(offset).unwrap();
        let end = at + bytes.len();
        assert!(end <= cache.bytes.len(), "it is made longer first");
        cache.bytes[at..end].copy_from_slice(bytes);
        cache.dirty.extend(at / PAGE..end.div_ceil(PAGE));
        if cache.random.percent(10) && !self.lies {
            self.write_some(&mut cache)?;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut cache = lock(&self.cache);
        assert!(len.is_multiple_of(PAGE as u64));
        cache.bytes.resize(usize::try_from(len).unwrap(), 0);
        self.file.set_len(LEAD as u64 + len)
    }

    fn sync(&self) -> io::Result<()> {
        if self.lies {
            return Ok(());
        }
        let mut cache = lock(&self.cache);
        while !cache.dirty.is_empty() {
            self.write_some(&mut cache)?;
        }
        self.file.sync()
    }
}

impl Medium for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.0).len() as u64)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        copy_out(&lock(&self.0), offset, bytes)
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let at = usize::try_from(offset).unwrap();
        lock(&self.0)[at..at + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        lock(&self.0).resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn copy_out(held: &[u8], offset: u64, bytes: &mut [u8]) -> io::Result<()> {
    let at = usize::try_from(offset).unwrap();
    let held = held.get(at..at + bytes.len());
    bytes.copy_from_slice(held.ok_or(io::ErrorKind::UnexpectedEof)?);
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
