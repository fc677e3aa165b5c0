//! LSNs and time, both ways, with the trail's help: its entries say when records were written that
//! are gone, and its time anchors say where the clock was set back.
//!
//! Time is that of records: the wall clock, but where that was set back it stands still until the
//! clock has caught up. So there is one answer to each question, and the two ways agree.

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{Lsn, RecordKind, Timestamp};
use nodedb_wal::{Looked, LsnAt};

use super::filter::AuditFilter;
use super::trail::AuditTrail;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::replay::ReplaySource;

/// Where in the log a time is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LsnPlace {
    /// This is the first record written at that time or later.
    At(Lsn),
    /// Every durable record was written earlier; this is the last.
    After(Lsn),
    /// The first record written at that time or later is gone, or may be: it comes behind `after`,
    /// and is `by` at the latest.
    Gone {
        /// A record written earlier; [`Lsn::ZERO`] when none is known.
        after: Lsn,
        /// A record written then or later.
        by: Lsn,
    },
}

/// The answer to "which record was written at that time?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LsnAtTime {
    /// Where the time is.
    pub place: LsnPlace,
    /// The last time anchor behind that place at which the wall clock showed an earlier time: the
    /// clock had been set back, and records up to this one were written, in part, before the time
    /// asked for by a clock that showed it for the second time.
    pub rewound: Option<Lsn>,
    /// Bytes read from the log's files.
    pub bytes_read: u64,
}

/// When a record was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimePlace {
    /// Then.
    At(Timestamp),
    /// The record is gone. It was written between these.
    Gone {
        /// Not before; nothing when that is not known.
        from: Option<Timestamp>,
        /// Not after; nothing when that is not known.
        to: Option<Timestamp>,
    },
}

/// What the wall clock said at a time anchor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WallClock {
    /// The anchor.
    pub anchor: Lsn,
    /// What the clock said.
    pub time: Timestamp,
}

/// The answer to "when was that record written?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeOfLsn {
    /// When.
    pub place: TimePlace,
    /// Where the record's time stood still because the clock had been set back: what that said at
    /// the last anchor before the record.
    pub wall_clock: Option<WallClock>,
    /// Bytes read from the log's files.
    pub bytes_read: u64,
}

/// What the trail adds to what the log says of a time.
///
/// # Errors
///
/// As [`AuditTrail::next`].
pub fn lsn_at_time(
    catalog: Option<&Catalog>,
    source: &dyn ReplaySource,
    time: Timestamp,
    looked: Looked<LsnAt>,
) -> Result<LsnAtTime> {
    let place = match looked.found {
        LsnAt::At(lsn) => LsnPlace::At(lsn),
        LsnAt::After(last) => LsnPlace::After(last),
        LsnAt::Gone { start } => {
            let around = catalog.map(|catalog| catalog.audit_rows_around(time));
            let (after, by) = around.transpose()?.unwrap_or_default();
            LsnPlace::Gone {
                after: after.unwrap_or(Lsn::ZERO),
                by: by.map_or(start, |by| by.min(start)),
            }
        }
    };
    let behind = match place {
        LsnPlace::At(lsn) => lsn.previous(),
        LsnPlace::Gone { after, .. } => after,
        LsnPlace::After(last) => last,
    };
    let (mut rewound, mut bytes_read) = (None, looked.bytes_read);
    bytes_read += anchors(catalog, source, behind, |anchor| {
        if anchor.is_behind() && anchor.wall < time {
            rewound = Some(anchor.lsn);
        }
        true
    })?;
    Ok(LsnAtTime {
        place,
        rewound,
        bytes_read,
    })
}

/// What the trail adds to what the log says of a record: `looked` is nothing when it is gone.
/// `start` is when the oldest record there is was written.
///
/// # Errors
///
/// As [`AuditTrail::next`].
pub fn time_of_lsn(
    catalog: Option<&Catalog>,
    source: &dyn ReplaySource,
    lsn: Lsn,
    looked: Option<Looked<Timestamp>>,
    start: Option<Timestamp>,
) -> Result<TimeOfLsn> {
    let place = match (&looked, catalog) {
        (Some(looked), _) => TimePlace::At(looked.found),
        (None, Some(catalog)) => gone(catalog, lsn, start)?,
        (None, None) => TimePlace::Gone {
            from: None,
            to: start,
        },
    };
    let mut wall_clock = None;
    let mut bytes_read = looked.map_or(0, |looked| looked.bytes_read);
    if let TimePlace::At(time) = place {
        bytes_read += anchors(catalog, source, Lsn::ZERO, |anchor| {
            if anchor.lsn <= lsn {
                wall_clock = (anchor.is_behind() && anchor.log == time).then_some(WallClock {
                    anchor: anchor.lsn,
                    time: anchor.wall,
                });
            }
            anchor.lsn < lsn
        })?;
    }
    Ok(TimeOfLsn {
        place,
        wall_clock,
        bytes_read,
    })
}

/// Between which entries of the trail a record that is gone was written.
fn gone(catalog: &Catalog, lsn: Lsn, start: Option<Timestamp>) -> Result<TimePlace> {
    let time_of = |row: Option<crate::catalog::AuditRow>| -> Result<Option<(Lsn, Timestamp)>> {
        let Some(row) = row else { return Ok(None) };
        let entry = row.entry().ok_or_else(|| catalog.unreadable(row.lsn))?;
        Ok(Some((row.lsn, entry.record.header.timestamp)))
    };
    let next = catalog.audit_rows(lsn.previous(), Lsn::MAX, 1)?;
    let to = time_of(next.into_iter().next())?;
    if let Some((_, time)) = to.filter(|(at, _)| *at == lsn) {
        return Ok(TimePlace::At(time));
    }
    let from = time_of(catalog.last_audit_row_before(lsn)?)?;
    let to = to.map(|(_, time)| time).into_iter().chain(start).min();
    let from = from.map(|(_, time)| time);
    Ok(TimePlace::Gone { from, to })
}

/// A time anchor.
struct Anchor {
    lsn: Lsn,
    /// The record's time.
    log: Timestamp,
    /// What the clock said.
    wall: Timestamp,
}

impl Anchor {
    /// Whether the clock had been set back.
    fn is_behind(&self) -> bool {
        self.wall < self.log
    }
}

/// Shows the anchors behind `after` to `see`, until it has seen enough; how many bytes were read.
fn anchors(
    catalog: Option<&Catalog>,
    source: &dyn ReplaySource,
    after: Lsn,
    mut see: impl FnMut(Anchor) -> bool,
) -> Result<u64> {
    let filter = AuditFilter::of_kind(RecordKind::TimeAnchor);
    let mut trail = AuditTrail::open(catalog, source, filter, after)?;
    while let Some(entry) = trail.next()? {
        let header = entry.record.header;
        let AnyPayload::TimeAnchor(anchor) = entry.record.payload else {
            continue;
        };
        let anchor = Anchor {
            lsn: header.lsn,
            log: header.timestamp,
            wall: anchor.wall_clock,
        };
        if !see(anchor) {
            break;
        }
    }
    Ok(trail.bytes_read())
}
