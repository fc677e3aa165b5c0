//! The handle a node holds: everything about its log but the typed appends.

use std::path::Path;

use nodedb_wal::{
    DurableLsn, Log, LogId, Lsn, ReadOptions, Record, Records, RecoveryReport, SegmentExtent,
    SegmentInfo, Stats, Truncated,
};

use crate::config::NodeConfig;
use crate::error::Result;
use crate::tenants::Limiter;

/// The one owner of a node's log.
///
/// `WalManager` is `Send + Sync`; every method but [`close`](Self::close) takes `&self`. Share it
/// by reference or in an [`Arc`](std::sync::Arc).
///
/// Dropping it gives the directory's lock back and nothing else: what was appended and not
/// committed is gone, as after a crash. [`close`](Self::close) commits first.
#[derive(Debug)]
pub struct WalManager {
    log: Log,
    limiter: Limiter,
}

impl WalManager {
    /// Opens the log of `config`, or makes a new one. What a crash left is in
    /// [`recovery`](Self::recovery).
    ///
    /// # Errors
    ///
    /// As [`Log::open`]: somebody has the log open, acknowledged records are damaged, the directory
    /// is not what was written, or the disk failed. Nothing is changed then.
    pub fn open(config: NodeConfig) -> Result<Self> {
        let budgets = config.budgets().to_vec();
        let log = Log::open(config.into_log())?;
        for (tenant, budget) in &budgets {
            log.set_weight(*tenant, budget.weight);
        }
        let limiter = Limiter::new(budgets);
        Ok(Self { log, limiter })
    }

    /// What opening found.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        self.log.recovery()
    }

    /// Appends a record as it is: the door for kinds of the embedding database, and for records
    /// that were read elsewhere.
    ///
    /// # Errors
    ///
    /// As [`Log::append`], and [`Error::OverBudget`](crate::Error::OverBudget) when the tenant's
    /// budget is used up.
    pub fn append_record(&self, record: &Record<'_>) -> Result<Lsn> {
        self.admit(record, || Ok(self.log.append(record)?))
    }

    /// Waits until the record `lsn`, and every record before it, is on disk.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`].
    pub fn commit(&self, lsn: Lsn) -> Result<DurableLsn> {
        Ok(self.log.commit(lsn)?)
    }

    /// Waits until every record appended so far is on disk.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`].
    pub fn sync(&self) -> Result<DurableLsn> {
        Ok(self.log.sync()?)
    }

    /// Reads durable records. The stream follows the log: after `None`, it may deliver more once
    /// more is durable.
    ///
    /// # Errors
    ///
    /// [`Truncated`](nodedb_wal::Error::Truncated) when the first record asked for is gone.
    pub fn read(&self, options: ReadOptions) -> Result<Records> {
        Ok(self.log.read(options)?)
    }

    /// Makes everything durable, starts a new segment and seals the active one, so that truncation
    /// can take it. Does nothing when the active segment has no record.
    ///
    /// # Errors
    ///
    /// As [`Log::append`].
    pub fn rotate(&self) -> Result<()> {
        Ok(self.log.rotate()?)
    }

    /// Retires every sealed segment whose records are all before `lsn`. Records at `lsn` and after
    /// are never touched; some before it may stay, as segments go whole.
    ///
    /// # Errors
    ///
    /// As [`Log::truncate_before`].
    pub fn truncate_before(&self, lsn: Lsn) -> Result<Truncated> {
        Ok(self.log.truncate_before(lsn)?)
    }

    /// The LSN the next record will get.
    #[must_use]
    pub fn next_lsn(&self) -> Lsn {
        self.log.next_lsn()
    }

    /// The durable frontier: this record and all before it are on disk.
    #[must_use]
    pub fn durable_lsn(&self) -> Lsn {
        self.log.durable_lsn()
    }

    /// The oldest record the log holds; the next LSN when it holds none.
    #[must_use]
    pub fn start_lsn(&self) -> Lsn {
        self.log.start_lsn()
    }

    /// The segments, oldest first; the active one last.
    ///
    /// # Errors
    ///
    /// As [`Log::segments`].
    pub fn list_segments(&self) -> Result<Vec<SegmentInfo>> {
        Ok(self.log.segments()?)
    }

    /// Where each segment starts and how long its file is, oldest first; the active one last. Reads
    /// nothing.
    #[must_use]
    pub fn extents(&self) -> Vec<SegmentExtent> {
        self.log.extents()
    }

    /// Bytes of all segment files.
    #[must_use]
    pub fn total_size_bytes(&self) -> u64 {
        self.log.total_size_bytes()
    }

    /// Which log it is.
    #[must_use]
    pub fn log_id(&self) -> LogId {
        self.log.id()
    }

    /// The log's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.log.directory()
    }

    /// What the log has done since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.log.stats()
    }

    /// Commits what was appended, seals the active segment, and gives the lock back.
    ///
    /// # Errors
    ///
    /// As [`Log::close`]. The log is closed either way, and what was acknowledged is on disk.
    pub fn close(self) -> Result<()> {
        Ok(self.log.close()?)
    }

    /// Whether the node may start threads beside this log: not on a simulated disk, unless its test
    /// says so.
    #[must_use]
    pub fn allows_threads(&self) -> bool {
        self.log.allows_threads()
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.limiter
    }

    /// The log, for what only this crate may do with it.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }
}
