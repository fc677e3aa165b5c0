//! Storage that is watched: what is read is counted, what is written is told, and writes to a file can be
//! held up for as long as a test wants, and direct reads refused. It changes nothing else.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nodedb_wal::Timestamp;
use nodedb_wal::storage::{
    Access, DirectoryLock, FileEntry, IoMode, Storage, StorageFile, WriteError,
};

/// What was done to files. They go by the order in which they were first seen, from 0 on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A write began.
    Began {
        /// To which file.
        file: usize,
        /// Where in it.
        offset: u64,
        /// What is written.
        bytes: Vec<u8>,
    },
    /// The write that began last is durable.
    Durable,
    /// A file got this name.
    Renamed {
        /// Which file.
        file: usize,
        /// Its name.
        to: String,
    },
    /// A file of this name is gone, or has another name now.
    Gone {
        /// Its name.
        name: String,
    },
    /// All names are durable.
    NamesDurable,
}

/// Watches one storage.
#[derive(Clone, Debug, Default)]
pub struct Watch(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes_read: u64,
    /// Files seen so far.
    files: usize,
    names: BTreeMap<String, usize>,
    seen: Vec<Seen>,
    /// The file whose writes are held up, by the order in which files were seen.
    held: Option<usize>,
    /// Writes that are held up now.
    waiting: usize,
    /// Whether direct reads are refused, and how many were.
    refuses_direct: bool,
    refused: usize,
}

impl Watch {
    /// `inner`, watched.
    #[must_use]
    pub fn over(&self, inner: Arc<dyn Storage>) -> Arc<dyn Storage> {
        let watch = self.clone();
        Arc::new(Watched { inner, watch })
    }

    /// Bytes read so far, of all files.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        self.state().bytes_read
    }

    /// What was done since this was asked last.
    #[must_use]
    pub fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state().seen)
    }

    /// Holds up writes to the file that was seen as number `file`, from 0 on, until [`Self::let_go`].
    pub fn hold_up(&self, file: usize) {
        self.state().held = Some(file);
    }

    /// Waits until a write is held up.
    pub fn wait_for_write(&self) {
        let state = self.state();
        let held_up = self.0.changed.wait_while(state, |state| state.waiting == 0);
        drop(held_up.unwrap_or_else(PoisonError::into_inner));
    }

    /// Lets all writes go on.
    pub fn let_go(&self) {
        self.state().held = None;
        self.0.changed.notify_all();
    }

    /// Has every read past the page cache refused from now on, as some file systems do that let a file
    /// be opened for it.
    pub fn refuse_direct_reads(&self) {
        self.state().refuses_direct = true;
    }

    /// How many were.
    #[must_use]
    pub fn direct_reads_refused(&self) -> usize {
        self.state().refused
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Comes back when the file's writes are not held up.
    fn pass(&self, file: usize) {
        let mut state = self.state();
        if state.held != Some(file) {
            return;
        }
        state.waiting += 1;
        self.0.changed.notify_all();
        let passed = self
            .0
            .changed
            .wait_while(state, |state| state.held == Some(file));
        passed.unwrap_or_else(PoisonError::into_inner).waiting -= 1;
    }
}

impl State {
    fn number_of(&mut self, name: &str) -> usize {
        let next = self.files;
        let number = *self.names.entry(name.to_owned()).or_insert(next);
        self.files = self.files.max(number + 1);
        number
    }
}

#[derive(Debug)]
struct Watched {
    inner: Arc<dyn Storage>,
    watch: Watch,
}

impl Watched {
    fn file(
        &self,
        inner: Arc<dyn StorageFile>,
        name: &str,
        access: Access,
    ) -> Arc<dyn StorageFile> {
        let watch = self.watch.clone();
        let file = watch.state().number_of(name);
        Arc::new(WatchedFile {
            inner,
            watch,
            file,
            access,
        })
    }
}

impl Storage for Watched {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn io_mode(&self) -> IoMode {
        self.inner.io_mode()
    }

    fn lock(&self) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.inner.lock()
    }

    fn is_locked(&self) -> io::Result<bool> {
        self.inner.is_locked()
    }

    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.inner.list()
    }

    fn create(&self, name: &str, len: u64) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.inner.create(name, len)?;
        Ok(self.file(file, name, Access::Write))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.inner.open(name, access)?;
        Ok(self.file(file, name, access))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(from, to)?;
        let mut state = self.watch.state();
        let file = state.number_of(from);
        state.names.remove(from);
        state.names.insert(to.to_owned(), file);
        let (name, to) = (from.to_owned(), to.to_owned());
        state.seen.push(Seen::Gone { name });
        state.seen.push(Seen::Renamed { file, to });
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.inner.remove(name)?;
        let mut state = self.watch.state();
        state.names.remove(name);
        let name = name.to_owned();
        state.seen.push(Seen::Gone { name });
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.inner.sync_directory()?;
        self.watch.state().seen.push(Seen::NamesDurable);
        Ok(())
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        self.inner.fill_random(bytes)
    }

    fn allows_threads(&self) -> bool {
        self.inner.allows_threads()
    }
}

#[derive(Debug)]
struct WatchedFile {
    inner: Arc<dyn StorageFile>,
    watch: Watch,
    file: usize,
    access: Access,
}

impl StorageFile for WatchedFile {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.access == Access::ReadDirect && self.watch.state().refuses_direct {
            self.watch.state().refused += 1;
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let read = self.inner.read_at(bytes, offset)?;
        self.watch.state().bytes_read += read as u64;
        Ok(read)
    }

    fn is_cached(&self, offset: u64) -> bool {
        self.inner.is_cached(offset)
    }

    fn write_durable(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        self.watch.pass(self.file);
        self.watch.state().seen.push(Seen::Began {
            file: self.file,
            offset,
            bytes: blocks.to_vec(),
        });
        self.inner.write_durable(blocks, offset)?;
        self.watch.state().seen.push(Seen::Durable);
        Ok(())
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        self.inner.write_zeros(offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.inner.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner.sync()
    }

    fn forget_cached(&self) -> io::Result<()> {
        self.inner.forget_cached()
    }
}
