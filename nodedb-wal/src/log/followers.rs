//! Who waits for the durable frontier to come to an LSN without committing anything: threads and
//! tasks. Whoever moved the frontier wakes those it has come to, and nobody else; where nobody waits,
//! or not for that yet, it looks at one number.
//!
//! No wake-up is lost: whoever waits takes a place first, then looks at the frontier and whether the
//! log goes on, and then sleeps. What happens after it looked finds it in its place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use super::commit::DurableLsn;
use super::log_handle::Log;
use super::state::Core;
use crate::error::{Error, Result};
use crate::sync::{AtomicU64, Condvar, Mutex};
use crate::types::Lsn;

/// Whoever follows the durable frontier.
#[derive(Debug)]
pub(crate) struct Followers {
    /// The lowest LSN that is waited for; `u64::MAX` when nobody waits. Changed with `queue` held.
    lowest: AtomicU64,
    /// Held for moments, and never together with another lock.
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    sleepers: BTreeMap<Place, Sleeper>,
    next_number: u64,
}

/// A place in the queue: the LSN that is waited for, and a number of its own.
pub(crate) type Place = (Lsn, u64);

#[derive(Debug)]
enum Sleeper {
    /// Waits on this with `Followers::queue`, for as long as it is in the queue.
    Thread(Arc<Condvar>),
    Task(Waker),
}

impl Sleeper {
    fn wake(self) {
        match self {
            Self::Thread(condition) => {
                condition.notify_one();
            }
            Self::Task(waker) => waker.wake(),
        }
    }
}

impl Default for Followers {
    fn default() -> Self {
        Self {
            lowest: AtomicU64::new(u64::MAX),
            queue: Mutex::default(),
        }
    }
}

impl Followers {
    /// Wakes whoever waits for `durable` or less. Called after the frontier moved, with no lock held.
    pub(crate) fn tell(&self, durable: Lsn) {
        // In one order with the frontier: see `View::advance_durable`.
        if durable.value() >= self.lowest.load(Ordering::SeqCst) {
            self.wake(durable);
        }
    }

    /// Wakes everybody: the log takes no more calls. Called with no lock held.
    pub(crate) fn tell_all(&self) {
        self.wake(Lsn::MAX);
    }

    fn wake(&self, durable: Lsn) {
        let mut queue = self.queue.lock();
        let later = queue.sleepers.split_off(&(durable, u64::MAX));
        let woken = std::mem::replace(&mut queue.sleepers, later);
        self.note_lowest(&queue);
        drop(queue);
        woken.into_values().for_each(Sleeper::wake);
    }

    fn note_lowest(&self, queue: &Queue) {
        let first = queue.sleepers.first_key_value();
        let lowest = first.map_or(u64::MAX, |((lsn, _), _)| lsn.value());
        self.lowest.store(lowest, Ordering::SeqCst);
    }

    fn enter(&self, lsn: Lsn, sleeper: Sleeper) -> Place {
        let mut queue = self.queue.lock();
        queue.next_number += 1;
        let place = (lsn, queue.next_number);
        queue.sleepers.insert(place, sleeper);
        self.note_lowest(&queue);
        place
    }

    pub(crate) fn leave(&self, place: Place) {
        let mut queue = self.queue.lock();
        queue.sleepers.remove(&place);
        self.note_lowest(&queue);
    }

    /// Leaves another waker in a place; `false` when the task was woken since and has no place.
    fn renew(&self, place: Place, waker: &Waker) -> bool {
        let mut queue = self.queue.lock();
        let sleeper = queue.sleepers.get_mut(&place);
        let is_there = sleeper.is_some();
        if let Some(sleeper) = sleeper {
            *sleeper = Sleeper::Task(waker.clone());
        }
        is_there
    }

    /// Sleeps until somebody takes the sleeper out of its place, or until `deadline`; whether
    /// somebody did.
    fn sleep(&self, place: Place, condition: &Condvar, deadline: Option<Instant>) -> bool {
        let mut queue = self.queue.lock();
        while queue.sleepers.contains_key(&place) {
            let Some(deadline) = deadline else {
                condition.wait(&mut queue);
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let _timed_out = condition.wait_for(&mut queue, left);
        }
        true
    }
}

/// A thread's place, given back when it is dropped.
struct Bed<'a> {
    followers: &'a Followers,
    place: Place,
    condition: Arc<Condvar>,
}

impl<'a> Bed<'a> {
    fn new(followers: &'a Followers, lsn: Lsn) -> Self {
        let condition = Arc::new(Condvar::new());
        let place = followers.enter(lsn, Sleeper::Thread(Arc::clone(&condition)));
        Self {
            followers,
            place,
            condition,
        }
    }

    fn sleep(&self, deadline: Option<Instant>) -> bool {
        self.followers.sleep(self.place, &self.condition, deadline)
    }
}

impl Drop for Bed<'_> {
    fn drop(&mut self) {
        self.followers.leave(self.place);
    }
}

impl Core {
    /// Waits until `lsn` is durable, for `at_most` where that is given, and writes nothing. `None` when
    /// the time is over.
    pub(crate) fn wait_durable(
        &self,
        lsn: Lsn,
        at_most: Option<Duration>,
    ) -> Result<Option<DurableLsn>> {
        // A time that the clock has no number for does not end.
        let deadline = at_most.and_then(|time| Instant::now().checked_add(time));
        loop {
            let durable = self.durable_at(lsn);
            if durable.is_some() {
                return Ok(durable);
            }
            let bed = Bed::new(&self.followers, lsn);
            let durable = self.durable_at(lsn);
            if durable.is_some() {
                return Ok(durable);
            }
            if let Err(error) = self.usable() {
                return self.durable_or(lsn, error).map(Some);
            }
            if !bed.sleep(deadline) {
                return Ok(self.durable_at(lsn));
            }
        }
    }

    /// Whether `lsn` is durable; where not, the task of `waker` is woken when it may be. `place` is
    /// where the task waits, between calls.
    pub(crate) fn poll_durable(
        &self,
        lsn: Lsn,
        place: &mut Option<Place>,
        waker: &Waker,
    ) -> Poll<Result<DurableLsn>> {
        let is_waiting = place.is_some_and(|place| {
            let waits_for_it = place.0 == lsn;
            waits_for_it && self.followers.renew(place, waker)
        });
        if !is_waiting {
            self.forget(place);
            if let Some(durable) = self.durable_at(lsn) {
                return Poll::Ready(Ok(durable));
            }
            *place = Some(self.followers.enter(lsn, Sleeper::Task(waker.clone())));
        }
        if let Some(durable) = self.durable_at(lsn) {
            self.forget(place);
            return Poll::Ready(Ok(durable));
        }
        if let Err(error) = self.usable() {
            self.forget(place);
            return Poll::Ready(self.durable_or(lsn, error));
        }
        Poll::Pending
    }

    /// What a log that ended with `error` has to say of `lsn`, which may have become durable before.
    fn durable_or(&self, lsn: Lsn, error: Error) -> Result<DurableLsn> {
        self.durable_at(lsn).ok_or(error)
    }

    /// Gives a task's place back.
    pub(crate) fn forget(&self, place: &mut Option<Place>) {
        if let Some(place) = place.take() {
            self.followers.leave(place);
        }
    }
}

impl Log {
    /// Waits until the record `lsn`, and every record before it, is on disk, and writes nothing
    /// itself: somebody else commits, or the log's sync policy does. The record need not be appended
    /// yet. Whoever waits sleeps, and is woken by the write that brought the record to the disk; a
    /// commit that nobody waits for so pays for one look at a number.
    ///
    /// `None` when that did not happen within `at_most`; without `at_most` it waits for ever.
    ///
    /// # Errors
    ///
    /// A poisoned log, and one that is closed or dropped, where the record did not become durable
    /// before.
    pub fn wait_durable(&self, lsn: Lsn, at_most: Option<Duration>) -> Result<Option<DurableLsn>> {
        self.core.wait_durable(lsn, at_most)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::Config;
    use crate::types::{Record, RecordKind, Scope};

    fn open(directory: &Path) -> Log {
        Log::open(Config::new(directory).segment_bytes(1 << 20)).unwrap()
    }

    fn append(log: &Log) -> Lsn {
        let record = Record::raw(RecordKind::Put, Scope::default(), b"x");
        log.append(&record).unwrap()
    }

    #[test]
    fn whoever_waits_is_woken_by_the_commit_of_another_and_not_before() {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        let at_once = Some(Duration::ZERO);
        thread::scope(|scope| {
            let (told, tidings) = mpsc::channel();
            for lsn in [1, 3, 3] {
                let (log, told) = (&log, told.clone());
                scope.spawn(move || {
                    let durable = log.wait_durable(Lsn::new(lsn), None).unwrap();
                    told.send((lsn, durable.unwrap().lsn())).unwrap();
                });
            }
            for lsn in 1..=3 {
                append(&log);
                assert_eq!(log.wait_durable(Lsn::new(lsn), at_once).unwrap(), None);
                log.commit(Lsn::new(lsn)).unwrap();
                for _ in 0..[1, 0, 2][usize::try_from(lsn - 1).unwrap()] {
                    let (wanted, durable) = tidings.recv().unwrap();
                    assert_eq!(wanted, lsn);
                    assert!(durable >= Lsn::new(lsn));
                }
            }
        });
        assert_eq!(log.core.followers.lowest.load(Ordering::SeqCst), u64::MAX);
    }

    #[test]
    fn whoever_waits_for_a_log_that_ends_is_told_unless_it_has_what_it_waits_for() {
        for is_closed in [true, false] {
            let directory = tempfile::tempdir().unwrap();
            let log = open(directory.path());
            let core = Arc::clone(&log.core);
            let lsn = append(&log);
            let waiting = thread::spawn(move || {
                let next = core.wait_durable(lsn.next(), None);
                (core.wait_durable(lsn, None), next)
            });
            if is_closed {
                log.close().unwrap();
            } else {
                drop(log);
            }
            let (first, next) = waiting.join().unwrap();
            assert!(matches!(next, Err(Error::Closed)), "{next:?}");
            assert_eq!(first.is_ok(), is_closed, "{first:?}");
        }
    }

    #[test]
    fn whoever_gives_up_leaves_no_place_behind() {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        let waited = log.wait_durable(Lsn::FIRST, Some(Duration::from_millis(1)));
        assert_eq!(waited.unwrap(), None);
        let mut place = None;
        for lsn in [5, 5, 2] {
            let polled = log
                .core
                .poll_durable(Lsn::new(lsn), &mut place, Waker::noop());
            assert!(polled.is_pending());
        }
        assert_eq!(log.core.followers.queue.lock().sleepers.len(), 1);
        assert_eq!(log.core.followers.lowest.load(Ordering::SeqCst), 2);
        log.core.forget(&mut place);
        assert_eq!(log.core.followers.lowest.load(Ordering::SeqCst), u64::MAX);
    }
}
