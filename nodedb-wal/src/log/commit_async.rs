//! Waiting without a blocked thread: futures that need no runtime.
//!
//! One thread of the log commits for all of them. It is started by the first future that has to
//! wait, and sleeps while none does.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::commit::DurableLsn;
use super::state::Core;
use super::stats::Waits;
use crate::error::{Error, Result};
use crate::sync::{Condvar, JoinHandle, Mutex, ThreadBuilder};
use crate::types::Lsn;

/// Resolves when a record and everything before it is on disk. It does nothing until it is polled,
/// and may be dropped at any time.
///
/// It resolves to the errors that [`Log::commit`](crate::Log::commit) returns, and to
/// [`Error::Closed`] when the log was closed or dropped first.
#[derive(Debug)]
#[must_use = "a future does nothing until it is polled"]
pub struct Commit {
    core: Arc<Core>,
    lsn: Lsn,
    /// Where the waker is kept, once there is one.
    place: Option<u64>,
    /// When it began to wait, where that is timed.
    began: Option<Instant>,
}

/// The futures that wait, and the thread that commits for them.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    queue: Mutex<Queue>,
    /// A future came to wait, or the log ends.
    asked: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    wakers: BTreeMap<(Lsn, u64), Waker>,
    next_place: u64,
    thread: Option<JoinHandle<()>>,
    is_over: bool,
}

impl Core {
    /// A future for the durability of `lsn`.
    pub(crate) fn commit_async(self: &Arc<Self>, lsn: Lsn) -> Commit {
        let core = Arc::clone(self);
        Commit {
            core,
            lsn,
            place: None,
            began: None,
        }
    }

    /// Ends the thread that commits for futures, and lets all that still wait look again.
    pub(crate) fn end_pending(&self) {
        let thread = {
            let mut queue = self.pending.queue.lock();
            queue.is_over = true;
            self.pending.asked.notify_all();
            queue.thread.take()
        };
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread that commits for futures panicked");
        }
        self.pending.wake(Lsn::MAX);
    }

    /// Commits for the futures that wait, until the log ends.
    fn serve_pending(&self) {
        while let Some(lsn) = self.pending.next_wanted() {
            let woken_up_to = match self.commit_slowly(lsn) {
                Ok(()) => self.view.durable(),
                // Each future asks for itself and gets the error.
                Err(_) => Lsn::MAX,
            };
            self.pending.wake(woken_up_to);
        }
    }
}

impl Pending {
    /// The highest LSN a future waits for; `None` when the log ends.
    fn next_wanted(&self) -> Option<Lsn> {
        let mut queue = self.queue.lock();
        loop {
            if queue.is_over {
                return None;
            }
            if let Some((&(lsn, _), _)) = queue.wakers.last_key_value() {
                return Some(lsn);
            }
            self.asked.wait(&mut queue);
        }
    }

    /// Wakes every future that waits for `durable` or less.
    fn wake(&self, durable: Lsn) {
        let mut queue = self.queue.lock();
        let later = queue.wakers.split_off(&(durable.next(), 0));
        let ready = std::mem::replace(&mut queue.wakers, later);
        drop(queue);
        ready.into_values().for_each(Waker::wake);
    }
}

impl Commit {
    /// Leaves the waker with the thread; an error when there is and can be no thread.
    fn enqueue(&mut self, waker: &Waker) -> Result<()> {
        let core = &self.core;
        let mut queue = core.pending.queue.lock();
        if queue.is_over {
            return Err(Error::Closed);
        }
        if queue.thread.is_none() {
            let server = Arc::clone(core);
            let thread = ThreadBuilder::new()
                .name("wal-commit".to_owned())
                .spawn(move || server.serve_pending())
                .map_err(|source| Error::Io {
                    operation: "start a thread for",
                    path: core.storage.path().to_path_buf(),
                    source,
                })?;
            queue.thread = Some(thread);
        }
        let place = match self.place {
            Some(place) => place,
            None => {
                queue.next_place += 1;
                queue.next_place
            }
        };
        if self.place.is_none() {
            self.began = Waits::future_began(place);
        }
        self.place = Some(place);
        let is_first = queue.wakers.is_empty();
        queue.wakers.insert((self.lsn, place), waker.clone());
        if is_first {
            core.pending.asked.notify_one();
        }
        Ok(())
    }

    /// Whether the thread took the waker and woke it.
    fn was_woken(&self) -> bool {
        self.place.is_some_and(|place| {
            let queue = self.core.pending.queue.lock();
            !queue.wakers.contains_key(&(self.lsn, place))
        })
    }

    /// The answer, once there is one to be had without waiting, or by waiting on this thread.
    fn end(&mut self) -> Result<DurableLsn> {
        self.dequeue();
        let durable = self.core.commit(self.lsn)?;
        self.core.waits.future_ended(self.lsn, self.began.take());
        Ok(durable)
    }

    fn dequeue(&mut self) {
        if let Some(place) = self.place.take() {
            self.core
                .pending
                .queue
                .lock()
                .wakers
                .remove(&(self.lsn, place));
        }
    }
}

impl Future for Commit {
    type Output = Result<DurableLsn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let lsn = self.lsn;
        // What cannot wait, or must not, is answered at once; so is whom the thread woke: either
        // the record is durable, or asking gives the error.
        let is_answered = self.was_woken() || self.core.answers_at_once(lsn);
        if is_answered || !self.core.storage.allows_threads() {
            return Poll::Ready(self.end());
        }
        if let Err(error) = self.enqueue(context.waker()) {
            return Poll::Ready(Err(error));
        }
        // It may have become durable, or impossible, since the look above and before the waker was
        // in place.
        if self.core.answers_at_once(lsn) {
            return Poll::Ready(self.end());
        }
        Poll::Pending
    }
}

impl Drop for Commit {
    fn drop(&mut self) {
        self.dequeue();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Record, RecordKind, Scope};
    use crate::{Config, Log};

    /// Blocks on a future with nothing but the standard library.
    fn block_on<F: Future>(future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        let waker = crate::sync::waker_of_this_thread();
        let mut context = Context::from_waker(&waker);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(output) => return output,
                Poll::Pending => std::thread::park(),
            }
        }
    }

    fn open(directory: &std::path::Path) -> Log {
        Log::open(Config::new(directory).segment_bytes(1 << 20)).unwrap()
    }

    fn append(log: &Log) -> Lsn {
        let record = Record::raw(RecordKind::Put, Scope::default(), b"x");
        log.append(&record).unwrap()
    }

    #[test]
    fn many_futures_resolve_each_to_an_lsn_that_covers_it() {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        let futures: Vec<_> = (0..2_000)
            .map(|_| {
                let lsn = append(&log);
                (lsn, log.commit_async(lsn))
            })
            .collect();
        for (lsn, future) in futures {
            assert!(block_on(future).unwrap().lsn() >= lsn);
        }
        log.close().unwrap();
    }

    #[test]
    fn a_future_of_a_log_that_is_gone_resolves_to_closed() {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        let future = log.commit_async(append(&log));
        drop(log);
        assert!(matches!(block_on(future), Err(Error::Closed)));
        // The directory is free although the future was still there.
        open(directory.path()).close().unwrap();
    }

    #[test]
    fn a_future_for_a_record_that_does_not_exist_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        let answer = block_on(log.commit_async(Lsn::new(5)));
        assert!(
            matches!(answer, Err(Error::NotAppended { .. })),
            "{answer:?}"
        );
    }

    #[test]
    fn a_future_may_be_dropped_while_it_waits() {
        let directory = tempfile::tempdir().unwrap();
        let log = open(directory.path());
        let lsn = append(&log);
        for _ in 0..50 {
            let mut future = Box::pin(log.commit_async(append(&log)));
            let mut context = Context::from_waker(Waker::noop());
            let _either = future.as_mut().poll(&mut context);
        }
        assert!(block_on(log.commit_async(lsn)).unwrap().lsn() >= lsn);
        assert!(log.sync().unwrap().lsn() >= lsn);
    }
}
