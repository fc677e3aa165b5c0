//! Waiting for the next record of a consumer: woken by whoever made it durable, and by whoever changed
//! what the consumer goes by. Nobody looks every so often.

use std::future::Future as _;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use nodedb_wal::types::Lsn;

use super::consumer::Consumer;
use crate::error::Result;

impl Consumer<'_> {
    /// Waits until there is a record to be delivered, for `at_most` where that is given; whether there
    /// is one. It is woken by the commit that brings a record, and when other members come or go, and
    /// passes over records that the consumer does not want.
    ///
    /// # Errors
    ///
    /// As [`Self::next`], and those of a log that ends while it waits: it is poisoned or closed.
    pub fn wait(&mut self, at_most: Option<Duration>) -> Result<bool> {
        // A time that the clock has no number for does not end.
        let deadline = at_most.and_then(|time| Instant::now().checked_add(time));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            if self.advance()? {
                return Ok(true);
            }
            if !self.sleep(&waker, deadline)? {
                return Ok(false);
            }
        }
    }

    /// Sleeps until more is durable than was looked at, or something else changed; `false` when the
    /// time is over.
    fn sleep(&self, waker: &Waker, deadline: Option<Instant>) -> Result<bool> {
        // Whoever waits takes its places first, and then looks.
        let register = self.service.register();
        register.await_change(&self.name, &self.member, &self.seat, waker);
        // A member without partitions waits for other members only.
        let next = match self.progress.is_idle() {
            true => Lsn::MAX,
            false => self.progress.next(),
        };
        let mut durable = pin!(self.service.wal().log().until_durable(next));
        let mut context = Context::from_waker(waker);
        loop {
            if self.is_changed() {
                return Ok(true);
            }
            if let Poll::Ready(durable) = durable.as_mut().poll(&mut context) {
                return Ok(durable.map(|_| true)?);
            }
            match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(Duration::ZERO) => return Ok(false),
                Some(left) => thread::park_timeout(left),
            }
        }
    }
}

/// Wakes a thread that polls.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
