//! What the log and its readers share: the segments there are, and how far they are durable.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::bell::Bell;
use super::report::SegmentExtent;
use crate::segment::SegmentEntry;
use crate::storage::Storage;
use crate::sync::{AtomicU64, RwLock};
use crate::types::Lsn;

/// The readable log. Readers hold it and see the log grow.
#[derive(Debug)]
pub(crate) struct View {
    storage: Arc<dyn Storage>,
    /// In order of LSN, the active segment last. Held only to look up or to change the list, never
    /// across I/O.
    segments: RwLock<Vec<Arc<SegmentEntry>>>,
    /// Rung when a segment was started.
    bell: Arc<Bell>,
    /// Everything up to here may be read. Written by whoever completed a write, in order.
    durable: AtomicU64,
}

/// A segment and the last record it can hold, when that is settled.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) entry: Arc<SegmentEntry>,
    /// `None` in the active segment.
    pub(crate) last_lsn: Option<Lsn>,
}

impl View {
    pub(crate) fn new(
        storage: Arc<dyn Storage>,
        segments: Vec<Arc<SegmentEntry>>,
        durable: Lsn,
    ) -> Self {
        Self {
            storage,
            segments: RwLock::new(segments),
            bell: Arc::default(),
            durable: AtomicU64::new(durable.value()),
        }
    }

    /// Whether `entry` is a segment of the log still: one that was truncated away here is not.
    pub(crate) fn holds(&self, entry: &Arc<SegmentEntry>) -> bool {
        let segments = self.segments.read();
        segments.iter().any(|other| Arc::ptr_eq(other, entry))
    }

    /// Whether work may be done on threads of the log's own.
    pub(crate) fn allows_threads(&self) -> bool {
        self.storage.allows_threads()
    }

    pub(crate) fn durable(&self) -> Lsn {
        Lsn::new(self.durable.load(Ordering::SeqCst))
    }

    /// Moves the durable frontier up to `lsn`; it never goes back.
    ///
    /// In one order for all threads, with the number of `Followers` that says who waits: either whoever
    /// moves the frontier sees that somebody waits, or whoever waits sees the frontier.
    pub(crate) fn advance_durable(&self, lsn: Lsn) {
        self.durable.fetch_max(lsn.value(), Ordering::SeqCst);
    }

    /// The oldest LSN there is; one past the durable frontier when there is none.
    pub(crate) fn start(&self) -> Lsn {
        let first = self
            .segments
            .read()
            .first()
            .map(|entry| entry.header().first_lsn);
        first.unwrap_or_else(|| self.durable().next())
    }

    pub(crate) fn segments(&self) -> Vec<Arc<SegmentEntry>> {
        self.segments.read().clone()
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.segments
            .read()
            .iter()
            .map(|entry| entry.file_bytes())
            .sum()
    }

    /// Where each segment starts and how long its file is, oldest first.
    pub(crate) fn extents(&self) -> Vec<SegmentExtent> {
        let segments = self.segments.read();
        segments
            .iter()
            .map(|entry| SegmentExtent {
                first_lsn: entry.header().first_lsn,
                file_bytes: entry.file_bytes(),
            })
            .collect()
    }

    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Takes over what another process has made of the segments.
    pub(crate) fn replace(&self, segments: Vec<Arc<SegmentEntry>>) {
        *self.segments.write() = segments;
    }

    pub(crate) fn push(&self, entry: Arc<SegmentEntry>) {
        self.segments.write().push(entry);
        self.bell.ring();
    }

    /// Puts a segment in the place of the last, which had no record.
    pub(crate) fn replace_last(&self, entry: Arc<SegmentEntry>) {
        let mut segments = self.segments.write();
        segments.pop();
        segments.push(entry);
    }

    /// Takes the segments out whose records are all before `start`. The last always stays.
    pub(crate) fn take_before(&self, start: Lsn) -> Vec<Arc<SegmentEntry>> {
        let mut segments = self.segments.write();
        let kept_from = segments
            .partition_point(|entry| entry.header().first_lsn <= start)
            .saturating_sub(1);
        segments.drain(..kept_from).collect()
    }

    /// The first segment whose records are all after `lsn`.
    pub(crate) fn segment_after(&self, lsn: Lsn) -> Option<Arc<SegmentEntry>> {
        let segments = self.segments.read();
        let after = segments.partition_point(|entry| entry.header().first_lsn <= lsn);
        segments.get(after).map(Arc::clone)
    }

    /// The segment that holds `lsn`, or would hold it if it came next.
    pub(crate) fn find(&self, lsn: Lsn) -> Option<Placed> {
        let segments = self.segments.read();
        let after = segments.partition_point(|entry| entry.header().first_lsn <= lsn);
        let entry = Arc::clone(segments.get(after.checked_sub(1)?)?);
        let next = segments
            .get(after)
            .map(|next| next.header().previous_last_lsn);
        let last_lsn = entry.trailer().map(|trailer| trailer.last_lsn).or(next);
        Some(Placed { entry, last_lsn })
    }
}
