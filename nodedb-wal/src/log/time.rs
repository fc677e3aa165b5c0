//! Which record was written when, and when a record was written: one footer and one zone are read,
//! however long the log is.

use std::sync::Arc;

use super::log_handle::Log;
use super::read::Records;
use super::read_options::ReadOptions;
use super::view::View;
use crate::error::{Error, Result};
use crate::format::footer::SegmentIndex;
use crate::segment::SegmentEntry;
use crate::types::{Lsn, LsnRange, Timestamp};

/// Where in the log a time is. Times are those of records: they never go backwards, so there is one
/// place for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LsnAt {
    /// The first record written at that time or later; every record before it was written earlier.
    At(Lsn),
    /// Every durable record was written earlier; this is the last, [`Lsn::ZERO`] when there is none.
    After(Lsn),
    /// Records written at that time or later are gone, or may be: the oldest that is there was, too,
    /// and the log does not start with the first record there ever was.
    Gone {
        /// The oldest record there is; one past the last durable one when there is none.
        start: Lsn,
    },
}

/// What a look-up cost, beside what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looked<T> {
    /// What was looked for.
    pub found: T,
    /// Bytes read from the log's files.
    pub bytes_read: u64,
}

/// What two clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// The wall clock, which may have been set back.
    pub wall: Timestamp,
    /// The time of the last record appended, or of the start of its segment, if that is later: the
    /// next record is not given an earlier one.
    pub log: Timestamp,
}

impl Log {
    /// Where in the log a time is, found by one footer and one zone of a segment. Times are those
    /// of records: the wall clock, but where it was set back they stand still until it has caught up.
    ///
    /// # Errors
    ///
    /// The log could not be read.
    pub fn lsn_at(&self, time: Timestamp) -> Result<Looked<LsnAt>> {
        lsn_at(&self.core.view, self.active_index(), time)
    }

    /// When a durable record was written.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`](crate::Error::Truncated) when the record is gone,
    /// [`Error::NotAppended`](crate::Error::NotAppended) when it is not durable yet. The log could
    /// not be read.
    pub fn time_of(&self, lsn: Lsn) -> Result<Looked<Timestamp>> {
        time_of(&self.core.view, self.active_index(), lsn)
    }

    /// What the active segment holds so far.
    fn active_index(&self) -> Option<SegmentIndex> {
        let mut state = self.core.state.lock();
        // What is full is sealed in a moment, and has a footer then.
        self.core.finish_sealing(&mut state);
        state.active.as_ref()?.index.outline()
    }

    /// The wall clock beside the time of the last record.
    #[must_use]
    pub fn clocks(&self) -> Clocks {
        let wall = self.core.storage.now();
        let log = self.core.state.lock().last_timestamp;
        Clocks { wall, log }
    }
}

/// The place of `time`. `active` is the index of the segment that is being written, where it is
/// known.
pub(crate) fn lsn_at(
    view: &Arc<View>,
    active: Option<SegmentIndex>,
    time: Timestamp,
) -> Result<Looked<LsnAt>> {
    let (segments, durable) = (view.segments(), view.durable());
    let nothing_read = |found| Looked {
        found,
        bytes_read: 0,
    };
    // No record is older than its segment, and none younger than the segment behind.
    let after = segments.partition_point(|entry| entry.header().created_at < time);
    let follower = segments.get(after).map(|entry| entry.header().first_lsn);
    let Some(entry) = after.checked_sub(1).and_then(|at| segments.get(at)) else {
        let start = view.start();
        return Ok(nothing_read(match start {
            Lsn::FIRST => reached(start, durable),
            _ => LsnAt::Gone { start },
        }));
    };
    let lsns = LsnRange {
        first: entry.header().first_lsn,
        last: follower.map_or(durable, |next| next.previous().min(durable)),
    };
    if lsns.last < lsns.first {
        return Ok(nothing_read(LsnAt::After(durable)));
    }
    let looked = first_in(
        view,
        entry,
        active.filter(|_| follower.is_none()),
        lsns,
        time,
    )?;
    let at = looked.found.unwrap_or(lsns.last.next());
    Ok(Looked {
        found: reached(at, durable),
        bytes_read: looked.bytes_read,
    })
}

fn reached(lsn: Lsn, durable: Lsn) -> LsnAt {
    if lsn <= durable {
        LsnAt::At(lsn)
    } else {
        LsnAt::After(durable)
    }
}

/// The first of the records `lsns` of a segment that was written at `time` or later.
fn first_in(
    view: &Arc<View>,
    entry: &SegmentEntry,
    active: Option<SegmentIndex>,
    lsns: LsnRange,
    time: Timestamp,
) -> Result<Looked<Option<Lsn>>> {
    // A damaged footer only costs the short cut.
    let footer = entry.index().ok().flatten();
    let mut bytes_read = entry.footer_bytes();
    let mut wanted = lsns;
    if let Some(index) = footer.as_ref().or(active.as_ref()) {
        let at = index.zones.partition_point(|zone| zone.time.max < time);
        let Some(zone) = index.zones.get(at) else {
            return Ok(Looked {
                found: None,
                bytes_read,
            });
        };
        if zone.time.min >= time {
            let found = Some(zone.first_lsn).filter(|lsn| *lsn <= lsns.last);
            return Ok(Looked { found, bytes_read });
        }
        let behind = index.zones.get(at + 1).map(|next| next.first_lsn);
        wanted = LsnRange {
            first: zone.first_lsn,
            last: behind.map_or(lsns.last, |next| next.previous().min(lsns.last)),
        };
    }
    let options = ReadOptions::from(wanted.first)
        .until(wanted.last)
        .times(time..=Timestamp::MAX)
        .headers_only();
    let mut records = Records::open(Arc::clone(view), options)?.with_active(active);
    let found = records.next()?.map(|record| record.lsn());
    bytes_read += records.stats().bytes_read;
    Ok(Looked { found, bytes_read })
}

/// When a durable record was written.
pub(crate) fn time_of(
    view: &Arc<View>,
    active: Option<SegmentIndex>,
    lsn: Lsn,
) -> Result<Looked<Timestamp>> {
    let not_there = || Error::NotAppended {
        lsn,
        next: view.durable().next(),
    };
    if lsn == Lsn::ZERO {
        return Err(not_there());
    }
    let options = ReadOptions::from(lsn).until(lsn).headers_only();
    let mut records = Records::open(Arc::clone(view), options)?.with_active(active);
    let time = records.next()?.map(|record| record.header.timestamp);
    Ok(Looked {
        found: time.ok_or_else(not_there)?,
        bytes_read: records.stats().bytes_read,
    })
}
