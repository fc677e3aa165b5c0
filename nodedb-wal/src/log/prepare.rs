//! Space made ready ahead: files of a segment's length whose every block was written, so that a
//! commit never grows a file and never changes metadata.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::file_name;
use crate::storage::{Access, FileEntry, Storage, StorageFile};
use crate::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use crate::sync::{JoinHandle, Mutex, ThreadBuilder};

/// How many files are kept ready, recycled ones included.
const READY_MAX: usize = 2;

/// A file made ready for a segment.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) space: Space,
}

/// What a segment's space is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// Every block was written before, so that writing it again changes no metadata: the best for
    /// small commits.
    Filled,
    /// Allocated and not written. A bulk load writes it once, and filling it first would be
    /// writing everything twice.
    Bulk,
    /// Allocated and not written, and small writes came. It is left as soon as something better is
    /// ready.
    Hurried,
    /// Allocated, not written, and longer than usual: for one batch. It is left as soon as something
    /// better is ready, and never used again.
    Fitted,
}

/// Makes segment files ready, one ahead on a thread of its own where threads are allowed.
#[derive(Debug)]
pub(crate) struct Preparer {
    pool: Arc<Pool>,
    /// Taken by `stop`.
    worker: Mutex<Option<Worker>>,
}

#[derive(Debug)]
struct Worker {
    /// Dropped to end the thread.
    wake: SyncSender<()>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Pool {
    storage: Arc<dyn Storage>,
    segment_bytes: u64,
    ready: Mutex<Ready>,
    /// Held while a file is made, so that one caller waits for the thread's file rather than making
    /// a second one.
    making: Mutex<()>,
}

#[derive(Debug)]
struct Ready {
    /// The file that is taken first, opened ahead.
    next: Option<Prepared>,
    names: Vec<String>,
    next_number: u64,
}

impl Preparer {
    /// Starts with the files that an earlier process made ready. Those of another length are
    /// removed.
    pub(crate) fn start(
        storage: Arc<dyn Storage>,
        segment_bytes: u64,
        found: Vec<FileEntry>,
    ) -> Result<Self> {
        let mut names = Vec::new();
        let mut next_number = 0;
        for file in found {
            if let file_name::FileKind::Prepared(number) = file_name::parse(&file.name) {
                next_number = next_number.max(number + 1);
            }
            if file.len == segment_bytes && names.len() < READY_MAX {
                names.push(file.name);
            } else {
                remove(storage.as_ref(), &file.name)?;
            }
        }
        let allows_threads = storage.allows_threads();
        let ready = Mutex::new(Ready {
            next: None,
            names,
            next_number,
        });
        let pool = Arc::new(Pool {
            storage,
            segment_bytes,
            ready,
            making: Mutex::new(()),
        });
        let worker = allows_threads
            .then(|| Worker::spawn(Arc::clone(&pool)))
            .transpose()?;
        Ok(Self {
            pool,
            worker: Mutex::new(worker),
        })
    }

    /// A file that is ready; made now when there is none.
    ///
    /// # Errors
    ///
    /// [`Error::DiskFull`] leaves everything as it was, and may be tried again.
    pub(crate) fn take(&self) -> Result<Prepared> {
        if let Some(prepared) = self.pool.pop()? {
            return Ok(prepared);
        }
        let _one_at_a_time = self.pool.making.lock();
        self.pool.take_or_make()
    }

    /// A file for a bulk load, or for now: one that is ready, or else one whose space is allocated
    /// and not filled, which takes no time to make and is slower to write by little.
    ///
    /// # Errors
    ///
    /// As [`Self::take`].
    pub(crate) fn take_quickly(&self) -> Result<Prepared> {
        match self.pool.pop()? {
            Some(prepared) => Ok(prepared),
            None if self.worker.lock().is_some() => {
                self.pool.allocate(self.pool.segment_bytes, Space::Bulk)
            }
            None => self.take(),
        }
    }

    /// A file of another length than usual, made now: its space is allocated and not filled.
    ///
    /// # Errors
    ///
    /// As [`Self::take`].
    pub(crate) fn make_fitted(&self, len: u64) -> Result<Prepared> {
        self.pool.allocate(len, Space::Fitted)
    }

    /// Whether a filled file is ready.
    pub(crate) fn has_ready(&self) -> bool {
        self.pool.ready.lock().count() > 0
    }

    /// Gives back a file that was taken and not used. What was only allocated is not kept: it would
    /// take the room that was missed.
    pub(crate) fn give_back(&self, prepared: Prepared) {
        if prepared.space == Space::Filled {
            self.pool.ready.lock().keep(prepared);
        } else {
            // If it cannot be removed now, opening the log does it.
            let _best_effort = self.pool.storage.remove(&prepared.name);
        }
    }

    /// Has the next file made ready, without waiting for it.
    pub(crate) fn want_next(&self) {
        if let Some(worker) = &*self.worker.lock() {
            match worker.wake.try_send(()) {
                // Already told, or the thread ended: then `take` makes the file itself.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }

    /// Renames a retired segment file to be space for a segment to come, and gives back its name;
    /// `None` when there is enough of it, with the `waiting` files that were renamed before. Once
    /// the names are durable, [`Self::offer`] lets the space be used: before that, a crash could
    /// bring the old name back over the new bytes.
    pub(crate) fn recycle(
        &self,
        segment_name: &str,
        len: u64,
        waiting: usize,
    ) -> Result<Option<String>> {
        let pool = &self.pool;
        let ready = pool.ready.lock().count() + waiting;
        if len != pool.segment_bytes || ready >= READY_MAX {
            return Ok(None);
        }
        let name = file_name::prepared(pool.number());
        pool.storage
            .rename(segment_name, &name)
            .map_err(|source| Error::Io {
                operation: "rename",
                path: pool.storage.path().join(segment_name),
                source,
            })?;
        Ok(Some(name))
    }

    /// Lets files be used whose names are durable.
    pub(crate) fn offer(&self, names: Vec<String>) {
        self.pool.ready.lock().names.extend(names);
    }

    /// Ends the thread, waiting for the file it is making.
    pub(crate) fn stop(&self) {
        let worker = self.worker.lock().take();
        if let Some(Worker { wake, thread }) = worker {
            drop(wake);
            if thread.join().is_err() {
                tracing::error!("the thread that makes segments ready panicked");
            }
        }
    }
}

impl Drop for Preparer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Worker {
    fn spawn(pool: Arc<Pool>) -> Result<Self> {
        let (wake, woken) = sync_channel(1);
        let path = pool.storage.path().to_path_buf();
        let thread = ThreadBuilder::new()
            .name("wal-prepare".to_owned())
            .spawn(move || pool.run(&woken))
            .map_err(|source| Error::Io {
                operation: "start a thread for",
                path,
                source,
            })?;
        Ok(Self { wake, thread })
    }
}

impl Pool {
    fn run(&self, woken: &Receiver<()>) {
        while let Ok(()) = woken.recv() {
            let _one_at_a_time = self.making.lock();
            if self.ready.lock().next.is_some() {
                continue;
            }
            match self.take_or_make() {
                Ok(prepared) => self.ready.lock().keep(prepared),
                // Whoever needs the file tries again and gets the error.
                Err(error) => tracing::warn!(%error, "no segment could be made ready ahead"),
            }
        }
    }

    fn take_or_make(&self) -> Result<Prepared> {
        match self.pop()? {
            Some(prepared) => Ok(prepared),
            None => self.make(),
        }
    }

    fn pop(&self) -> Result<Option<Prepared>> {
        let name = {
            let mut ready = self.ready.lock();
            if let Some(prepared) = ready.next.take() {
                return Ok(Some(prepared));
            }
            ready.names.pop()
        };
        name.map(|name| self.open_ready(name)).transpose()
    }

    fn number(&self) -> u64 {
        let mut ready = self.ready.lock();
        let number = ready.next_number;
        ready.next_number += 1;
        number
    }

    /// Makes a file: all its blocks are written, and it has its name only once they are.
    fn make(&self) -> Result<Prepared> {
        let number = self.number();
        let unfinished = file_name::unfinished(number);
        let name = file_name::prepared(number);
        let file = self
            .fill(&unfinished)
            .map_err(|source| self.cannot_make(&unfinished, source))?;
        self.storage
            .rename(&unfinished, &name)
            .map_err(|source| Error::Io {
                operation: "rename",
                path: self.storage.path().join(&unfinished),
                source,
            })?;
        let space = Space::Filled;
        Ok(Prepared { name, file, space })
    }

    fn cannot_make(&self, unfinished: &str, source: std::io::Error) -> Error {
        // Half a file is of no use; if it cannot be removed now, opening the log does it.
        let _best_effort = self.storage.remove(unfinished);
        Error::of_io("prepare", self.storage.path().join(unfinished), source)
    }

    fn open_ready(&self, name: String) -> Result<Prepared> {
        let file = self
            .storage
            .open(&name, Access::Write)
            .map_err(|source| Error::Io {
                operation: "open",
                path: self.storage.path().join(&name),
                source,
            })?;
        Ok(Prepared {
            name,
            file,
            space: Space::Filled,
        })
    }

    /// Makes a file whose space is allocated, and no more. It keeps the name of an unfinished one
    /// until it becomes a segment.
    fn allocate(&self, len: u64, space: Space) -> Result<Prepared> {
        let name = file_name::unfinished(self.number());
        let made = self
            .storage
            .create(&name, len)
            .and_then(|file| file.sync().map(|()| file));
        match made {
            Ok(file) => Ok(Prepared { name, file, space }),
            Err(source) => Err(self.cannot_make(&name, source)),
        }
    }

    fn fill(&self, name: &str) -> std::io::Result<Arc<dyn StorageFile>> {
        let file = self.storage.create(name, self.segment_bytes)?;
        file.write_zeros(0, self.segment_bytes)?;
        file.sync()?;
        Ok(file)
    }
}

impl Ready {
    fn count(&self) -> usize {
        self.names.len() + usize::from(self.next.is_some())
    }

    /// Keeps an opened file. When there is one already, the other's name is enough.
    fn keep(&mut self, prepared: Prepared) {
        if let Some(other) = self.next.replace(prepared) {
            self.names.push(other.name);
        }
    }
}

/// Removes a file of the log's own that holds no record.
pub(crate) fn remove(storage: &dyn Storage, name: &str) -> Result<()> {
    storage.remove(name).map_err(|source| Error::Io {
        operation: "remove",
        path: storage.path().join(name),
        source,
    })
}
