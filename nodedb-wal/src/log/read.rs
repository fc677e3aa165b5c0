//! Reading: a stream of durable records, lent out in place, in bounded memory.

use std::sync::Arc;

use super::read_filter::{excludes_segment, holds_unknown_required, narrows, wants};
use super::read_options::ReadOptions;
use super::read_route::{Route, Stretch};
use super::record_view::{ReadStats, RecordView};
use super::view::{Placed, View};
use crate::error::{Error, Result};
use crate::segment::{Found, RecordAt, SegmentEntry, Walk};
use crate::types::{KindCode, Lsn, LsnRange};

/// A stream of records.
///
/// It holds one window of the log in memory: 1 MiB, or as much as the largest record takes. Records
/// it lends out live until the next call. It never delivers a record that is not durable, nor part of
/// a batch.
#[derive(Debug)]
pub struct Records {
    view: Arc<View>,
    options: ReadOptions,
    /// The next record to look at.
    next_lsn: Lsn,
    /// The durable frontier when bytes were last read: what lies beyond may have changed since.
    durable: Lsn,
    place: Option<Place>,
    /// Up to here, the records follow each other in the place, are durable, and may be wanted: there
    /// is nothing to be looked at between them.
    clear_until: Lsn,
    /// Whether the options leave any record out that could be read.
    narrows: bool,
    /// A kind that this version knows: the one seen last.
    known_kind: Option<KindCode>,
    stats: ReadStats,
}

/// The segment being read.
#[derive(Debug)]
struct Place {
    entry: Arc<SegmentEntry>,
    walk: Walk,
    /// The last record the segment can hold; `None` while it is the active one.
    last_lsn: Option<Lsn>,
    /// Which parts of the segment are still to be looked at.
    route: Route,
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
        let stats = ReadStats::default();
        let narrows = narrows(&options);
        Ok(Self {
            narrows,
            clear_until: Lsn::ZERO,
            known_kind: None,
            view,
            options,
            next_lsn,
            durable: Lsn::ZERO,
            place: None,
            stats,
        })
    }

    /// The next record; `None` at the durable end, or past the last one asked for. On a log that is
    /// open a later call may deliver more.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] when records are not what was written, and [`Error::MissingSegment`] when
    /// no segment holds them: every further call says so again, unless the read is a salvage.
    /// [`Error::UnknownRequiredKind`] for a record this version must
    /// not pass over. I/O errors.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    pub fn next(&mut self) -> Result<Option<RecordView<'_>>> {
        let Some(at) = self.advance()? else {
            return Ok(None);
        };
        let Some(place) = &self.place else {
            return Ok(None);
        };
        self.stats.records_delivered += 1;
        Ok(Some(RecordView {
            header: at.header,
            payload: place.walk.payload(&at),
            offset: at.offset,
            segment: place.entry.path(),
            stored: place.walk.stored(&at),
        }))
    }

    /// What the read has cost and brought so far.
    #[must_use]
    pub fn stats(&self) -> ReadStats {
        let here = self
            .place
            .as_ref()
            .map_or(0, |place| place.walk.bytes_read());
        ReadStats {
            bytes_read: self.stats.bytes_read + here,
            ..self.stats
        }
    }

    fn advance(&mut self) -> Result<Option<RecordAt>> {
        loop {
            if self.next_lsn > self.clear_until && !self.find_way()? {
                if self.next_lsn <= self.options.until && self.reaches(self.next_lsn) {
                    continue;
                }
                return Ok(None);
            }
            let Some(place) = &mut self.place else {
                return Ok(None);
            };
            match place.walk.next()? {
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
        }
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
        let is_checked = !self.narrows || self.options.headers_only;
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

    /// The segment that holds the next record, at a part of it that can be wanted; `None` when a
    /// part was skipped and there is a new next record.
    fn place_of_next(&mut self) -> Result<Option<&mut Place>> {
        let is_past = self.place.as_mut().is_some_and(|place| {
            place.last_lsn = place.last_lsn.or(place.entry.trailer().map(|t| t.last_lsn));
            place.last_lsn.is_some_and(|last| self.next_lsn > last)
        });
        if is_past {
            self.leave_segment();
        }
        if self.place.is_none() && !self.enter_segment()? {
            return Ok(None);
        }
        let Some(place) = &mut self.place else {
            return Ok(None);
        };
        match place
            .route
            .follow(&mut place.walk, self.next_lsn, &self.options)?
        {
            Stretch::Here => {}
            Stretch::SkipTo(lsn) => {
                self.next_lsn = lsn;
                return Ok(None);
            }
            Stretch::Done => {
                self.next_lsn = place.last_lsn.map_or(self.next_lsn, Lsn::next);
                return Ok(None);
            }
            Stretch::Damaged { offset } => {
                let last = place.last_lsn.unwrap_or(self.durable);
                self.damaged(
                    offset,
                    LsnRange {
                        first: self.next_lsn,
                        last,
                    },
                )?;
                return Ok(None);
            }
        }
        Ok(self.place.as_mut())
    }

    /// Opens the segment of the next record; `false` when all of it was skipped.
    fn enter_segment(&mut self) -> Result<bool> {
        let Some(placed) = self.view.find(self.next_lsn) else {
            return Err(Error::Truncated {
                lsn: self.next_lsn,
                start: self.view.start(),
            });
        };
        self.check_held(&placed)?;
        let first_lsn = placed.entry.header().first_lsn;
        let index = if self.narrows || self.next_lsn > first_lsn {
            // A damaged footer only costs the short cut. So does a kind that must not be passed
            // over: the read has to come to it.
            let index = placed.entry.index().ok().flatten();
            index.filter(|index| self.options.salvage || !holds_unknown_required(index))
        } else {
            None
        };
        if let (Some(index), Some(last)) = (&index, placed.last_lsn)
            && excludes_segment(&self.options, index)
        {
            self.stats.segments_skipped += 1;
            self.next_lsn = last.next();
            return Ok(false);
        }
        self.stats.segments_read += 1;
        let route = Route::through(index, &self.options);
        let mut walk = match placed.entry.walk() {
            Ok(walk) => walk,
            Err(error) => return Err(self.gone_or(error, &placed.entry)),
        };
        if self.options.headers_only || self.narrows {
            walk.headers_only();
        }
        let Placed { entry, last_lsn } = placed;
        self.place = Some(Place {
            entry,
            walk,
            last_lsn,
            route,
        });
        Ok(true)
    }

    /// Reports that no segment holds the next record, which happens only where a damaged log is
    /// looked at: opening it is refused. A salvage goes on with the next segment there is.
    fn check_held(&mut self, placed: &Placed) -> Result<()> {
        let first = self.next_lsn;
        if placed.last_lsn.is_none_or(|last| first <= last) {
            return Ok(());
        }
        let next = self.view.segment_after(first);
        let last = next
            .as_ref()
            .map_or(self.durable, |next| next.header().first_lsn.previous());
        if self.options.salvage {
            self.next_lsn = last.next();
        }
        Err(Error::MissingSegment {
            path: next
                .unwrap_or_else(|| Arc::clone(&placed.entry))
                .path()
                .to_path_buf(),
            lsns: LsnRange { first, last },
        })
    }

    /// Takes in a whole record; whether it is to be delivered.
    fn take(&mut self, at: &RecordAt) -> Result<bool> {
        let is_before = at.header.lsn < self.next_lsn;
        let is_known = self.knows(at.header.kind);
        if !self.options.salvage && !is_known && !is_before {
            if at.header.kind.is_required() {
                let (lsn, kind) = (at.header.lsn, at.header.kind);
                self.leave_segment();
                return Err(Error::UnknownRequiredKind { lsn, kind });
            }
            self.stats.records_unknown += 1;
        }
        self.stats.records_read += 1;
        if is_before || at.header.lsn > self.options.until {
            self.next_lsn = self.next_lsn.max(at.header.lsn.next());
            return Ok(false);
        }
        self.next_lsn = at.header.lsn.next();
        let is_readable = self.options.salvage || is_known;
        Ok(is_readable && (!self.narrows || wants(&self.options, &at.header)))
    }

    /// Whether this version knows the kind. Records in a row are mostly of one kind.
    fn knows(&mut self, kind: KindCode) -> bool {
        if self.known_kind != Some(kind) {
            if kind.known().is_none() {
                return false;
            }
            self.known_kind = Some(kind);
        }
        true
    }

    /// Reports damage. A salvage goes on behind it, any other read stays in front of it.
    fn damaged(&mut self, offset: u64, missing: LsnRange) -> Result<()> {
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
    fn gone_or(&self, error: Error, entry: &SegmentEntry) -> Error {
        if self.view.is_gone(entry) {
            let (lsn, start) = (self.next_lsn, self.view.start());
            return Error::Truncated { lsn, start };
        }
        error
    }

    fn leave_segment(&mut self) {
        self.clear_until = Lsn::ZERO;
        if let Some(place) = self.place.take() {
            self.stats.bytes_read += place.walk.bytes_read();
        }
    }
}
