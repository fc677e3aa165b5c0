//! Examines a segment that is not sealed: what it holds, and everything its bytes say about what
//! had been durable; all of it, or its last writes. Facts only; `log::verdict` decides.

use std::ops::ControlFlow;

use super::cursor::Pace;
use super::near_end::NearEnd;
use super::{Found, Gap, IndexBuilder, RecordAt, SegmentEntry, Walk};
use crate::error::{Error, Result};
use crate::format::Frontier;
use crate::format::checksum::Digest;
use crate::format::layout::{BLOCK_BYTES, DATA_START, frontier};
use crate::types::{Lsn, Timestamp};

/// How the run of whole records ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Stop {
    /// Nothing but space that was never written follows.
    Clean,
    /// Damage or a hole follows.
    Damage,
}

/// What was found in an unsealed segment.
#[derive(Debug)]
pub(crate) struct Tail {
    /// The index of the records that stay; `None` where only the last writes were examined.
    pub(crate) index: Option<IndexBuilder>,
    pub(crate) digest: Digest,
    /// The last record that stays; one before the segment's first when none does.
    pub(crate) last_lsn: Lsn,
    pub(crate) last_timestamp: Timestamp,
    /// Where the last record that stays ends, its frontier included where that is whole.
    pub(crate) data_end: u64,
    pub(crate) stop: Stop,
    /// Where the run of records that stay ended: the first bytes that are dropped, if any.
    pub(crate) stop_offset: u64,
    /// Whether the run ended inside a batch, whose records do not stay.
    pub(crate) half_batch: bool,
    /// The highest LSN that some frontier says was durable.
    pub(crate) claimed_lsn: Lsn,
    /// The highest LSN seen anywhere, also behind damage.
    pub(crate) highest_lsn: Lsn,
    /// Whole records that do not stay: of the half batch, or behind the damage.
    pub(crate) dropped_records: u64,
    /// The oldest LSN the log promises to hold.
    pub(crate) start_lsn: Lsn,
    /// A record this version cannot read, where the run stopped at one: it, and whatever is behind
    /// it, is not damaged.
    pub(crate) unreadable: Option<Error>,
    /// Places where a frontier was damaged and no record: it was durable, as something vouches for it.
    pub(crate) scars: Vec<u64>,
    pub(crate) bytes_read: u64,
}

/// Examines `segment`.
///
/// # Errors
///
/// The disk could not be read.
pub(crate) fn examine(segment: &SegmentEntry) -> Result<Tail> {
    examine_whole_batches(segment, Part::ALL)
}

/// Examines the last writes of `segment`: from a frontier on that stands [`near_bytes`] or more
/// before the end, where there is one, and that a later one vouches for. Before it, nothing can be
/// missing after a crash; what is damaged there is found when it is read.
///
/// # Errors
///
/// As [`examine`].
pub(crate) fn examine_last_writes(segment: &SegmentEntry) -> Result<Tail> {
    let near_bytes = near_bytes(segment.header().capacity);
    let mut near_end = NearEnd::of(segment, near_bytes)?;
    let end = near_end.end()?;
    // A bulk load leaves several writes that nothing vouches for yet.
    let unvouched_bytes = near_end.unvouched_bytes(end);
    let mut back = near_bytes;
    if unvouched_bytes > near_bytes / 2 {
        back += unvouched_bytes;
        near_end.announce_back(end, back);
    }
    // What the frontiers seen so far vouch for: those further back say less. One that none of them
    // vouches for, inside a large batch that was cut off say, is no place to start from.
    let mut vouched = Lsn::MAX;
    loop {
        let start = if end > DATA_START + back {
            near_end.frontier_before(end, back)?
        } else {
            None
        };
        let is_vouched = start.is_some_and(|start| start.last_lsn <= vouched);
        if is_vouched || end <= DATA_START + back {
            let part = Part {
                start,
                look_ahead: near_bytes,
            };
            let tail = examine_whole_batches(segment, part)?;
            // Of several writes that were on their way, a later one may have arrived without an
            // earlier one: only what a later write vouches for is a place to start from.
            if start.is_none_or(|start| start.last_lsn <= tail.claimed_lsn) {
                let bytes_read = tail.bytes_read + near_end.bytes_read();
                return Ok(Tail { bytes_read, ..tail });
            }
            vouched = tail.claimed_lsn;
        }
        back *= 4;
    }
}

/// How many bytes count as the last writes of a segment, and how far behind its end is looked for
/// something whole: 2 MiB, and an eighth of a small segment.
fn near_bytes(capacity: u64) -> u64 {
    (capacity / 8).clamp(2 * BLOCK_BYTES as u64, 2 << 20)
}

/// Which part of a segment is examined.
#[derive(Clone, Copy)]
struct Part {
    /// The frontier to start behind; the first record when there is none.
    start: Option<Frontier>,
    /// How far behind damage, or behind the end, something whole is looked for.
    look_ahead: u64,
}

impl Part {
    const ALL: Self = Self {
        start: None,
        look_ahead: u64::MAX,
    };

    /// The last writes were announced when their place was found.
    fn pace(self) -> Pace {
        if self.look_ahead == u64::MAX {
            Pace::Fast
        } else {
            Pace::Gentle
        }
    }
}

fn examine_whole_batches(segment: &SegmentEntry, part: Part) -> Result<Tail> {
    let (tail, batch_first) = examine_until(segment, part, Lsn::MAX)?;
    let Some(first) = batch_first else {
        return Ok(tail);
    };
    // The run ended inside a batch. It is walked once more, up to the record before the batch,
    // rather than remembering every record of every batch in case it is the last.
    let (kept, _) = examine_until(segment, part, first.previous())?;
    Ok(Tail {
        stop: tail.stop,
        half_batch: true,
        claimed_lsn: tail.claimed_lsn,
        highest_lsn: tail.highest_lsn,
        dropped_records: tail.dropped_records + tail.last_lsn.value() - kept.last_lsn.value(),
        start_lsn: tail.start_lsn,
        unreadable: tail.unreadable,
        scars: tail.scars,
        bytes_read: tail.bytes_read + kept.bytes_read,
        ..kept
    })
}

/// Examines a segment up to record `last`, which the segment after it says is its last.
///
/// # Errors
///
/// As [`examine`].
pub(crate) fn examine_up_to(segment: &SegmentEntry, last: Lsn) -> Result<Tail> {
    examine_until(segment, Part::ALL, last).map(|(tail, _)| tail)
}

/// Examines a segment that ended with record `last`, and all that stands behind it: no frontier there
/// should say that a later record was durable. `None` once `is_cancelled` says so.
///
/// # Errors
///
/// As [`examine`].
pub(crate) fn examine_settled(
    segment: &SegmentEntry,
    last: Lsn,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<Option<Tail>> {
    let mut walk = segment.walk_at(Pace::Gentle)?;
    let mut run = Run::new(segment);
    run.until = last;
    while !is_cancelled() {
        if run.step(&mut walk)?.is_break() {
            return run.finish(&mut walk).map(|(tail, _)| Some(tail));
        }
    }
    Ok(None)
}

/// Examines `segment`, counting no record after `until` among those that stay; and the first LSN of
/// the batch the run ended in, if it did.
fn examine_until(segment: &SegmentEntry, part: Part, until: Lsn) -> Result<(Tail, Option<Lsn>)> {
    let mut run = Run::new(segment);
    run.until = until;
    let mut walk = segment.walk_at(part.pace())?;
    walk.look_ahead(part.look_ahead);
    if let Some(start) = part.start {
        run.start_behind(&start, &mut walk);
    }
    loop {
        if run.is_open && walk.expected() > until {
            run.stop_at(walk.position(), Stop::Clean);
            break;
        }
        if run.step(&mut walk)?.is_break() {
            break;
        }
    }
    run.finish(&mut walk)
}

/// The walk so far.
struct Run {
    tail: Tail,
    /// No record after this one stays.
    until: Lsn,
    /// Whether every record so far followed the one before.
    is_open: bool,
    /// The first LSN of the batch the run is in.
    batch_first: Option<Lsn>,
    /// Where the last whole thing was found.
    furthest: u64,
    /// Where a frontier is missing, and the last record in front of it.
    gaps: Vec<(u64, Lsn)>,
}

impl Run {
    fn new(segment: &SegmentEntry) -> Self {
        let header = segment.header();
        let before = header.first_lsn.previous();
        let tail = Tail {
            index: Some(IndexBuilder::default()),
            digest: Digest::EMPTY,
            last_lsn: before,
            last_timestamp: header.created_at,
            data_end: DATA_START,
            stop: Stop::Clean,
            stop_offset: DATA_START,
            half_batch: false,
            // The segment was started after everything before it was durable.
            claimed_lsn: before,
            highest_lsn: before,
            dropped_records: 0,
            start_lsn: header.start_lsn,
            unreadable: None,
            scars: Vec::new(),
            bytes_read: 0,
        };
        Self {
            tail,
            until: Lsn::MAX,
            is_open: true,
            batch_first: None,
            furthest: DATA_START,
            gaps: Vec::new(),
        }
    }

    /// What was found, with the first LSN of the batch the run ended in.
    fn finish(mut self, walk: &mut Walk) -> Result<(Tail, Option<Lsn>)> {
        self.look_behind_damage(walk)?;
        // Of writes that were not synced a crash may have taken a frontier and nothing else.
        let claimed = self.tail.claimed_lsn;
        let damaged = self.gaps.iter().filter(|(_, lsn)| *lsn <= claimed);
        self.tail.scars = damaged.map(|(offset, _)| *offset).collect();
        self.tail.bytes_read = walk.bytes_read();
        Ok((self.tail, self.batch_first))
    }

    fn start_behind(&mut self, start: &Frontier, walk: &mut Walk) {
        let position = start.position + frontier::BYTES as u64;
        walk.jump(position, start.last_lsn.next());
        self.tail.index = None;
        self.tail.digest = start.digest;
        self.tail.last_lsn = start.last_lsn;
        self.tail.last_timestamp = start.timestamp;
        self.tail.stop_offset = position;
        self.frontier(start, walk);
    }

    /// Takes in the next thing in the segment; breaks at the end.
    fn step(&mut self, walk: &mut Walk) -> Result<ControlFlow<()>> {
        let found = match walk.next() {
            Ok(found) => found,
            Err(error @ Error::UnknownRecordFlags { lsn, .. }) => {
                self.unreadable(error, lsn, walk.position());
                walk.pass_over(lsn);
                return Ok(ControlFlow::Continue(()));
            }
            Err(error) => return Err(error),
        };
        match found {
            Found::Record(at) => self.record(&at),
            Found::Frontier(frontier) => self.frontier(&frontier, walk),
            Found::Gap(gap) => self.gap(gap),
            Found::Footer { offset } => {
                self.stop_at(offset, Stop::Clean);
                return Ok(ControlFlow::Break(()));
            }
            Found::End { offset, damaged_at } => {
                let stop = if damaged_at.is_some() {
                    Stop::Damage
                } else {
                    Stop::Clean
                };
                self.stop_at(damaged_at.unwrap_or(offset), stop);
                return Ok(ControlFlow::Break(()));
            }
        }
        self.furthest = walk.position();
        Ok(ControlFlow::Continue(()))
    }

    /// Behind damage the walk goes from one likely place to the next, and a write that landed where
    /// it does not belong leads it astray. A frontier that stands where it was written tells the truth
    /// wherever that is, so each of them is heard.
    fn look_behind_damage(&mut self, walk: &mut Walk) -> Result<()> {
        if self.tail.stop == Stop::Damage {
            let vouched = walk.vouched(self.tail.stop_offset, self.furthest)?;
            self.tail.claimed_lsn = self.tail.claimed_lsn.max(vouched.durable_lsn);
            self.tail.start_lsn = self.tail.start_lsn.max(vouched.start_lsn);
        }
        Ok(())
    }

    fn record(&mut self, at: &RecordAt) {
        self.tail.highest_lsn = at.header.lsn;
        if at.header.lsn > self.until {
            self.stop_at(at.offset, Stop::Clean);
        }
        if !self.is_open {
            self.tail.dropped_records += 1;
            return;
        }
        if let Some(index) = &mut self.tail.index {
            index.add(&at.header, at.offset);
        }
        self.tail.digest = self.tail.digest.extended(at.header_crc);
        self.tail.last_lsn = at.header.lsn;
        self.tail.last_timestamp = at.header.timestamp;
        self.tail.data_end = at.end();
        self.batch_first = if at.header.batch_continues() {
            self.batch_first.or(Some(at.header.lsn))
        } else {
            None
        };
    }

    fn frontier(&mut self, frontier: &Frontier, walk: &Walk) {
        self.tail.claimed_lsn = self.tail.claimed_lsn.max(frontier.durable_lsn);
        self.tail.highest_lsn = self.tail.highest_lsn.max(frontier.last_lsn);
        self.tail.start_lsn = self.tail.start_lsn.max(frontier.start_lsn);
        if self.is_open {
            if let Some(index) = &mut self.tail.index {
                index.add_write();
            }
            self.tail.data_end = walk.position();
        }
    }

    fn gap(&mut self, gap: Gap) {
        match gap.missing {
            Some(missing) => {
                self.tail.highest_lsn = self.tail.highest_lsn.max(missing.last);
                self.stop_at(gap.offset, Stop::Damage);
            }
            None => self.gaps.push((gap.offset, self.tail.highest_lsn)),
        }
    }

    fn unreadable(&mut self, error: Error, lsn: Lsn, offset: u64) {
        self.tail.highest_lsn = self.tail.highest_lsn.max(lsn);
        self.tail.unreadable.get_or_insert(error);
        self.stop_at(offset, Stop::Damage);
    }

    fn stop_at(&mut self, offset: u64, stop: Stop) {
        if self.is_open {
            self.is_open = false;
            self.tail.stop = stop;
            self.tail.stop_offset = offset;
        }
    }
}
