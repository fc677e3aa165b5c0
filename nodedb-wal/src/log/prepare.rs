//! Space made ready ahead, of a segment's length: files whose every block was written, so that a commit
//! never grows a file and never changes metadata; for a bulk load, which writes large parts once, files
//! whose space is allocated.

use std::sync::Arc;

use super::space_pool::{Pool, Prepared, Ready, Space, Wanted};
use crate::error::{Error, Result};
use crate::format::file_name;
use crate::storage::{FileEntry, Storage};
use crate::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use crate::sync::{JoinHandle, Mutex, ThreadBuilder};

/// How many files are kept ready, recycled ones included.
const READY_MAX: usize = 2;

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
    wake: SyncSender<Wanted>,
    thread: JoinHandle<()>,
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
            allocated: None,
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
            None if self.worker.lock().is_some() => match self.pool.take_allocated() {
                Some(prepared) => Ok(prepared),
                None => self.pool.allocate(self.pool.segment_bytes, Space::Bulk),
            },
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
        self.ask_for(Wanted::Filled);
    }

    /// Has the next file for a bulk load made ready, without waiting for it: a filled one, or else an
    /// allocated one.
    pub(crate) fn want_next_quickly(&self) {
        self.ask_for(Wanted::Allocated);
    }

    fn ask_for(&self, wanted: Wanted) {
        if let Some(worker) = &*self.worker.lock() {
            match worker.wake.try_send(wanted) {
                // Already told, or the thread ended: then whoever takes a file makes it.
                Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
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
        if let Some(unused) = self.pool.take_allocated() {
            self.give_back(unused);
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

/// Removes a file of the log's own that holds no record.
pub(crate) fn remove(storage: &dyn Storage, name: &str) -> Result<()> {
    storage.remove(name).map_err(|source| Error::Io {
        operation: "remove",
        path: storage.path().join(name),
        source,
    })
}
