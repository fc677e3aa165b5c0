//! Following the logs of all cores through their directory, beside whatever process writes them. Each
//! core's records come in its sequence; between cores there is no order: see
//! `docs/decisions/0041-each-core-is-followed-by-itself.md`.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::survey::core_storage;
use crate::error::{Error, Result};
use crate::format::file_name;
use crate::log::{Follower, FollowerStream, OwnedRecord, ReadOptions};
use crate::storage::{Alarm, DirectoryWatch, IoMode, OsStorage, Storage};
use crate::sync::waker_of_this_thread;

/// Follows the logs of all cores through their directory: read only, without a lock, as
/// [`Follower`] follows one log, a thread for each core.
///
/// The records of one core come in its sequence, each once, durable ones only. Those of different
/// cores come as they become durable: their order is settled only when an epoch has ended on all of
/// them, and [`CoreReader::merge`](super::CoreReader::merge) gives it then. Cores that are added
/// meanwhile are followed too.
#[derive(Debug)]
pub struct CoreFollower {
    storage: Arc<dyn Storage>,
    start: Start,
    /// In order of number.
    cores: Vec<Followed>,
    /// Which of them is asked first: none is kept waiting by another.
    turn: usize,
    news: Arc<News>,
    alarm: Arc<dyn Alarm>,
    thread: Option<JoinHandle<()>>,
}

/// Where a core is followed from.
struct Start(Box<dyn Fn(u32) -> ReadOptions + Send>);

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Start")
    }
}

#[derive(Debug)]
struct Followed {
    core: u32,
    /// Until it ends.
    stream: Option<FollowerStream>,
}

/// What is told from other threads.
#[derive(Debug, Default)]
struct News {
    is_stopped: AtomicBool,
    /// Directories may have come.
    are_names_changed: AtomicBool,
    /// The directory is watched no more, and why.
    failed: Mutex<Option<std::io::Error>>,
    /// Whoever waits.
    waker: Mutex<Option<Waker>>,
}

/// Ends a [`CoreFollower`] from another thread.
#[derive(Clone, Debug)]
pub struct CoreFollowerStop {
    news: Arc<News>,
}

impl CoreFollowerStop {
    /// Ends it: it waits no longer, and delivers nothing more.
    pub fn stop(&self) {
        self.news.is_stopped.store(true, Ordering::Release);
        self.news.wake();
    }
}

impl CoreFollower {
    /// Follows the logs in `directory`, each core's from where `start` says for it. There need not be
    /// any core yet.
    ///
    /// # Errors
    ///
    /// As [`Follower::open`], of any core.
    pub fn open(
        directory: impl Into<PathBuf>,
        start: impl Fn(u32) -> ReadOptions + Send + 'static,
    ) -> Result<Self> {
        // The mode is one of writing, and a follower does not write.
        let storage = Arc::new(OsStorage::new(directory, IoMode::Buffered));
        Self::open_on(storage, start)
    }

    /// Follows the logs on `storage`.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; an I/O error where the storage has no [`DirectoryWatch`].
    pub fn open_on(
        storage: Arc<dyn Storage>,
        start: impl Fn(u32) -> ReadOptions + Send + 'static,
    ) -> Result<Self> {
        let io = |source| Error::of_io("watch", storage.path().to_path_buf(), source);
        // First of all: what changes from here on is told.
        let watch = storage.watch().map_err(io)?;
        let watch = watch.ok_or_else(|| io(std::io::ErrorKind::Unsupported.into()))?;
        let (alarm, news) = (watch.alarm(), Arc::new(News::default()));
        let told = Arc::clone(&news);
        let thread = thread::Builder::new()
            .name("wal-follow-cores".to_owned())
            .spawn(move || told.tell(watch))
            .map_err(io)?;
        let mut follower = Self {
            storage,
            start: Start(Box::new(start)),
            cores: Vec::new(),
            turn: 0,
            news,
            alarm,
            thread: Some(thread),
        };
        follower.take_in_cores()?;
        Ok(follower)
    }

    /// The next record, and its core; waits until there is one. `None` once it was
    /// [stopped](Self::stopper).
    ///
    /// # Errors
    ///
    /// As [`Follower::next`], of any core. Nothing more is delivered of that core then.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would have to own what it ends with"
    )]
    pub fn next(&mut self) -> Result<Option<(u32, OwnedRecord)>> {
        let waker = waker_of_this_thread();
        let mut context = Context::from_waker(&waker);
        loop {
            match self.poll_next(&mut context) {
                Poll::Ready(next) => return next,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// As [`Self::next`], without waiting: [`Poll::Pending`] where there is no record yet, and the task
    /// is woken when there may be one.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<(u32, OwnedRecord)>>> {
        *self.news.waker.lock() = Some(context.waker().clone());
        if self.news.is_stopped.load(Ordering::Acquire) {
            return Poll::Ready(Ok(None));
        }
        if let Some(source) = self.news.failed.lock().take() {
            let path = self.storage.path().to_path_buf();
            return Poll::Ready(Err(Error::of_io("watch", path, source)));
        }
        if self.news.are_names_changed.swap(false, Ordering::AcqRel) {
            self.take_in_cores().inspect_err(|_| {
                // It is not taken in: the next call tries again.
                self.news.are_names_changed.store(true, Ordering::Release);
            })?;
        }
        let count = self.cores.len();
        for at in (0..count).map(|step| (self.turn + step) % count) {
            let Followed { core, stream } = &mut self.cores[at];
            let Some(following) = stream else { continue };
            match following.poll_record(context) {
                Poll::Ready(Some(Ok(record))) => {
                    self.turn = at + 1;
                    return Poll::Ready(Ok(Some((*core, record))));
                }
                Poll::Ready(Some(Err(error))) => {
                    *stream = None;
                    return Poll::Ready(Err(error));
                }
                Poll::Ready(None) => *stream = None,
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }

    /// What ends it from another thread, as when the user has had enough.
    #[must_use]
    pub fn stopper(&self) -> CoreFollowerStop {
        CoreFollowerStop {
            news: Arc::clone(&self.news),
        }
    }

    /// The cores that are followed, in order of number.
    pub fn cores(&self) -> impl Iterator<Item = u32> {
        self.cores.iter().map(|followed| followed.core)
    }

    /// Follows cores that were not there when it last looked.
    fn take_in_cores(&mut self) -> Result<()> {
        for core in cores_on(self.storage.as_ref())? {
            let known = self.cores.binary_search_by_key(&core, |known| known.core);
            let Err(place) = known else { continue };
            let options = self.start.0(core);
            let storage = core_storage(self.storage.as_ref(), core)?;
            let stream = Some(Follower::open_on(storage, options)?.into_stream()?);
            self.cores.insert(place, Followed { core, stream });
        }
        Ok(())
    }
}

impl Drop for CoreFollower {
    fn drop(&mut self) {
        self.news.is_stopped.store(true, Ordering::Release);
        self.alarm.ring();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that watched for cores panicked");
        }
    }
}

impl News {
    /// The thread: tells of directories that come, until it is stopped.
    fn tell(&self, mut watch: Box<dyn DirectoryWatch>) {
        let _ending = Ending(self);
        loop {
            let changes = watch.wait(None);
            if self.is_stopped.load(Ordering::Acquire) {
                return;
            }
            match changes {
                Ok(changes) if changes.names => {
                    self.are_names_changed.store(true, Ordering::Release);
                    self.wake();
                }
                Ok(_) => {}
                Err(source) => {
                    *self.failed.lock() = Some(source);
                    return;
                }
            }
        }
    }

    fn wake(&self) {
        let waker = self.waker.lock().take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Tells whoever waits that the thread ends, also where it panics.
struct Ending<'n>(&'n News);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        if !self.0.is_stopped.load(Ordering::Acquire) {
            let panicked = || std::io::Error::other("the thread that does it panicked");
            self.0.failed.lock().get_or_insert_with(panicked);
        }
        self.0.wake();
    }
}

/// The directories of the cores that have one in `directory`, in order of number: none where it is
/// that of one log, or of none.
///
/// # Errors
///
/// The directory could not be read.
pub fn core_directories(directory: impl Into<PathBuf>) -> Result<Vec<(u32, PathBuf)>> {
    let storage = OsStorage::new(directory, IoMode::Buffered);
    let cores = cores_on(&storage)?.into_iter();
    let directory = |core| (core, storage.path().join(file_name::core(core)));
    Ok(cores.map(directory).collect())
}

fn cores_on(storage: &dyn Storage) -> Result<Vec<u32>> {
    let names = storage
        .subdirectories()
        .map_err(|source| Error::of_io("list", storage.path().to_path_buf(), source))?;
    let mut cores: Vec<u32> = names
        .iter()
        .filter_map(|name| file_name::parse_core(name))
        .collect();
    cores.sort_unstable();
    Ok(cores)
}
