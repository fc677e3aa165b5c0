//! A log directory opened for reading only.

use std::path::PathBuf;
use std::sync::Arc;

use super::image::OnFault;
use super::read::Records;
use super::read_options::ReadOptions;
use super::report::{RecoveryReport, SegmentExtent, SegmentInfo};
use super::settled::image_for_reading;
use super::time::{self, Looked, LsnAt};
use super::verify::{VerifyReport, verify};
use super::view::View;
use crate::config::OpenCheck;
use crate::error::Result;
use crate::storage::{IoMode, OsStorage, Storage};
use crate::types::{LogId, Lsn, Timestamp};

/// A log directory opened for reading: it takes no lock and changes nothing, also when another
/// process has the log open.
///
/// It shows the log as it was when the reader was opened. Of a log that nobody has open it shows
/// what [`Log::open`](crate::Log::open) would keep. Of a log that is being written it shows the
/// records that a later write vouches for as durable; the last write is never among them.
#[derive(Debug)]
pub struct Reader {
    storage: Arc<dyn Storage>,
    pub(super) view: Arc<View>,
    recovery: RecoveryReport,
    is_in_use: bool,
}

impl Reader {
    /// Opens the log in `directory`.
    ///
    /// # Errors
    ///
    /// Those of [`Log::open`](crate::Log::open), but for the lock; and an I/O error when there is no
    /// such directory, which is not made.
    pub fn open(directory: impl Into<PathBuf>) -> Result<Self> {
        Self::load(os(directory), OnFault::Refuse)
    }

    /// Opens whatever can be opened of a log that [`Reader::open`] refuses, for looking at it with a
    /// [salvage](ReadOptions::salvage) read. [`Reader::verify`] says what is wrong.
    ///
    /// # Errors
    ///
    /// The directory or a file in it cannot be read.
    pub fn open_damaged(directory: impl Into<PathBuf>) -> Result<Self> {
        Self::load(os(directory), OnFault::Note)
    }

    /// Opens the log on `storage`.
    ///
    /// # Errors
    ///
    /// As [`Reader::open`].
    pub fn open_on(storage: Arc<dyn Storage>) -> Result<Self> {
        Self::load(storage, OnFault::Refuse)
    }

    /// Opens whatever can be opened of the log on `storage`.
    ///
    /// # Errors
    ///
    /// As [`Reader::open_damaged`].
    pub fn open_damaged_on(storage: Arc<dyn Storage>) -> Result<Self> {
        Self::load(storage, OnFault::Note)
    }

    fn load(storage: Arc<dyn Storage>, on_fault: OnFault) -> Result<Self> {
        let check = match on_fault {
            OnFault::Refuse => OpenCheck::LastWrites,
            // To look at a damaged log is to look at all of what was not sealed.
            OnFault::Note => OpenCheck::LastSegment,
        };
        let (mut image, is_in_use) = image_for_reading(&storage, on_fault, check)?;
        if let (true, Some(tail)) = (is_in_use, &image.tail) {
            image.report.last_lsn = image.report.last_lsn.min(tail.claimed_lsn);
            image.report.dropped = None;
        }
        let durable = image.report.last_lsn;
        let view = Arc::new(View::new(Arc::clone(&storage), image.segments, durable));
        Ok(Self {
            storage,
            view,
            recovery: image.report,
            is_in_use,
        })
    }

    /// What opening the log would find.
    #[must_use]
    pub fn recovery(&self) -> &RecoveryReport {
        &self.recovery
    }

    /// Whether somebody had the log open when the reader was opened.
    #[must_use]
    pub fn is_in_use(&self) -> bool {
        self.is_in_use
    }

    /// The segments, oldest first.
    ///
    /// # Errors
    ///
    /// A segment could not be read.
    pub fn segments(&self) -> Result<Vec<SegmentInfo>> {
        self.view
            .segments()
            .iter()
            .map(|entry| SegmentInfo::of(entry))
            .collect()
    }

    /// Reads records.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`](crate::Error::Truncated) when the first record asked for is gone.
    pub fn read(&self, options: ReadOptions) -> Result<Records> {
        Records::open(Arc::clone(&self.view), options)
    }

    /// Which log it is; zero when there is none.
    #[must_use]
    pub fn id(&self) -> LogId {
        let segments = self.view.segments();
        LogId::new(segments.last().map_or(0, |entry| entry.header().log_id))
    }

    /// Where each segment starts and how long its file is, oldest first. Reads nothing.
    #[must_use]
    pub fn extents(&self) -> Vec<SegmentExtent> {
        self.view.extents()
    }

    /// The LSN after the last record.
    #[must_use]
    pub fn next_lsn(&self) -> Lsn {
        self.view.durable().next()
    }

    /// The oldest record; the next LSN when there is none.
    #[must_use]
    pub fn start_lsn(&self) -> Lsn {
        self.view.start()
    }

    /// Where in the log a time is, as [`Log::lsn_at`](crate::Log::lsn_at) tells it. A last segment
    /// that is not sealed has no footer yet and is read from its start.
    ///
    /// # Errors
    ///
    /// As [`Log::lsn_at`](crate::Log::lsn_at).
    pub fn lsn_at(&self, time: Timestamp) -> Result<Looked<LsnAt>> {
        time::lsn_at(&self.view, None, time)
    }

    /// When a record was written, as [`Log::time_of`](crate::Log::time_of) tells it.
    ///
    /// # Errors
    ///
    /// As [`Log::time_of`](crate::Log::time_of).
    pub fn time_of(&self, lsn: Lsn) -> Result<Looked<Timestamp>> {
        time::time_of(&self.view, None, lsn)
    }

    /// The cores that wrote its segments, in their order.
    pub(crate) fn cores(&self) -> impl Iterator<Item = u32> {
        let segments = self.view.segments().into_iter();
        segments.map(|entry| entry.header().core)
    }

    /// Bytes of all segment files.
    #[must_use]
    pub fn total_size_bytes(&self) -> u64 {
        self.view.total_bytes()
    }

    /// Reads and checks every byte of the log as it is now. `progress` is told how many bytes are
    /// done, and how many there are.
    ///
    /// # Errors
    ///
    /// The disk cannot be read. Damage is no error here but a finding in the report.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<VerifyReport> {
        verify(&self.storage, progress)
    }
}

fn os(directory: impl Into<PathBuf>) -> Arc<dyn Storage> {
    // The mode is one of writing, and a reader does not write.
    Arc::new(OsStorage::new(directory, IoMode::Buffered))
}
