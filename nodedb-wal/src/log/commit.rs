//! Committing: one write carries everybody who waits. The first waiter who finds the disk idle does
//! the write itself; the others sleep until it is done and look again.

use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::bulk::When;
use super::space_pool::Space;
use super::state::{Core, Disk, State};
use crate::config::TailPolicy;
use crate::error::{Error, Result};
use crate::format::Frontier;
use crate::format::checksum::Digest;
use crate::segment::WriteBuffer;
use crate::storage::WriteError;
use crate::sync::{MutexGuard, yield_now};
use crate::types::Lsn;

/// Proof that a record and everything before it is on disk. Only the commit path makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurableLsn(Lsn);

impl DurableLsn {
    /// Everything up to here is on disk.
    #[must_use]
    pub const fn lsn(self) -> Lsn {
        self.0
    }
}

impl fmt::Display for DurableLsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Core {
    /// Waits until `lsn` is durable, writing when nobody else does.
    pub(crate) fn commit(&self, lsn: Lsn) -> Result<DurableLsn> {
        if lsn > self.view.durable() {
            let started = Instant::now();
            self.commit_slowly(lsn)?;
            self.waits.ended(lsn, started);
        }
        self.commits.fetch_add(1, Ordering::Relaxed);
        Ok(DurableLsn(self.view.durable()))
    }

    /// As [`Self::commit`], for a caller of the log's own, whose waiting is nobody's.
    pub(crate) fn commit_slowly(&self, lsn: Lsn) -> Result<()> {
        // What became durable stays so, also when the log was poisoned later: look at that first.
        while lsn > self.view.durable() {
            let mut state = self.state.lock();
            if lsn <= self.view.durable() {
                break;
            }
            state.check_usable()?;
            let next = state.next_lsn;
            if lsn >= next {
                return Err(Error::NotAppended { lsn, next });
            }
            if state.disk == Disk::Idle {
                if let Err(error) = self.bring_out(&mut state, lsn) {
                    state.counters.refused(&error);
                    return Err(error);
                }
            } else {
                let is_on_its_way = lsn <= state.last_cut_lsn;
                let write = state.writes_cut + u64::from(!is_on_its_way);
                let ticket = self.waiters.ticket(write);
                state.sleepers.add(is_on_its_way);
                drop(state);
                self.waiters.sleep(ticket);
            }
        }
        Ok(())
    }

    /// Makes `lsn` durable, the disk being idle: with a write, or a sync where it is written.
    fn bring_out(&self, state: &mut MutexGuard<'_, State>, lsn: Lsn) -> Result<()> {
        if state.unsynced.holds(lsn) {
            state.disk = Disk::Writing;
            let synced = self.sync_written(state);
            self.release_disk(state);
            return synced;
        }
        Self::let_others_come(state);
        state.check_usable()?;
        self.write_out(state)
    }

    /// Lets those come along who slept during the last write, the disk being idle: they were woken
    /// just now, and their next records are a moment away. Otherwise committers split into two
    /// halves that write by turns.
    fn let_others_come(state: &mut MutexGuard<'_, State>) {
        if state.filling.records() < state.slept {
            state.disk = Disk::Writing;
            MutexGuard::unlocked(state, yield_now);
            state.disk = Disk::Idle;
        }
    }

    /// Whether committing `lsn` takes no waiting: it is durable, or never will be.
    pub(crate) fn answers_at_once(&self, lsn: Lsn) -> bool {
        if lsn <= self.view.durable() {
            return true;
        }
        let state = self.state.lock();
        state.check_usable().is_err() || lsn >= state.next_lsn
    }

    /// Proof that `lsn` is durable, where it is.
    pub(crate) fn durable_at(&self, lsn: Lsn) -> Option<DurableLsn> {
        let durable = self.view.durable();
        (lsn <= durable).then_some(DurableLsn(durable))
    }

    /// Commits everything appended so far.
    pub(crate) fn sync(&self) -> Result<DurableLsn> {
        let last = self.usable()?.next_lsn.previous();
        self.commit(last)
    }

    /// Writes out what waits, the disk being idle. The lock is free while the write is on its way.
    ///
    /// # Errors
    ///
    /// [`Error::DiskFull`]: the write is kept and tried again by the next caller. Any other failure
    /// poisons the log.
    pub(crate) fn write_out(&self, state: &mut MutexGuard<'_, State>) -> Result<()> {
        debug_assert_eq!(state.disk, Disk::Idle);
        state.disk = Disk::Writing;
        let written = self.write_pending(state);
        self.release_disk(state);
        written
    }

    /// As [`Self::write_out`], for a caller that has the disk.
    pub(crate) fn write_pending(&self, state: &mut MutexGuard<'_, State>) -> Result<()> {
        // First, so that the write vouches for it.
        self.sync_written(state)?;
        if let Some(write) = state.refused.take() {
            self.write_one(state, write)?;
        }
        if state.filling.is_empty() {
            return Ok(());
        }
        let write = self.cut(state);
        self.write_one(state, write)
    }

    /// Ends the write that is being filled and begins the next one behind it.
    pub(crate) fn cut(&self, state: &mut State) -> WriteBuffer {
        let frontier = Frontier {
            position: 0,
            last_lsn: state.next_lsn.previous(),
            durable_lsn: self.view.durable(),
            records: 0,
            write_number: 0,
            digest: Digest::EMPTY,
            start_lsn: state.start_lsn,
            timestamp: state.last_timestamp,
        };
        let share_block = self.limits.tail_policy == TailPolicy::Rewrite;
        let mut write = std::mem::take(&mut state.filling);
        let mut next = std::mem::take(&mut state.spare);
        if let Some(active) = &mut state.active {
            let frontier = Frontier {
                // A segment is too short for as many.
                records: u32::try_from(write.records()).unwrap_or(u32::MAX),
                write_number: u32::try_from(active.writes).unwrap_or(u32::MAX),
                digest: active.digest,
                ..frontier
            };
            write.finish(frontier, active.seed);
            active.writes += 1;
            active.index.add_write();
            // A hurried segment is left once something better is ready: look again.
            active.roomy_end = 0;
        }
        // One write is on its way at a time, so the block it ends in is durable before the next
        // one is written over it, with the same bytes in front.
        next.start_after(&write, share_block);
        state.filling = next;
        let somebody_waits = state.sleepers.count() + state.slept > 0;
        state
            .shares
            .begin_write(state.last_timestamp, somebody_waits);
        if state.sleepers.pass_on() {
            self.waiters.wake_before_next(state.writes_cut);
        }
        state.writes_cut += 1;
        state.watch.vouched_lsn = frontier.durable_lsn;
        state.syncing.nothing_waits();
        state.last_cut_lsn = state.next_lsn.previous();
        write
    }

    /// Half-way through a segment the next one is made ready, of a bulk load later and only allocated; at
    /// once when small writes have come to a segment whose space is for a bulk load, as that of a log that
    /// was just opened may be.
    fn ask_for_next_segment(&self, state: &mut State) {
        let position = state.filling.position();
        if let Some(active) = &mut state.active
            && active.space == Space::Bulk
            && !active.is_bulk(position)
        {
            active.space = Space::Hurried;
            state.counters.segments.hurried += 1;
            // The last write of a segment that is being left: what comes next was taken already.
            if state.disk != Disk::Rotating {
                active.asked_for_next = true;
                self.preparer.want_next();
            }
        }
        if let Some(active) = &mut state.active
            && !active.asked_for_next
            && position > active.entry.header().capacity / 2
            && !active.is_bulk(position)
        {
            active.asked_for_next = true;
            self.preparer.want_next();
        }
        if let Some(active) = &mut state.active
            && !active.asked_for_space
            && position > active.entry.header().capacity / 4 * 3
            && active.is_bulk(position)
        {
            active.asked_for_space = true;
            self.preparer.want_next_quickly();
        }
    }

    /// Brings one write to the disk, behind all that were made before, and moves the frontier.
    pub(crate) fn write_one(
        &self,
        state: &mut MutexGuard<'_, State>,
        write: WriteBuffer,
    ) -> Result<()> {
        self.sync_written(state)?;
        self.bring(state, write, When::AtOnce)
    }

    /// Brings one write to the disk, the caller having it.
    pub(super) fn bring(
        &self,
        state: &mut MutexGuard<'_, State>,
        mut write: WriteBuffer,
        durable: When,
    ) -> Result<()> {
        let Some(active) = &state.active else {
            return Err(Error::Closed);
        };
        let (file, path) = (active.file.clone(), active.path());
        let underway = state.counters.write_began(write.blocks().len());
        let outcome = MutexGuard::unlocked(state, || match durable {
            When::AtOnce => file.write_durable(write.blocks(), write.base()),
            When::Synced => file.write_behind(write.blocks(), write.base()),
        });
        let carried = outcome.is_ok().then(|| write.records());
        state.counters.write_ended(underway, carried);
        match outcome {
            Ok(()) => {
                match durable {
                    When::AtOnce => self.view.advance_durable(write.last_lsn()),
                    When::Synced => state.unsynced.add(&write),
                }
                self.note_write(state);
                // Not before the write, which would wait behind zeros: it may be the first of all.
                self.ask_for_next_segment(state);
                write.shrink(2 * self.limits.buffer_bytes);
                state.spare = write;
                Ok(())
            }
            Err(WriteError::NoSpace(source)) => {
                state.refused = Some(write);
                Err(Error::DiskFull { path, source })
            }
            Err(WriteError::Failed(source)) => Err(state.poison(Error::Io {
                operation: "write",
                path,
                source,
            })),
        }
    }
}
