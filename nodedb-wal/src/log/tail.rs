//! Following a log that this process has open: a read that waits at the end for what becomes durable.

use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use super::followers::Place;
use super::log_handle::Log;
use super::read::Records;
use super::read_options::ReadOptions;
use super::record_view::{ReadStats, RecordView};
use super::state::Core;
use super::tail_stream::TailStream;
use crate::error::{Error, Result};

/// What whoever follows a log came to.
#[derive(Clone, Copy, Debug)]
pub enum Tailed<'a> {
    /// The next record, lent out until the next call.
    Record(RecordView<'a>),
    /// There is no further record yet.
    NotYet,
    /// There will be no further record: the log was closed and everything durable delivered, or the
    /// last record asked for lies behind.
    End,
}

/// The same, before the record is lent out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Record,
    NotYet,
    End,
}

impl Came {
    /// What it is of `records`.
    pub(super) fn of(self, records: &Records) -> Tailed<'_> {
        match (self, records.current()) {
            (Self::Record, Some(record)) => Tailed::Record(record),
            (Self::Record | Self::NotYet, _) => Tailed::NotYet,
            (Self::End, _) => Tailed::End,
        }
    }
}

/// Follows a log: delivers durable records in order, each once, whole batches only, and waits for
/// more. Whoever is slow is simply behind: records are read when they are asked for, in the memory of
/// one [`Records`], however fast the log grows.
///
/// It holds nothing back: the log may truncate what was not read yet, which is
/// [`Error::Truncated`] then. Closing or dropping the log does not wait for it; it delivers what was
/// durable by then, and ends.
#[derive(Debug)]
pub struct Tail {
    core: Arc<Core>,
    records: Records,
    /// Where the task waits that polled last.
    place: Option<Place>,
}

impl Log {
    /// Follows the log, from `options`' first record on: the oldest there is, any later one, or one
    /// that is not written yet. All conditions of `options` hold.
    ///
    /// ```
    /// # use nodedb_wal::{Config, Log, Lsn, ReadOptions, Record, RecordKind, Scope};
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let log = Log::open(Config::new(directory.path()).segment_bytes(1 << 20))?;
    /// let mut tail = log.tail(ReadOptions::from(Lsn::FIRST))?;
    /// let reader = std::thread::spawn(move || {
    ///     let mut seen = Vec::new();
    ///     while let Some(record) = tail.next()? {
    ///         seen.push(record.payload.to_vec());
    ///     }
    ///     Ok::<_, nodedb_wal::Error>(seen)
    /// });
    /// let lsn = log.append(&Record::raw(RecordKind::Put, Scope::default(), b"a"))?;
    /// log.commit(lsn)?;
    /// log.close()?;
    /// assert_eq!(reader.join().unwrap()?, [b"a"]);
    /// # Ok::<_, nodedb_wal::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] when the first record asked for is gone.
    pub fn tail(&self, options: ReadOptions) -> Result<Tail> {
        Ok(Tail {
            core: Arc::clone(&self.core),
            records: self.read(options)?,
            place: None,
        })
    }
}

impl Tail {
    /// The next record; waits until there is one. `None` when there will be no further one, see
    /// [`Tailed::End`].
    ///
    /// # Errors
    ///
    /// Those of [`Records::next`]: damage, and records that were truncated away, are told and never
    /// passed over. [`Error::Poisoned`] once everything durable was delivered of a log whose disk
    /// failed.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    pub fn next(&mut self) -> Result<Option<RecordView<'_>>> {
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
        let came = match Instant::now().checked_add(at_most) {
            Some(deadline) => self.step(Some(deadline))?,
            None => self.step(None)?,
        };
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

    /// As [`Self::next`], for a task: where there is no record yet, the task is woken when there may be
    /// one. It is one task's: whoever polled last is woken.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<RecordView<'_>>>> {
        let came = ready!(self.poll_step(context.waker()))?;
        Poll::Ready(Ok(match came.of(&self.records) {
            Tailed::Record(record) => Some(record),
            Tailed::NotYet | Tailed::End => None,
        }))
    }

    /// The same as a `Stream` of records that own their bytes. It needs no
    /// runtime.
    pub fn into_stream(self) -> TailStream {
        TailStream::new(self)
    }

    /// What it has read and delivered so far.
    #[must_use]
    pub fn stats(&self) -> ReadStats {
        self.records.stats()
    }

    fn step(&mut self, deadline: Option<Instant>) -> Result<Came> {
        loop {
            if let Some(came) = self.read_on()? {
                return Ok(came);
            }
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            match self.core.wait_durable(self.records.next_lsn, left) {
                Ok(Some(_)) => {}
                Ok(None) => return Ok(Came::NotYet),
                Err(Error::Closed) => return Ok(Came::End),
                Err(error) => return Err(error),
            }
        }
    }

    fn poll_step(&mut self, waker: &Waker) -> Poll<Result<Came>> {
        loop {
            if let Some(came) = self.read_on()? {
                return Poll::Ready(Ok(came));
            }
            let next_lsn = self.records.next_lsn;
            match ready!(self.core.poll_durable(next_lsn, &mut self.place, waker)) {
                Ok(_) => {}
                Err(Error::Closed) => return Poll::Ready(Ok(Came::End)),
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// The next record that is durable; `None` where whoever wants one has to wait.
    fn read_on(&mut self) -> Result<Option<Came>> {
        if self.records.next()?.is_some() {
            return Ok(Some(Came::Record));
        }
        Ok(self.records.is_past_end().then_some(Came::End))
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.core.forget(&mut self.place);
    }
}
