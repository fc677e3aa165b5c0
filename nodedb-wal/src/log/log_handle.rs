//! The handle a database holds.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::commit::DurableLsn;
use super::commit_async::Commit;
use super::open;
use super::read::Records;
use super::read_options::ReadOptions;
use super::report::{RecoveryReport, SegmentInfo};
use super::retire::Truncated;
use super::state::Core;
use super::stats::Stats;
use crate::config::Config;
use crate::error::Result;
use crate::types::{Lsn, LsnRange, Record};

/// A log that is open for appending: its directory is locked, and recovery has finished.
///
/// `Log` is `Send + Sync`; every method takes `&self`. Share it by reference or in an [`Arc`].
///
/// Dropping a `Log` gives the lock back and nothing else: what was appended and not committed is
/// gone, as after a crash. [`Log::close`] commits first.
#[derive(Debug)]
pub struct Log {
    core: Arc<Core>,
    recovery: RecoveryReport,
}

impl Log {
    /// Opens the log of `config`, or makes a new one: takes the lock, reads how the log ended, starts
    /// a new segment behind that, and seals the past.
    ///
    /// A write that was cut off by a crash is dropped, and [`Log::recovery`] says so.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`](crate::Error::Locked) at once when somebody has the log open;
    /// [`Error::Damaged`](crate::Error::Damaged) when acknowledged records are damaged, and an error
    /// of its own for each other way in which the directory is not what was written. Nothing is
    /// changed then. I/O errors and a full disk are told as such.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a config is built for one open"
    )]
    pub fn open(config: Config) -> Result<Self> {
        let (core, recovery) = open::open(&config)?;
        Ok(Self {
            core: Arc::new(core),
            recovery,
        })
    }

    /// What opening found.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// Appends a record and gives it its LSN. It is in memory then; [`Log::commit`] makes it durable.
    ///
    /// Blocks only when the buffer is full, for the time of a write, or when a segment is.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`](crate::Error::TooLarge), a full disk (try again later), or a log that is
    /// poisoned or closed. A record that was refused left no trace and took no LSN.
    pub fn append(&self, record: &Record<'_>) -> Result<Lsn> {
        self.core.append(record)
    }

    /// Appends records that become durable all or none. Their LSNs follow each other.
    ///
    /// # Errors
    ///
    /// As [`Log::append`]; also [`Error::EmptyBatch`](crate::Error::EmptyBatch), and
    /// [`Error::TooLarge`](crate::Error::TooLarge) for a batch that does not fit into one segment.
    pub fn append_batch(&self, records: &[Record<'_>]) -> Result<LsnRange> {
        self.core.append_all(records)
    }

    /// Waits until the record `lsn`, and every record before it, is on disk.
    ///
    /// Waiters share writes: the first to find the disk idle writes for everybody.
    ///
    /// # Errors
    ///
    /// [`Error::NotAppended`](crate::Error::NotAppended) for an LSN that is not given out yet; a full
    /// disk, after which the same call may be tried again; a poisoned log, which never acknowledges
    /// anything again. On an error the record may or may not be on disk; reopening tells.
    pub fn commit(&self, lsn: Lsn) -> Result<DurableLsn> {
        self.core.commit(lsn)
    }

    /// The same as a future that needs no runtime. Ten thousand outstanding ones are nothing special:
    /// they share writes, and one thread of the log's own, which the first of them starts.
    pub fn commit_async(&self, lsn: Lsn) -> Commit {
        self.core.commit_async(lsn)
    }

    /// Waits until every record appended so far is on disk.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`].
    pub fn sync(&self) -> Result<DurableLsn> {
        self.core.sync()
    }

    /// Reads durable records. The stream follows the log: after `None`, it may deliver more once
    /// more is durable.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`](crate::Error::Truncated) when the first record asked for is gone.
    pub fn read(&self, options: ReadOptions) -> Result<Records> {
        Records::open(Arc::clone(&self.core.view), options)
    }

    /// Makes everything durable, starts a new segment and seals the active one. Does nothing when
    /// the active segment has no record.
    ///
    /// # Errors
    ///
    /// As [`Log::append`].
    pub fn rotate(&self) -> Result<()> {
        self.core.rotate()
    }

    /// Retires every sealed segment whose records are all before `lsn`. Records at `lsn` and after
    /// are never touched; some before it may stay, as segments go whole.
    ///
    /// # Errors
    ///
    /// I/O errors. After a failure some segments may be retired; opening the log finishes the rest.
    pub fn truncate_before(&self, lsn: Lsn) -> Result<Truncated> {
        self.core.truncate_before(lsn)
    }

    /// The LSN the next record will get.
    #[must_use]
    pub fn next_lsn(&self) -> Lsn {
        self.core.state.lock().next_lsn
    }

    /// The durable frontier: this record and all before it are on disk.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        self.core.view.durable()
    }

    /// The oldest record the log holds; the next LSN when it holds none.
    #[must_use]
    pub fn start_lsn(&self) -> Lsn {
        self.core.view.start()
    }

    /// The segments, oldest first; the active one last.
    ///
    /// # Errors
    ///
    /// A footer could not be read.
    pub fn segments(&self) -> Result<Vec<SegmentInfo>> {
        let active = {
            let state = self.core.state.lock();
            state.active.as_ref().map(|active| {
                let index = active.index.snapshot();
                let last_lsn = state.next_lsn.previous();
                let position = state.filling.position();
                SegmentInfo::new(&active.entry, last_lsn, position, index.as_ref())
            })
        };
        let segments = self.core.view.segments();
        let sealed = segments.iter().filter(|entry| {
            active
                .as_ref()
                .is_none_or(|active| entry.header().number < active.number)
        });
        let mut infos = sealed
            .map(|entry| SegmentInfo::of(entry))
            .collect::<Result<Vec<_>>>()?;
        infos.extend(active);
        Ok(infos)
    }

    /// Bytes of all segment files.
    #[must_use]
    pub fn total_size_bytes(&self) -> u64 {
        self.core.view.total_bytes()
    }

    /// The log's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.core.storage.path()
    }

    /// What the log has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let counters = self.core.state.lock().counters;
        Stats {
            io_mode: self.core.storage.io_mode(),
            records: counters.records,
            payload_bytes: counters.payload_bytes,
            writes: counters.writes,
            bytes_written: counters.bytes_written,
            commits: self.core.commits.load(Ordering::Relaxed),
            rotations: counters.rotations,
        }
    }

    /// Commits what was appended, seals the active segment, and gives the lock back.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`]. The log is closed either way, and what was acknowledged is on disk.
    pub fn close(self) -> Result<()> {
        self.core.close()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.core.abandon();
    }
}
