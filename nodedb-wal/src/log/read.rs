//! Reading: a stream of durable records, lent out in place, in bounded memory.

use std::sync::Arc;

use super::read_ahead::ReadAhead;
use super::read_filter::Picker;
use super::read_options::ReadOptions;
use super::read_place::Place;
use super::record_view::{ReadStats, RecordView};
use super::view::View;
use crate::error::{Error, Result};
use crate::format::footer::SegmentIndex;
use crate::segment::{Chunk, Found, Payloads, Pick, RecordAt, SegmentEntry};
use crate::types::{Lsn, LsnRange};

/// A stream of records.
///
/// It holds some stretches of the log in memory: up to 14 MiB, or as much as the largest record takes. The
/// next ones are brought in and checked by one or two threads of the reader's own, which end with it. What
/// the page cache does not hold is read past it, and it stays as it was. Records
/// that are lent out live until the next call. None is delivered that is not durable, and no batch in
/// part.
#[derive(Debug)]
pub struct Records {
    pub(super) view: Arc<View>,
    pub(super) options: Arc<ReadOptions>,
    pub(super) picker: Picker,
    /// What the segment that is being written holds, where whoever reads knows it: it has no footer.
    pub(super) active: Option<SegmentIndex>,
    /// The next record to look at.
    pub(super) next_lsn: Lsn,
    /// The durable frontier when bytes were last read: what lies beyond may have changed since.
    pub(super) durable: Lsn,
    pub(super) place: Option<Place>,
    /// Up to here, the records follow each other in the place, are durable, and may be wanted: there
    /// is nothing to be looked at between them.
    pub(super) clear_until: Lsn,
    pub(super) ahead: ReadAhead,
    /// The stretch that records are lent from.
    pub(super) chunk: Chunk,
    /// The record that was delivered last, where it is not of the chunk.
    pub(super) walked: Option<RecordAt>,
    pub(super) stats: ReadStats,
}

/// Where the next record is.
enum Next {
    /// In the chunk.
    Chunk,
    /// Where the walk found it.
    Record(RecordAt),
}

impl Records {
    pub(crate) fn open(view: Arc<View>, options: ReadOptions) -> Result<Self> {
        let start = view.start();
        let next_lsn = options.from.unwrap_or(start);
        if next_lsn < start {
            return Err(Error::Truncated {
                lsn: next_lsn,
                start,
            });
        }
        let options = Arc::new(options);
        Ok(Self {
            picker: Picker::new(&options),
            active: None,
            ahead: ReadAhead::new(view.allows_threads()),
            view,
            options,
            next_lsn,
            durable: Lsn::ZERO,
            place: None,
            clear_until: Lsn::ZERO,
            chunk: Chunk::default(),
            walked: None,
            stats: ReadStats::default(),
        })
    }

    /// Takes what the segment that is being written holds for its footer.
    pub(crate) fn with_active(mut self, index: Option<SegmentIndex>) -> Self {
        self.active = index;
        self
    }

    /// The next record; `None` at the durable end, or past the last one asked for. On a log that is
    /// open a later call may deliver more.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when records are not what was written, and [`Error::MissingSegment`] when
    /// no segment holds them: every further call says so again, unless the read is a salvage.
    /// [`Error::UnknownRecordFlags`] likewise. [`Error::UnknownRequiredKind`] for a record this version must
    /// not pass over. I/O errors.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    #[inline]
    pub fn next(&mut self) -> Result<Option<RecordView<'_>>> {
        if self.chunk.lent() == self.chunk.found() {
            match self.advance()? {
                Some(Next::Chunk) => {}
                Some(Next::Record(at)) => return Ok(self.view_of(at)),
                None => return Ok(None),
            }
        }
        let (Some(place), Some(lent)) = (&self.place, self.chunk.lend()) else {
            return Ok(None);
        };
        let segment = place.entry.path();
        Ok(Some(RecordView::new(
            lent.header,
            lent.offset,
            segment,
            lent.stored,
        )))
    }

    /// The record that [`Self::next`] delivered last, once more; nothing before the first.
    #[must_use]
    pub fn current(&self) -> Option<RecordView<'_>> {
        let place = self.place.as_ref()?;
        let segment = place.entry.path();
        Some(match &self.walked {
            Some(at) => RecordView::new(at.header, at.offset, segment, place.walk.stored(at)),
            None => {
                let lent = self.chunk.lent_last()?;
                RecordView::new(lent.header, lent.offset, segment, lent.stored)
            }
        })
    }

    /// Whether there is no record to come, however the log grows.
    pub(super) fn is_past_end(&self) -> bool {
        self.next_lsn > self.options.until
    }

    /// What the read has cost and brought so far.
    #[must_use]
    pub fn stats(&self) -> ReadStats {
        let place = self.place.as_ref();
        let here = place.map_or(0, |place| place.walk.bytes_read());
        ReadStats {
            bytes_read: self.stats.bytes_read + here + self.ahead.bytes_read(),
            records_delivered: self.stats.records_delivered + self.chunk.lent() as u64,
            ..self.stats
        }
    }

    fn view_of(&mut self, at: RecordAt) -> Option<RecordView<'_>> {
        self.stats.records_delivered += 1;
        self.walked = Some(at);
        self.current()
    }

    /// Comes to the next record that is wanted.
    fn advance(&mut self) -> Result<Option<Next>> {
        loop {
            let is_lost = self.place.is_none() || self.next_lsn > self.clear_until;
            if is_lost && !self.find_way()? {
                if self.next_lsn <= self.options.until && self.reaches(self.next_lsn) {
                    continue;
                }
                return Ok(None);
            }
            if self.load_chunk() {
                if self.chunk.found() > 0 {
                    return Ok(Some(Next::Chunk));
                }
                continue;
            }
            if let Some(at) = self.step()? {
                return Ok(Some(Next::Record(at)));
            }
        }
    }

    /// Brings in and checks what comes next; `false` when something stands there that has to be
    /// looked at more closely.
    fn load_chunk(&mut self) -> bool {
        self.stats.records_delivered += self.chunk.lent() as u64;
        self.walked = None;
        let used = std::mem::take(&mut self.chunk);
        let Some(place) = self.place.as_mut().filter(|place| !place.route.is_lookup()) else {
            return false;
        };
        let (from, first) = (place.walk.position(), place.walk.expected());
        self.chunk = match self.ahead.take(first, used) {
            Ok(chunk) => chunk,
            Err(mut chunk) => {
                self.picker.from = self.next_lsn;
                let picker = &mut self.picker;
                self.stats.bytes_read += place.load(&mut chunk, self.clear_until, picker);
                chunk
            }
        };
        let Some(scanned) = self.chunk.scanned() else {
            return false;
        };
        if scanned.next == first && scanned.position <= from {
            return false;
        }
        place.walk.jump(scanned.position, scanned.next);
        self.stats.records_read += scanned.records;
        self.stats.records_unknown += scanned.unknown;
        self.next_lsn = self.next_lsn.max(scanned.next);
        true
    }

    /// Looks closely at what comes next.
    fn step(&mut self) -> Result<Option<RecordAt>> {
        let Some(place) = &mut self.place else {
            return Ok(None);
        };
        let found = match place.walk.next() {
            Err(error @ Error::UnknownRecordFlags { lsn, .. }) if self.options.salvage => {
                place.walk.pass_over(lsn);
                self.next_lsn = self.next_lsn.max(lsn.next());
                return Err(error);
            }
            found => found?,
        };
        match found {
            Found::Record(at) => {
                if self.take(&at)? {
                    self.check_payload(&at)?;
                    return Ok(Some(at));
                }
            }
            Found::Frontier(_) => {}
            Found::Gap(gap) => {
                if let Some(missing) = gap.missing {
                    self.damaged(gap.offset, missing)?;
                }
            }
            Found::Footer { offset } | Found::End { offset, .. } => {
                let last = place.last_lsn.unwrap_or(self.durable);
                let missing = LsnRange {
                    first: self.next_lsn,
                    last,
                };
                self.damaged(offset, missing)?;
            }
        }
        Ok(None)
    }

    /// Comes to where the next record is, and sees how far the way is clear from there; `false` when
    /// there is nothing to come to, or some records were skipped on the way.
    fn find_way(&mut self) -> Result<bool> {
        self.clear_until = Lsn::ZERO;
        if self.next_lsn > self.options.until || !self.reaches(self.next_lsn) {
            return Ok(false);
        }
        if self.place_of_next()?.is_none() {
            return Ok(false);
        }
        if let Some(place) = &self.place {
            let segment_end = place.last_lsn.unwrap_or(Lsn::MAX);
            self.clear_until = self
                .durable
                .min(self.options.until)
                .min(segment_end)
                .min(place.route.clear_until());
        }
        Ok(true)
    }

    /// A read that leaves records out checks the payloads of those it delivers only, and here.
    fn check_payload(&mut self, at: &RecordAt) -> Result<()> {
        let is_checked = self.picker.payloads() != Payloads::Lent;
        let place = self.place.as_ref();
        if is_checked || place.is_some_and(|place| place.walk.payload_is_whole(at)) {
            return Ok(());
        }
        self.next_lsn = at.header.lsn;
        let (first, last) = (at.header.lsn, at.header.lsn);
        self.damaged(at.offset, LsnRange { first, last })
    }

    /// Whether `lsn` is durable. What was read ahead of the frontier is forgotten when it moves.
    fn reaches(&mut self, lsn: Lsn) -> bool {
        if lsn <= self.durable {
            return true;
        }
        let durable = self.view.durable();
        if durable > self.durable {
            self.durable = durable;
            if let Some(place) = &mut self.place {
                place.walk.invalidate();
                // The log may have gone on in another segment, which is listed before anything in
                // it is durable.
                let placed = self.view.find(place.entry.header().first_lsn);
                place.last_lsn = place.last_lsn.or(placed.and_then(|placed| placed.last_lsn));
            }
        }
        lsn <= self.durable
    }

    /// Takes in a whole record; whether it is to be delivered.
    fn take(&mut self, at: &RecordAt) -> Result<bool> {
        self.picker.from = self.next_lsn;
        let picked = self.picker.pick(&at.header);
        if picked == Pick::Refuse {
            let (lsn, kind) = (at.header.lsn, at.header.kind);
            self.leave_segment();
            return Err(Error::UnknownRequiredKind { lsn, kind });
        }
        self.stats.records_unknown += u64::from(picked == Pick::PassUnknown);
        self.stats.records_read += 1;
        self.next_lsn = self.next_lsn.max(at.header.lsn.next());
        Ok(picked == Pick::Lend)
    }

    /// Reports damage. A salvage goes on behind it, any other read stays in front of it.
    pub(super) fn damaged(&mut self, offset: u64, missing: LsnRange) -> Result<()> {
        let Some(place) = &self.place else {
            return Ok(());
        };
        // What was lost in front of the first record asked for is not this read's concern.
        let missing = LsnRange {
            first: missing.first.max(self.next_lsn),
            ..missing
        };
        if missing.last < missing.first {
            return Ok(());
        }
        let path = place.entry.path().to_path_buf();
        let entry = Arc::clone(&place.entry);
        let error = self.gone_or(
            Error::Damaged {
                path,
                offset,
                lsns: missing,
            },
            &entry,
        );
        self.clear_until = Lsn::ZERO;
        if self.options.salvage {
            self.next_lsn = missing.last.next();
        } else {
            self.leave_segment();
        }
        Err(error)
    }

    /// `error`, unless it is so because the segment was truncated away meanwhile.
    pub(super) fn gone_or(&self, error: Error, entry: &SegmentEntry) -> Error {
        if entry.is_gone() {
            let (lsn, start) = (self.next_lsn, self.view.start());
            return Error::Truncated { lsn, start };
        }
        error
    }
}
