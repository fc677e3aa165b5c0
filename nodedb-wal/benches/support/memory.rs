//! A log directory in memory, for what the log costs without a disk. The same calls give the same
//! bytes each time: its clock stands still and its random numbers are none. Nothing fails here;
//! what failing does is shown on the simulated disk.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nodedb_wal::Timestamp;
use nodedb_wal::storage::{
    Access, DirectoryLock, FileEntry, IoMode, Storage, StorageFile, WriteError,
};

/// The directory.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    files: Mutex<BTreeMap<String, Arc<MemoryFile>>>,
    directories: Mutex<BTreeMap<String, Arc<Memory>>>,
}

#[derive(Debug)]
struct MemoryFile {
    bytes: Mutex<Vec<u8>>,
}

#[derive(Debug)]
struct NoLock;

impl DirectoryLock for NoLock {}

impl Memory {
    fn file(&self, name: &str) -> io::Result<Arc<MemoryFile>> {
        let files = lock(&self.files);
        files.get(name).map(Arc::clone).ok_or_else(not_found)
    }
}

impl MemoryFile {
    fn fill(&self, offset: u64, len: usize, fill: impl FnOnce(&mut [u8])) {
        let start = index(offset);
        let end = start + len;
        let mut held = lock(&self.bytes);
        if held.len() < end {
            held.resize(end, 0);
        }
        fill(&mut held[start..end]);
    }
}

impl Storage for Memory {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn io_mode(&self) -> IoMode {
        IoMode::Buffered
    }

    fn lock(&self) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        Ok(Some(Box::new(NoLock)))
    }

    fn is_locked(&self) -> io::Result<bool> {
        Ok(false)
    }

    fn list(&self) -> io::Result<Vec<FileEntry>> {
        let files = lock(&self.files);
        let entries = files.iter().map(|(name, file)| FileEntry {
            name: name.clone(),
            len: lock(&file.bytes).len() as u64,
        });
        Ok(entries.collect())
    }

    fn subdirectories(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.directories).keys().cloned().collect())
    }

    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        let mut directories = lock(&self.directories);
        Ok(Arc::clone(directories.entry(name.to_owned()).or_default()) as Arc<dyn Storage>)
    }

    fn create_subdirectory(&self, name: &str) -> io::Result<()> {
        self.subdirectory(name).map(drop)
    }

    fn create(&self, name: &str, len: u64) -> io::Result<Arc<dyn StorageFile>> {
        let file = Arc::new(MemoryFile {
            bytes: Mutex::new(vec![0; index(len)]),
        });
        lock(&self.files).insert(name.to_owned(), Arc::clone(&file));
        Ok(file)
    }

    fn open(&self, name: &str, _access: Access) -> io::Result<Arc<dyn StorageFile>> {
        Ok(self.file(name)?)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut files = lock(&self.files);
        let file = files.remove(from).ok_or_else(not_found)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let removed = lock(&self.files).remove(name);
        removed.map(|_file| ()).ok_or_else(not_found)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(1_700_000_000_000_000_000)
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        bytes.fill(7);
        Ok(())
    }

    fn allows_threads(&self) -> bool {
        false
    }
}

impl StorageFile for MemoryFile {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.bytes).len() as u64)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let held = lock(&self.bytes);
        let rest = held.get(index(offset)..).unwrap_or_default();
        let len = rest.len().min(bytes.len());
        bytes[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn write_durable(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        self.fill(offset, blocks.len(), |held| held.copy_from_slice(blocks));
        Ok(())
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        self.fill(offset, index(len), |held| held.fill(0));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        lock(&self.bytes).resize(index(len), 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn forget_cached(&self) -> io::Result<()> {
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn not_found() -> io::Error {
    io::ErrorKind::NotFound.into()
}
