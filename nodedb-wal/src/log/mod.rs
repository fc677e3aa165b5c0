//! STUB: signatures of the log, to be replaced by the real thing.
#![allow(missing_docs, clippy::all, clippy::todo, unused)]
use crate::format::RecordHeader;
use crate::storage::{IoMode, Storage};
use crate::types::*;
use crate::{Config, Error, Result};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Proof that everything up to an LSN is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurableLsn(Lsn);
impl DurableLsn {
    pub const fn lsn(self) -> Lsn {
        self.0
    }
}

/// `Send + Sync`; all methods take `&self`; cheap to share in an `Arc`.
#[derive(Debug)]
pub struct Log;
impl Log {
    pub fn open(config: Config) -> Result<Self> {
        todo!()
    }
    /// What opening found.
    pub fn recovery(&self) -> &RecoveryReport {
        todo!()
    }
    pub fn append(&self, record: &Record<'_>) -> Result<Lsn> {
        todo!()
    }
    /// All or none after a crash. All in one segment.
    pub fn append_batch(&self, records: &[Record<'_>]) -> Result<LsnRange> {
        todo!()
    }
    /// Blocks until `lsn` and everything before it is on disk.
    pub fn commit(&self, lsn: Lsn) -> Result<DurableLsn> {
        todo!()
    }
    /// Commits everything appended so far.
    pub fn sync(&self) -> Result<DurableLsn> {
        todo!()
    }
    pub fn read(&self, options: ReadOptions) -> Result<Records> {
        todo!()
    }
    /// Seals the active segment and starts a new one.
    pub fn rotate(&self) -> Result<()> {
        todo!()
    }
    /// Retires every sealed segment whose records are all before `lsn`.
    pub fn truncate_before(&self, lsn: Lsn) -> Result<Truncated> {
        todo!()
    }
    pub fn next_lsn(&self) -> Lsn {
        todo!()
    }
    pub fn durable_lsn(&self) -> Lsn {
        todo!()
    }
    /// The oldest LSN the log still holds.
    pub fn start_lsn(&self) -> Lsn {
        todo!()
    }
    pub fn segments(&self) -> Result<Vec<SegmentInfo>> {
        todo!()
    }
    pub fn total_size_bytes(&self) -> u64 {
        todo!()
    }
    pub fn directory(&self) -> &Path {
        todo!()
    }
    pub fn stats(&self) -> Stats {
        todo!()
    }
    /// Commits, seals the active segment, gives the lock back. Dropping a `Log` does none of the first two.
    pub fn close(self) -> Result<()> {
        todo!()
    }
}

#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    pub io_mode: IoMode,
    pub records: u64,
    pub payload_bytes: u64,
    pub writes: u64,
    pub bytes_written: u64,
    pub commits: u64,
    pub rotations: u64,
}
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Truncated {
    pub segments: usize,
    pub bytes: u64,
    pub start_lsn: Lsn,
}

/// What recovery decided about the end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    CleanEnd,
    TornTail,
    HalfBatch,
}
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecoveryReport {
    pub verdict: Verdict,
    /// What was dropped behind the last whole record: nothing of it was acknowledged.
    pub dropped: Option<Dropped>,
    pub start_lsn: Lsn,
    pub last_lsn: Lsn,
    pub segments: usize,
    /// Bytes read to come to the verdict.
    pub bytes_read: u64,
    pub duration: Duration,
}
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dropped {
    pub path: PathBuf,
    pub offset: u64,
    /** whole records that were dropped, being after a hole or of a half batch */
    pub records: u64,
}

#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SegmentInfo {
    pub path: PathBuf,
    pub number: u64,
    pub first_lsn: Lsn,
    /** one before first_lsn when empty */
    pub last_lsn: Lsn,
    pub sealed: bool,
    pub file_bytes: u64,
    /** header to end of the last record */
    pub data_bytes: u64,
    pub payload_bytes: u64,
    pub created_at: Timestamp,
    pub times: Option<(Timestamp, Timestamp)>,
    pub epochs: Option<(Epoch, Epoch)>,
    pub kinds: Vec<(KindCode, u64)>,
    pub tenants: Vec<(TenantId, u64)>,
    pub writes: u64,
}

/// A log directory opened for reading: takes no lock, changes nothing. Works on a log that nobody has
/// open and on one that another process writes.
#[derive(Debug)]
pub struct Reader;
impl Reader {
    /// Refuses (Error::Damaged and the like) where `Log::open` would.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self> {
        todo!()
    }
    /// Opens whatever can be opened, for looking at a damaged log; what is wrong comes from `verify`.
    pub fn open_damaged(directory: impl Into<PathBuf>) -> Result<Self> {
        todo!()
    }
    pub fn open_on(storage: Arc<dyn Storage>) -> Result<Self> {
        todo!()
    }
    /// What `Log::open` would find now.
    pub fn recovery(&self) -> &RecoveryReport {
        todo!()
    }
    pub fn segments(&self) -> Result<Vec<SegmentInfo>> {
        todo!()
    }
    pub fn read(&self, options: ReadOptions) -> Result<Records> {
        todo!()
    }
    pub fn next_lsn(&self) -> Lsn {
        todo!()
    }
    pub fn start_lsn(&self) -> Lsn {
        todo!()
    }
    pub fn total_size_bytes(&self) -> u64 {
        todo!()
    }
    /// Whether another process (or Log) has it open now.
    pub fn is_in_use(&self) -> bool {
        todo!()
    }
    /// Reads and checks everything. `progress(bytes_done, bytes_total)`. Damage is in the report, not an Err.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport> {
        todo!()
    }
}
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifyReport {
    pub verdict: Option<Verdict>,
    pub segments: usize,
    pub records: u64,
    pub bytes_read: u64,
    pub findings: Vec<Finding>,
    pub dropped: Option<Dropped>,
}
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    pub path: PathBuf,
    pub offset: u64,
    pub lsns: Option<LsnRange>,
    pub error: Error,
}

/// What a read delivers. Default: everything.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    _p: (),
}
impl ReadOptions {
    pub fn all() -> Self {
        todo!()
    }
    pub fn from(lsn: Lsn) -> Self {
        todo!()
    }
    /// Inclusive.
    pub fn until(self, last: Lsn) -> Self {
        todo!()
    }
    pub fn kinds(self, kinds: &[RecordKind]) -> Self {
        todo!()
    }
    pub fn tenant(self, tenant: TenantId) -> Self {
        todo!()
    }
    pub fn database(self, database: DatabaseId) -> Self {
        todo!()
    }
    pub fn vshard(self, vshard: VshardId) -> Self {
        todo!()
    }
    pub fn collection(self, tag: CollectionTag) -> Self {
        todo!()
    }
    pub fn epochs(self, epochs: RangeInclusive<Epoch>) -> Self {
        todo!()
    }
    pub fn times(self, times: RangeInclusive<Timestamp>) -> Self {
        todo!()
    }
    /// Control records only, found through the footers of sealed segments.
    pub fn control_only(self) -> Self {
        todo!()
    }
    /// Payload checksums are not checked; RecordView::payload is still there.
    pub fn headers_only(self) -> Self {
        todo!()
    }
    /// After an `Err(Error::Damaged)` the next call goes on behind the damage; unknown kinds are delivered.
    pub fn salvage(self) -> Self {
        todo!()
    }
}
/// A stream of records, lent out in place; bounded memory.
#[derive(Debug)]
pub struct Records;
impl Records {
    /// `None` at the durable end. On a live log a later call may deliver more.
    pub fn next(&mut self) -> Result<Option<RecordView<'_>>> {
        todo!()
    }
    pub fn stats(&self) -> ReadStats {
        todo!()
    }
}
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct ReadStats {
    pub bytes_read: u64,
    pub records_read: u64,
    pub records_delivered: u64,
    pub segments_read: u64,
    pub segments_skipped: u64,
}
#[derive(Clone, Copy, Debug)]
pub struct RecordView<'a> {
    pub header: RecordHeader,
    pub payload: &'a [u8],
    /** where the record starts in its segment */
    pub offset: u64,
    pub segment: &'a Path,
}
impl<'a> RecordView<'a> {
    pub fn lsn(&self) -> Lsn {
        self.header.lsn
    }
    /// Header, payload as stored on disk, for annotated dumps.
    pub fn stored_bytes(&self) -> &'a [u8] {
        todo!()
    }
}
