//! The handle a database holds.

use std::path::Path;
use std::sync::Arc;

use super::bell::Bell;
use super::commit::DurableLsn;
use super::commit_async::Commit;
use super::open;
use super::read::Records;
use super::read_options::ReadOptions;
use super::report::{RecoveryReport, SegmentExtent, SegmentInfo};
use super::retire::Truncated;
use super::state::Core;
use super::stats::Stats;
use super::sync_behind::Acknowledged;
use crate::config::{Config, SyncPolicy};
use crate::error::{Error, Result};
use crate::types::{Envelope, Epoch, LogId, Lsn, LsnRange, Record, TenantId};

/// A log that is open for appending: its directory is locked, and recovery has finished.
///
/// `Log` is `Send + Sync`; every method takes `&self`. Share it by reference or in an [`Arc`].
///
/// Dropping a `Log` gives the lock back and nothing else: what was appended and not committed is
/// gone, as after a crash. [`Log::close`] commits first.
#[derive(Debug)]
pub struct Log {
    pub(super) core: Arc<Core>,
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
        let core = Arc::new(core);
        let log = Self { core, recovery };
        log.core.begin_with_past()?;
        if let Some(after) = config.witness_after {
            log.core.begin_to_watch(after)?;
        }
        log.core.set_sync_policy(config.sync_policy)?;
        Ok(log)
    }

    /// What opening found.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// Waits until the segments that opening found unsealed are checked whole and sealed, which a
    /// thread of the log does from when it is opened on. Nothing needs to wait for it; to wait is to
    /// know that every byte of the past that was not sealed is what was written.
    ///
    /// # Errors
    ///
    /// [`Error::Unsealed`](crate::Error::Unsealed) with the first thing that is wrong. A damaged
    /// segment stays as it is: reading it brings what is whole and tells what is not.
    pub fn finish_recovery(&self) -> Result<()> {
        self.core.finish_past()
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

    /// [`Self::append`] in `epoch`, whatever epoch the record names.
    pub(crate) fn append_in(&self, epoch: Epoch, record: &Record<'_>) -> Result<Lsn> {
        self.core.append_in(epoch, record)
    }

    /// Appends a record whose payload is encoded straight into the log's buffer: `fill` is given the
    /// payload's place, `envelope.payload_len` zeros, and what it leaves there is the payload. This
    /// saves a copy where the payload's length is known before its bytes are.
    ///
    /// `fill` runs under the log's lock, so that nobody else appends meanwhile: it should encode and
    /// nothing else. It must not call the log, which would wait for itself for ever.
    ///
    /// ```
    /// # use nodedb_wal::{Config, Envelope, Error, Log, RecordKind, Scope};
    /// # let directory = tempfile::tempdir().unwrap();
    /// # let log = Log::open(Config::new(directory.path()).segment_bytes(1 << 20))?;
    /// let envelope = Envelope::raw(RecordKind::Put, Scope::default(), 12);
    /// let lsn = log.append_with(&envelope, |payload| {
    ///     payload[..4].copy_from_slice(&7_u32.to_le_bytes());
    ///     payload[4..].copy_from_slice(b"a row...");
    ///     Ok::<_, Error>(())
    /// })?;
    /// log.commit(lsn)?;
    /// # Ok::<_, Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Log::append`], and whatever `fill` returns. A record that was refused, or whose `fill`
    /// failed or panicked, left no trace and took no LSN.
    pub fn append_with<E: From<Error>>(
        &self,
        envelope: &Envelope,
        fill: impl FnOnce(&mut [u8]) -> std::result::Result<(), E>,
    ) -> std::result::Result<Lsn, E> {
        self.core.append_with(envelope, fill)
    }

    /// Appends records that become durable all or none. Their LSNs follow each other.
    ///
    /// A batch may be larger than the buffer, which makes it several writes, and than a segment, which
    /// makes it one of its own: up to [`Config::batch_bytes_max`]. Several threads may do this at once;
    /// one waits for the other. A batch that the buffer does not take is on its way to the disk when this
    /// returns, all but the last part, so this takes as long as the disk does, and whoever appends
    /// meanwhile waits for it; whoever commits earlier records does not.
    ///
    /// # Errors
    ///
    /// As [`Log::append`]; also [`Error::EmptyBatch`](crate::Error::EmptyBatch), and
    /// [`Error::TooLarge`](crate::Error::TooLarge) for a batch over the limit, or a record in it that a
    /// usual segment does not take. After any error but
    /// [`Error::NotDurable`](crate::Error::NotDurable) nothing of it is ever found.
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

    /// Answers for the record `lsn`, and every record before it, as the log's [`SyncPolicy`] has it:
    /// waits for the disk, or gives its word that a thread will bring it there, or neither. What came
    /// of it is in the answer, so that nobody takes the one for the other.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`], whatever the policy: a log whose disk failed acknowledges nothing.
    pub fn acknowledge(&self, lsn: Lsn) -> Result<Acknowledged> {
        self.core.acknowledge(lsn)
    }

    /// What becomes durable without being committed.
    #[must_use]
    pub fn sync_policy(&self) -> SyncPolicy {
        self.core.sync_policy()
    }

    /// Changes that from now on. With [`SyncPolicy::EachAppend`], what waits is made durable first;
    /// with [`SyncPolicy::Every`], what waits counts as appended now.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`], and when there is no thread to be had. The policy is as it was then.
    pub fn set_sync_policy(&self, policy: SyncPolicy) -> Result<()> {
        self.core.set_sync_policy(policy)
    }

    /// Vouches for the last write: one more block says that it was durable, and damage to it is told
    /// from a torn write from then on. The log does so itself when it was idle for
    /// [`Config::witness_after`]; where its storage allows no threads, this call does. Gives back
    /// whether there was anything to vouch for.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`].
    pub fn witness(&self) -> Result<bool> {
        self.core.witness()
    }

    /// Sets what a tenant's share of a write weighs beside those of other tenants: 1 as it comes. See
    /// [`Config::shared_write_bytes`].
    pub fn set_weight(&self, tenant: TenantId, weight: u32) {
        self.core.state.lock().shares.set_weight(tenant, weight);
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
        let active = self.active_segment();
        let segments = self.core.view.segments();
        let sealed = segments.iter().filter(|entry| {
            active
                .as_ref()
                .is_none_or(|active| entry.header().number < active.number)
        });
        let described = sealed.map(|entry| (entry, SegmentInfo::of(entry)));
        let mut infos = described
            // What is truncated away meanwhile cannot be read, and is no segment of the log.
            .filter(|(entry, info)| info.is_ok() || self.core.view.holds(entry))
            .map(|(_, info)| info)
            .collect::<Result<Vec<_>>>()?;
        infos.extend(active);
        Ok(infos)
    }

    /// The segment that starts at `first_lsn`; nothing when there is none.
    ///
    /// # Errors
    ///
    /// Its footer could not be read.
    pub fn segment(&self, first_lsn: Lsn) -> Result<Option<SegmentInfo>> {
        let active = self.active_segment();
        if let Some(active) = active.filter(|active| active.first_lsn == first_lsn) {
            return Ok(Some(active));
        }
        let segments = self.core.view.segments();
        let found = segments
            .iter()
            .find(|entry| entry.header().first_lsn == first_lsn);
        found.map(|entry| SegmentInfo::of(entry)).transpose()
    }

    fn active_segment(&self) -> Option<SegmentInfo> {
        let mut state = self.core.state.lock();
        // What is full is sealed in a moment, and then need not be read to tell what it holds.
        self.core.finish_sealing(&mut state);
        state.active.as_ref().map(|active| {
            let index = active.index.outline();
            let last_lsn = state.next_lsn.previous();
            let position = state.data_end();
            SegmentInfo::new(&active.entry, last_lsn, position, index.as_ref())
        })
    }

    /// Where each segment starts and how long its file is, oldest first; the active one last. Reads
    /// nothing.
    #[must_use]
    pub fn extents(&self) -> Vec<SegmentExtent> {
        self.core.view.extents()
    }

    /// What rings when a segment was started: for whoever has to look at the log then, and sleeps
    /// until then.
    #[must_use]
    pub fn bell(&self) -> Arc<Bell> {
        Arc::clone(self.core.view.bell())
    }

    /// Bytes of all segment files.
    #[must_use]
    pub fn total_size_bytes(&self) -> u64 {
        self.core.view.total_bytes()
    }

    /// Which log it is: drawn when the log was made, and the same ever after.
    #[must_use]
    pub fn id(&self) -> LogId {
        let segments = self.core.view.segments();
        let number = segments.last().map_or(0, |entry| entry.header().log_id);
        LogId::new(number)
    }

    /// The log's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.core.storage.path()
    }

    /// Whether its storage lets threads be started: not a simulated disk, unless its test says so.
    /// Services on top of the log keep to it too.
    #[must_use]
    pub fn allows_threads(&self) -> bool {
        self.core.storage.allows_threads()
    }

    /// What the log has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let stats = self.core.stats();
        Stats {
            open_duration: self.recovery.duration,
            open_bytes_read: self.recovery.bytes_read,
            ..stats
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

    /// What every append to this log takes, held until this is dropped.
    #[cfg(all(test, feature = "sim"))]
    pub(crate) fn held(&self) -> impl Sized {
        self.core.state.lock()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.core.abandon();
    }
}
