//! How a read comes to the segment of its next record, and has it read ahead.

use std::sync::Arc;

use super::read::Records;
use super::read_ahead::Plan;
use super::read_filter::{excludes_segment, holds_unknown_required};
use super::read_past_cache::{is_on_disk, read_past_cache};
use super::read_place::Place;
use super::read_route::{Route, Way};
use super::view::Placed;
use crate::error::{Error, Result};
use crate::format::footer::SegmentIndex;
use crate::segment::{Payloads, Walk};
use crate::types::{Lsn, LsnRange};

/// A segment of fewer bytes is read in one go without its footer.
const INDEX_PAYS_BYTES: u64 = 2 << 20;

impl Records {
    /// The segment that holds the next record, at a part of it that can be wanted; `None` when a
    /// part was skipped and there is a new next record.
    pub(super) fn place_of_next(&mut self) -> Result<Option<&mut Place>> {
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
            Way::Here => {}
            Way::SkipTo(lsn) => {
                self.next_lsn = lsn;
                return Ok(None);
            }
            Way::Done => {
                self.next_lsn = place.last_lsn.map_or(self.next_lsn, Lsn::next);
                return Ok(None);
            }
            Way::Damaged { offset } => {
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
        let index = self.index_of(&placed);
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
        if self.picker.payloads() != Payloads::All {
            walk.headers_only();
        }
        self.plan(&placed, &walk, &route);
        self.place = Some(Place::new(placed, walk, route));
        Ok(true)
    }

    /// The footer of a segment, where it can shorten the read.
    fn index_of(&mut self, placed: &Placed) -> Option<SegmentIndex> {
        let entry = &placed.entry;
        let first_lsn = entry.header().first_lsn;
        if let Some(active) = self.active.take_if(|active| active.first_lsn == first_lsn) {
            return Some(active);
        }
        let is_part = self.picker.narrows() || self.next_lsn > first_lsn;
        if !is_part && entry.file_bytes() < INDEX_PAYS_BYTES {
            return None;
        }
        // A damaged footer only costs the short cut. So does a kind that must not be passed over: the
        // read has to come to it.
        let index = entry.index().ok().flatten();
        self.stats.bytes_read += entry.footer_bytes();
        index.filter(|index| self.options.salvage || !holds_unknown_required(index))
    }

    /// Has what can be wanted of a sealed segment read ahead.
    fn plan(&mut self, placed: &Placed, walk: &Walk, route: &Route) {
        let Some(last) = placed.last_lsn else { return };
        let source = walk.source(self.options.drop_behind);
        let lsns = LsnRange {
            first: self.next_lsn,
            last: last.min(self.durable).min(self.options.until),
        };
        let stretches = route.stretches(source.end, last, lsns, &self.options);
        if stretches.is_empty() {
            return;
        }
        self.picker.from = self.next_lsn;
        let mut plan = Plan {
            source,
            stretches,
            picker: self.picker.clone(),
        };
        if is_on_disk(&plan) {
            read_past_cache(&mut plan, &placed.entry);
        }
        self.ahead.begin(plan);
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

    pub(super) fn leave_segment(&mut self) {
        self.clear_until = Lsn::ZERO;
        if let Some(place) = self.place.take() {
            self.stats.bytes_read += place.walk.bytes_read();
            self.ahead.abandon();
        }
    }
}
