//! What becomes durable without being committed: the log's sync policy, and the thread that carries it
//! out when it says "every so often".
//!
//! The thread sleeps without a timer while nothing waits. If it fails, or dies, the log is poisoned:
//! whoever relies on it is told with the next call. Where threads are not allowed, whoever appends
//! looks whether it is time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commit::DurableLsn;
use super::state::{Core, Disk, State};
use crate::config::SyncPolicy;
use crate::error::{Error, Result};
use crate::sync::{Condvar, JoinHandle, MutexGuard, ThreadBuilder};
use crate::types::{Lsn, LsnRange, Timestamp};

/// What the log answers for a record, by its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It is on disk.
    Durable(DurableLsn),
    /// It is in memory, and on its way as the policy has it. Everything up to `durable_lsn` is on disk.
    Deferred {
        /// The durable frontier at that moment.
        durable_lsn: Lsn,
    },
}

/// How the thread is told.
#[derive(Debug, Default)]
pub(crate) struct Syncer {
    /// Something waits, the policy is another, or the log ends. Waited on with `Core::state`.
    asked: Condvar,
}

/// The part of the state that is about syncing unasked.
#[derive(Debug, Default)]
pub(crate) struct Syncing {
    policy: SyncPolicy,
    /// Since when the oldest record waits that is in no write yet: by the thread's clock, and by the
    /// storage's.
    oldest: Option<(Instant, Timestamp)>,
    /// Whether the thread sleeps until it is told.
    is_parked: bool,
    thread: Option<JoinHandle<()>>,
    is_over: bool,
}

/// What the thread does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// Sleep until something waits.
    Park,
    SleepFor(Duration),
    Sync,
}

/// The thread's decision: `waits_for` is how long the oldest record has been waiting.
fn next(policy: SyncPolicy, waits_for: Option<Duration>) -> Next {
    let (SyncPolicy::Every(interval), Some(waits_for)) = (policy, waits_for) else {
        return Next::Park;
    };
    match interval.saturating_sub(waits_for) {
        Duration::ZERO => Next::Sync,
        left => Next::SleepFor(left),
    }
}

impl Syncing {
    /// Whether appending leaves everything to who commits.
    pub(crate) fn waits_for_commit(&self) -> bool {
        matches!(self.policy, SyncPolicy::OnCommit | SyncPolicy::Never)
    }

    /// Everything that waited is in a write now.
    pub(crate) fn nothing_waits(&mut self) {
        self.oldest = None;
    }

    /// By the storage's clock, which stands still where threads are not allowed.
    fn is_due(&self, now: Timestamp) -> bool {
        let waits_for = self.oldest.map(|(_, since)| {
            let nanos = now.as_nanos().saturating_sub(since.as_nanos());
            Duration::from_nanos(u64::try_from(nanos).unwrap_or(0))
        });
        next(self.policy, waits_for) == Next::Sync
    }
}

impl Core {
    pub(crate) fn sync_policy(&self) -> SyncPolicy {
        self.state.lock().syncing.policy
    }

    pub(crate) fn set_sync_policy(self: &Arc<Self>, policy: SyncPolicy) -> Result<()> {
        if policy == SyncPolicy::EachAppend {
            self.sync()?;
        }
        let mut state = self.usable()?;
        let needs_thread = matches!(policy, SyncPolicy::Every(_)) && self.storage.allows_threads();
        if needs_thread && state.syncing.thread.is_none() {
            state.syncing.thread = Some(self.spawn_syncer()?);
        }
        state.syncing.policy = policy;
        if !state.filling.is_empty() || !state.unsynced.is_empty() {
            state.syncing.oldest = Some((Instant::now(), state.last_timestamp));
        }
        self.syncer.asked.notify_one();
        Ok(())
    }

    /// Answers for a record as the policy has it.
    pub(crate) fn acknowledge(&self, lsn: Lsn) -> Result<Acknowledged> {
        let durable_lsn = self.view.durable();
        if lsn > durable_lsn {
            let state = self.usable()?;
            let next = state.next_lsn;
            if lsn >= next {
                return Err(Error::NotAppended { lsn, next });
            }
            let may_wait = matches!(
                state.syncing.policy,
                SyncPolicy::Every(_) | SyncPolicy::Never
            );
            // A write that found the disk full is behind its time: the next to ask is told.
            if may_wait && state.refused.is_none() {
                return Ok(Acknowledged::Deferred { durable_lsn });
            }
        }
        self.commit(lsn).map(Acknowledged::Durable)
    }

    /// Does for records that were appended just now what the policy asks for at once.
    pub(crate) fn sync_by_policy(
        &self,
        mut state: MutexGuard<'_, State>,
        lsns: LsnRange,
    ) -> Result<()> {
        let told = |source| Error::NotDurable {
            lsns,
            source: Box::new(source),
        };
        match state.syncing.policy {
            SyncPolicy::OnCommit | SyncPolicy::Never => Ok(()),
            SyncPolicy::EachAppend => {
                drop(state);
                self.commit_slowly(lsns.last).map_err(told)
            }
            SyncPolicy::Every(_) if self.storage.allows_threads() => {
                self.note_waiting(&mut state);
                Ok(())
            }
            SyncPolicy::Every(_) => {
                self.note_waiting(&mut state);
                let now = self.storage.now();
                if state.disk == Disk::Idle && state.syncing.is_due(now) {
                    self.write_out(&mut state).map_err(told)?;
                }
                Ok(())
            }
        }
    }

    fn note_waiting(&self, state: &mut State) {
        if state.syncing.oldest.is_none() {
            state.syncing.oldest = Some((Instant::now(), state.last_timestamp));
            if std::mem::take(&mut state.syncing.is_parked) {
                self.syncer.asked.notify_one();
            }
        }
    }

    fn spawn_syncer(self: &Arc<Self>) -> Result<JoinHandle<()>> {
        let core = Arc::clone(self);
        ThreadBuilder::new()
            .name("wal-sync".to_owned())
            .spawn(move || core.sync_behind())
            .map_err(|source| Error::Io {
                operation: "start a thread for",
                path: self.storage.path().to_path_buf(),
                source,
            })
    }

    /// The thread.
    fn sync_behind(&self) {
        let _poisons = PoisonsWhenDead(self);
        let mut state = self.state.lock();
        while !state.syncing.is_over {
            let waits_for = match state.check_usable() {
                Ok(()) => state.syncing.oldest.map(|(since, _)| since.elapsed()),
                Err(_) => None,
            };
            match next(state.syncing.policy, waits_for) {
                Next::Park => {
                    state.syncing.is_parked = true;
                    self.syncer.asked.wait(&mut state);
                }
                Next::SleepFor(left) => {
                    // Woken early or late, it looks again.
                    let _timed_out = self.syncer.asked.wait_for(&mut state, left);
                }
                // Whoever is at the disk may be taking along what waits.
                Next::Sync if state.disk != Disk::Idle => self.changed.wait(&mut state),
                Next::Sync => {
                    if let Err(error) = self.write_out(&mut state) {
                        // A failed write has poisoned the log; a full disk is tried again.
                        tracing::warn!(%error, "records could not be made durable in time");
                        state.syncing.oldest = Some((Instant::now(), state.last_timestamp));
                    }
                }
            }
        }
    }

    /// Ends the thread, after the write it is at.
    pub(crate) fn end_syncing(&self) {
        let thread = {
            let mut state = self.state.lock();
            state.syncing.is_over = true;
            self.syncer.asked.notify_all();
            self.changed.notify_all();
            state.syncing.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that syncs behind panicked");
        }
    }
}

/// Stops the log when the thread dies: nobody would sync any more, and nobody would know.
struct PoisonsWhenDead<'a>(&'a Core);

impl Drop for PoisonsWhenDead<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let cause = Error::Io {
                operation: "go on syncing",
                path: self.0.storage.path().to_path_buf(),
                source: std::io::Error::other("the thread that syncs panicked"),
            };
            let _told_to_who_calls_next = self.0.state.lock().poison(cause);
            self.0.changed.notify_all();
            self.0.wake_everybody();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_thread_syncs_when_the_oldest_record_has_waited_long_enough() {
        let ms = Duration::from_millis;
        let every = SyncPolicy::Every(ms(10));
        let table = [
            (every, None, Next::Park),
            (every, Some(ms(0)), Next::SleepFor(ms(10))),
            (every, Some(ms(7)), Next::SleepFor(ms(3))),
            (every, Some(ms(10)), Next::Sync),
            (every, Some(ms(50)), Next::Sync),
            (SyncPolicy::OnCommit, Some(ms(50)), Next::Park),
            (SyncPolicy::EachAppend, Some(ms(50)), Next::Park),
            (SyncPolicy::Never, Some(ms(50)), Next::Park),
        ];
        for (policy, waits_for, expected) in table {
            assert_eq!(
                next(policy, waits_for),
                expected,
                "{policy:?} {waits_for:?}"
            );
        }
    }
}
