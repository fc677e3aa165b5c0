//! Following a log through its directory, beside whatever process writes it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::read::Records;
use super::read_options::ReadOptions;
use super::record_view::{ReadStats, RecordView};
use super::scout::Scout;
use super::tail::{Came, Tailed};
use crate::error::{Error, Result};
use crate::storage::{Alarm, Changes, DirectoryWatch, IoMode, OsStorage, Storage};
use crate::types::Lsn;

/// How long bytes that nobody can explain may be of another file, where writes are told; and where
/// somebody looks every so often.
const PATIENCE_TOLD: Duration = Duration::from_millis(50);
const PATIENCE_UNTOLD: Duration = Duration::from_secs(1);

/// Follows a log through its directory: read only, without the lock, whether another process writes
/// the log, a process that did was killed, or nobody has it open.
///
/// It delivers records in order, each once, whole batches only, and only records that something on
/// the disk vouches for as durable: a later write, or the log's witness, which is written when the log
/// was idle for [`Config::witness_after`](crate::Config::witness_after), or the log's being closed or
/// opened again. So a record comes with the next write, or 10 ms after it was written; and of a log
/// whose process was killed, the last write comes once somebody has opened the log again. Nothing
/// that was delivered is ever missing from the log later, but for truncation.
///
/// It is woken when the directory changes (inotify) and reads what is new. Where the operating system
/// does not tell, [`Self::is_told`] says so, and it looks every 20 ms.
///
/// A log that is closed does not end it: it goes on when the log is opened again.
#[derive(Debug)]
pub struct Follower {
    storage: Arc<dyn Storage>,
    watch: Option<Box<dyn DirectoryWatch>>,
    scout: Scout,
    records: Records,
    is_stopped: Arc<AtomicBool>,
}

/// Ends a [`Follower`] from another thread.
#[derive(Clone, Debug)]
pub struct FollowerStop {
    is_stopped: Arc<AtomicBool>,
    alarm: Option<Arc<dyn Alarm>>,
}

impl FollowerStop {
    /// Ends it: it waits no longer, and delivers nothing more.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        if let Some(alarm) = &self.alarm {
            alarm.ring();
        }
    }
}

impl Follower {
    /// Follows the log in `directory`, from `options`' first record on. There need not be a log there
    /// yet.
    ///
    /// # Errors
    ///
    /// Those of [`Reader::open`](super::Reader::open), and [`Error::Truncated`] when the first record
    /// asked for is gone.
    pub fn open(directory: impl Into<PathBuf>, options: ReadOptions) -> Result<Self> {
        // The mode is one of writing, and a follower does not write.
        Self::open_on(
            Arc::new(OsStorage::new(directory, IoMode::Buffered)),
            options,
        )
    }

    /// Follows the log on `storage`. Where that has no [`DirectoryWatch`], as a simulated disk has none,
    /// [`Self::try_next`] and [`Self::next_timeout`] look once and do not wait.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_on(storage: Arc<dyn Storage>, options: ReadOptions) -> Result<Self> {
        // First of all: what changes from here on is told.
        let watch = storage
            .watch()
            .map_err(|source| watch_error(storage.as_ref(), source))?;
        let patience = match &watch {
            Some(watch) if watch.is_told() => PATIENCE_TOLD,
            Some(_) => PATIENCE_UNTOLD,
            None => Duration::ZERO,
        };
        let scout = Scout::open(Arc::clone(&storage), patience)?;
        let records = Records::open(Arc::clone(scout.view()), options)?;
        Ok(Self {
            storage,
            watch,
            scout,
            records,
            is_stopped: Arc::default(),
        })
    }

    /// The next record; waits until there is one. `None` behind the last record asked for, and once it
    /// was [stopped](Self::stopper).
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when the next record was truncated away before it was read;
    /// [`Error::Damaged`] and its like where the log is not what was written, and an error where the
    /// directory holds another log or another version of this one. Further calls say so again. I/O
    /// errors.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    pub fn next(&mut self) -> Result<Option<RecordView<'_>>> {
        if self.watch.is_none() {
            let source = std::io::ErrorKind::Unsupported.into();
            return Err(watch_error(self.storage.as_ref(), source));
        }
        let came = self.step(None)?;
        Ok(match came.of(&self.records) {
            Tailed::Record(record) => Some(record),
            Tailed::NotYet | Tailed::End => None,
        })
    }

    /// As [`Self::next`], waiting no longer than `at_most`.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn next_timeout(&mut self, at_most: Duration) -> Result<Tailed<'_>> {
        let now = Instant::now();
        // A time that the clock has no number for is as good as a year.
        let deadline = now
            .checked_add(at_most)
            .unwrap_or(now + Duration::from_secs(365 * 24 * 3600));
        let came = self.step(Some(deadline))?;
        Ok(came.of(&self.records))
    }

    /// As [`Self::next`], without waiting.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn try_next(&mut self) -> Result<Tailed<'_>> {
        self.next_timeout(Duration::ZERO)
    }

    /// What ends it from another thread, as when the user has had enough.
    #[must_use]
    pub fn stopper(&self) -> FollowerStop {
        FollowerStop {
            is_stopped: Arc::clone(&self.is_stopped),
            alarm: self.watch.as_ref().map(|watch| watch.alarm()),
        }
    }

    /// Whether the operating system tells it of changes. Otherwise it looks every 20 ms.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_told())
    }

    /// Up to here the log is durable, as far as was seen.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        self.scout.view().durable()
    }

    /// The oldest record there was when it last looked; the next LSN when there was none.
    #[must_use]
    pub fn start_lsn(&self) -> Lsn {
        self.scout.view().start()
    }

    /// What it has read and delivered so far.
    #[must_use]
    pub fn stats(&self) -> ReadStats {
        let stats = self.records.stats();
        ReadStats {
            bytes_read: stats.bytes_read + self.scout.bytes_read(),
            ..stats
        }
    }

    fn step(&mut self, deadline: Option<Instant>) -> Result<Came> {
        loop {
            if self.is_stopped.load(Ordering::Acquire) {
                return Ok(Came::End);
            }
            match self.records.next().map(|record| record.is_some()) {
                Ok(true) => return Ok(Came::Record),
                Ok(false) if self.records.is_past_end() => return Ok(Came::End),
                Ok(false) => {}
                Err(Error::Truncated { lsn, .. }) => {
                    // From where on records can be had is worth a look.
                    self.scout.take_in(Changes::ALL)?;
                    let start = self.scout.view().start();
                    return Err(Error::Truncated { lsn, start });
                }
                Err(error) => return Err(error),
            }
            if !self.wait(deadline)? {
                return Ok(Came::NotYet);
            }
        }
    }

    /// Waits until more is durable, or it is stopped; `false` when the time is over.
    fn wait(&mut self, deadline: Option<Instant>) -> Result<bool> {
        let durable = self.scout.view().durable();
        loop {
            let until = match (deadline, self.scout.look_due()) {
                (Some(deadline), Some(due)) => Some(deadline.min(due)),
                (deadline, due) => deadline.or(due),
            };
            let left = until.map(|at| at.saturating_duration_since(Instant::now()));
            let changes = match &mut self.watch {
                Some(watch) => watch
                    .wait(left)
                    .map_err(|source| watch_error(self.storage.as_ref(), source))?,
                None => Changes::ALL,
            };
            self.scout.take_in(changes)?;
            let has_grown = self.scout.view().durable() > durable;
            if has_grown || self.is_stopped.load(Ordering::Acquire) {
                return Ok(true);
            }
            let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if is_over || self.watch.is_none() {
                return Ok(false);
            }
        }
    }
}

fn watch_error(storage: &dyn Storage, source: std::io::Error) -> Error {
    Error::Io {
        operation: "watch",
        path: storage.path().to_path_buf(),
        source,
    }
}
