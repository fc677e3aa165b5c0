//! The consumers of a node while it runs: who has them open, and how far they have come, on record
//! or not yet. Nothing here reads or writes a log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;
use std::time::Duration;

use nodedb_wal::SegmentExtent;
use nodedb_wal::payload::{ConsumerAdded, ConsumerCursor, ConsumerDropped};
use nodedb_wal::types::{Lsn, Timestamp};
use parking_lot::Mutex;

use super::group::partitions_of_member;
use crate::control::{ConsumerState, ConsumerStates};
use crate::error::{ConsumerFault, Result};

/// What was acknowledged is put on record after this time, when more is acknowledged.
const WRITTEN_EVERY: Duration = Duration::from_secs(1);
/// A cursor that passed so many records is put on record, wanted or not.
const PASSED_MAX: u64 = 4_096;

/// All consumers. The lock is held for moments, never while a log is read or written.
#[derive(Debug, Default)]
pub(super) struct Register {
    by_name: Mutex<BTreeMap<String, Live>>,
}

#[derive(Debug)]
struct Live {
    added: Arc<ConsumerAdded>,
    since: Timestamp,
    parts: Vec<PartLive>,
    /// In order of name: their places are what partitions are divided by.
    members: BTreeSet<String>,
    /// Goes up when the members change, and when the consumer goes.
    changes: Arc<AtomicU64>,
    dropped: Option<ConsumerDropped>,
    written_at: Timestamp,
    /// Members that wait, woken with the next change.
    sleepers: BTreeMap<String, Waker>,
}

#[derive(Clone, Copy, Debug)]
struct PartLive {
    /// Nothing is needed up to here.
    at: Lsn,
    /// Up to here somebody acknowledged; behind it are records that nobody wants.
    asked: Lsn,
    /// What the last record that was appended says.
    written: Lsn,
}

/// What a member goes by.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) added: Arc<ConsumerAdded>,
    pub(super) changes: Arc<AtomicU64>,
    /// The changes this is as of.
    pub(super) seen: u64,
    /// Its partitions, and how far each was acknowledged.
    pub(super) partitions: Vec<(u32, Lsn)>,
}

/// What is known of one consumer now.
#[derive(Clone, Debug)]
pub(super) struct Now {
    pub(super) state: ConsumerState,
    pub(super) acknowledged: Vec<Lsn>,
    pub(super) members: Vec<String>,
}

impl Live {
    fn new(state: &ConsumerState) -> Self {
        let part = |partition| {
            let at = state.acknowledged(partition);
            PartLive {
                at,
                asked: at,
                written: at,
            }
        };
        Self {
            parts: (0..state.added.partitions).map(part).collect(),
            added: Arc::new(state.added.clone()),
            since: state.since,
            members: BTreeSet::new(),
            changes: Arc::default(),
            dropped: state.dropped.clone(),
            written_at: Timestamp::from_nanos(0),
            sleepers: BTreeMap::new(),
        }
    }

    fn seat_of(&self, member: &str) -> Seat {
        let place = self.members.iter().position(|other| other == member);
        let partitions = place.into_iter().flat_map(|place| {
            partitions_of_member(place, self.members.len(), self.added.partitions)
        });
        let at = |partition: u32| self.part(partition).map_or(Lsn::ZERO, |part| part.at);
        Seat {
            added: Arc::clone(&self.added),
            changes: Arc::clone(&self.changes),
            seen: self.changes.load(Ordering::Acquire),
            partitions: partitions
                .map(|partition| (partition, at(partition)))
                .collect(),
        }
    }

    fn part(&self, partition: u32) -> Option<&PartLive> {
        self.parts.get(usize::try_from(partition).ok()?)
    }

    fn part_mut(&mut self, partition: u32) -> Option<&mut PartLive> {
        self.parts.get_mut(usize::try_from(partition).ok()?)
    }

    /// The consumer is not this one any more, or is shared otherwise.
    fn change(&mut self) {
        self.changes.fetch_add(1, Ordering::AcqRel);
        std::mem::take(&mut self.sleepers)
            .into_values()
            .for_each(Waker::wake);
    }

    fn acknowledged(&self) -> Lsn {
        let all = self.parts.iter().map(|part| part.at);
        all.min().unwrap_or_default()
    }

    fn fault(&self, start: Lsn) -> Option<ConsumerFault> {
        let dropped = self.dropped.as_ref()?;
        Some(ConsumerFault::Dropped {
            acknowledged: dropped.acknowledged,
            over: dropped.over.clone().unwrap_or_default(),
            restart: dropped.acknowledged.next().max(start),
        })
    }
}

impl PartLive {
    /// Whether it is worth a record that the cursor moved: somebody asked, many records were passed,
    /// or a segment less is needed.
    fn is_worth_it(&self, segments: &[SegmentExtent]) -> bool {
        let passed = self.at.value().saturating_sub(self.written.value());
        let asked = self.asked.min(self.at) > self.written;
        passed > 0 && (asked || passed >= PASSED_MAX || crosses(segments, self.written, self.at))
    }
}

/// Whether a segment that holds a record behind `from` holds none behind `to`.
pub(super) fn crosses(segments: &[SegmentExtent], from: Lsn, to: Lsn) -> bool {
    let mut firsts = segments.iter().map(|segment| segment.first_lsn);
    firsts.any(|first| from.next() < first && first <= to.next())
}

/// Whether so much time passed, whichever way the clock was set.
fn has_passed(from: Timestamp, to: Timestamp) -> bool {
    let passed = to.as_nanos().abs_diff(from.as_nanos());
    u128::from(passed) >= WRITTEN_EVERY.as_nanos()
}

impl Register {
    pub(super) fn of(states: &ConsumerStates) -> Self {
        let consumers = states.iter();
        let by_name = consumers.map(|(name, state)| (name.to_owned(), Live::new(state)));
        Self {
            by_name: Mutex::new(by_name.collect()),
        }
    }

    /// Takes in a consumer that is on record; who had one of that name open is told.
    pub(super) fn add(&self, state: &ConsumerState) {
        let name = state.added.name.clone();
        if let Some(mut before) = self.by_name.lock().insert(name, Live::new(state)) {
            before.change();
        }
    }

    /// Whether there is one of this name that was not dropped.
    pub(super) fn has(&self, name: &str) -> bool {
        let by_name = self.by_name.lock();
        by_name.get(name).is_some_and(|live| live.dropped.is_none())
    }

    /// Everything of it up to here was acknowledged; nothing when there is no such consumer.
    pub(super) fn acknowledged(&self, name: &str) -> Option<Lsn> {
        self.by_name.lock().get(name).map(Live::acknowledged)
    }

    /// Takes in that one was dropped.
    pub(super) fn drop(&self, dropped: ConsumerDropped) {
        let mut by_name = self.by_name.lock();
        if let Some(live) = by_name.get_mut(&dropped.name) {
            live.change();
            live.members.clear();
            if dropped.over.is_none() {
                by_name.remove(&dropped.name);
            } else {
                live.dropped = Some(dropped);
            }
        }
    }

    /// Lets a member in; partitions are divided anew. `start` is the log's oldest record.
    pub(super) fn join(&self, name: &str, member: &str, start: Lsn) -> Result<Seat> {
        let mut by_name = self.by_name.lock();
        let Some(live) = by_name.get_mut(name) else {
            return Err(ConsumerFault::Unknown.of(name));
        };
        if let Some(fault) = live.fault(start) {
            return Err(fault.of(name));
        }
        if !live.members.insert(member.to_owned()) {
            let member = member.to_owned();
            return Err(ConsumerFault::InUse { member }.of(name));
        }
        live.change();
        Ok(live.seat_of(member))
    }

    /// What the member goes by now. `known` is what it went by before.
    pub(super) fn seat(&self, name: &str, member: &str, known: &Seat, start: Lsn) -> Result<Seat> {
        let by_name = self.by_name.lock();
        let live = by_name.get(name).filter(|live| {
            // One that was dropped and added again is another.
            Arc::ptr_eq(&live.changes, &known.changes)
        });
        let Some(live) = live else {
            return Err(ConsumerFault::Unknown.of(name));
        };
        match live.fault(start) {
            Some(fault) => Err(fault.of(name)),
            None => Ok(live.seat_of(member)),
        }
    }

    /// Has `waker` told of the next change. Whoever waits looks whether there was one after this.
    pub(super) fn await_change(&self, name: &str, member: &str, known: &Seat, waker: &Waker) {
        let mut by_name = self.by_name.lock();
        let live = by_name.get_mut(name);
        if let Some(live) = live.filter(|live| Arc::ptr_eq(&live.changes, &known.changes)) {
            live.sleepers.insert(member.to_owned(), waker.clone());
        }
    }

    /// How many members of a consumer wait.
    #[cfg(test)]
    pub(super) fn sleepers(&self, name: &str) -> usize {
        let by_name = self.by_name.lock();
        by_name.get(name).map_or(0, |live| live.sleepers.len())
    }

    pub(super) fn leave(&self, name: &str, member: &str, known: &Seat) {
        let mut by_name = self.by_name.lock();
        if let Some(live) = by_name.get_mut(name)
            && Arc::ptr_eq(&live.changes, &known.changes)
        {
            live.members.remove(member);
            live.change();
        }
    }

    /// Takes in how far a member has come, forwards only; whether it is time to put that on record.
    /// What was processed was, whoever has the partition now.
    pub(super) fn publish(
        &self,
        name: &str,
        known: &Seat,
        positions: impl Iterator<Item = (u32, Lsn)>,
        asked: Option<Lsn>,
        now: Timestamp,
    ) -> bool {
        let mut by_name = self.by_name.lock();
        let live = by_name.get_mut(name);
        let own = |live: &&mut Live| Arc::ptr_eq(&live.changes, &known.changes);
        let Some(live) = live.filter(own) else {
            return false;
        };
        let is_time = has_passed(live.written_at, now);
        let mut is_due = false;
        for (partition, at) in positions {
            if let Some(part) = live.part_mut(partition) {
                part.at = part.at.max(at);
                part.asked = part.asked.max(asked.unwrap_or_default().min(part.at));
                let passed = part.at.value().saturating_sub(part.written.value());
                is_due |= (part.asked > part.written && is_time) || passed >= PASSED_MAX;
            }
        }
        is_due
    }

    /// The cursors that are not on record where they are, and are worth it.
    pub(super) fn unwritten(&self, segments: &[SegmentExtent]) -> Vec<ConsumerCursor> {
        let by_name = self.by_name.lock();
        let live = by_name.iter().filter(|(_, live)| live.dropped.is_none());
        let cursors = live.flat_map(|(name, live)| {
            let parts = (0..).zip(&live.parts);
            let moved = parts.filter(|(_, part)| part.is_worth_it(segments));
            moved.map(|(partition, part)| ConsumerCursor {
                name: name.clone(),
                partition,
                acknowledged: part.at,
            })
        });
        cursors.collect()
    }

    /// Takes in that cursors are on record; whether a consumer needs a segment less than before.
    pub(super) fn written(
        &self,
        cursors: &[ConsumerCursor],
        segments: &[SegmentExtent],
        now: Timestamp,
    ) -> bool {
        let mut by_name = self.by_name.lock();
        let mut needs_less = false;
        for cursor in cursors {
            let Some(live) = by_name.get_mut(&cursor.name) else {
                continue;
            };
            live.written_at = now;
            if let Some(part) = live.part_mut(cursor.partition) {
                needs_less |= crosses(segments, part.written, cursor.acknowledged);
                part.written = cursor.acknowledged;
            }
        }
        needs_less
    }

    /// Puts cursors where they are on record now, backwards or forwards.
    pub(super) fn put(&self, cursors: &[ConsumerCursor]) {
        let mut by_name = self.by_name.lock();
        for cursor in cursors {
            let live = by_name.get_mut(&cursor.name);
            if let Some(part) = live.and_then(|live| live.part_mut(cursor.partition)) {
                let at = cursor.acknowledged;
                *part = PartLive {
                    at,
                    asked: at,
                    written: at,
                };
            }
        }
    }

    /// How all of them are doing, in order of name.
    pub(super) fn now(&self) -> Vec<Now> {
        let by_name = self.by_name.lock();
        let all = by_name.values().map(|live| Now {
            state: ConsumerState {
                added: live.added.as_ref().clone(),
                since: live.since,
                cursors: (0..)
                    .zip(&live.parts)
                    .map(|(at, part)| (at, part.written))
                    .collect(),
                dropped: live.dropped.clone(),
            },
            acknowledged: live.parts.iter().map(|part| part.at).collect(),
            members: live.members.iter().cloned().collect(),
        });
        all.collect()
    }
}

#[cfg(test)]
mod tests;
