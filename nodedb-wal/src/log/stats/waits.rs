//! How long commits waited: recorded by the threads that waited, without the log's lock.

use std::time::Instant;

use super::histogram::Histogram;
use super::snapshot::{NANOS_MAX, nanos_since};
use crate::sync::Mutex;
use crate::types::Lsn;

/// Enough that 64 threads, each of which waits for a write in between, hardly meet.
const SHARES: usize = 8;

/// Of futures, ten thousand of which may end at once, so many are timed: one in this number, which
/// counts for all of them.
const FUTURES_PER_SAMPLE: u64 = 16;

/// Wait times, in shares so that those whom one write carried do not queue up to say how long it
/// took.
#[derive(Debug)]
pub(crate) struct Waits {
    shares: [Share; SHARES],
}

/// Padded, so that the locks do not share a cache line.
#[derive(Debug)]
#[repr(align(128))]
struct Share {
    /// Held to count one value, or to copy the counts.
    nanos: Mutex<Histogram>,
}

impl Default for Waits {
    fn default() -> Self {
        let share = |_| Share {
            nanos: Mutex::new(Histogram::up_to(NANOS_MAX)),
        };
        Self {
            shares: std::array::from_fn(share),
        }
    }
}

impl Waits {
    /// Takes in a wait for `lsn` that began at `started` and is over. Records that one write
    /// carries follow each other, and so go to different shares.
    pub(crate) fn ended(&self, lsn: Lsn, started: Instant) {
        self.record(lsn, started, 1);
    }

    /// When the future at `place` began to wait, where it is one of those that are timed.
    pub(crate) fn future_began(place: u64) -> Option<Instant> {
        place.is_multiple_of(FUTURES_PER_SAMPLE).then(Instant::now)
    }

    /// As [`Self::ended`], for a future.
    pub(crate) fn future_ended(&self, lsn: Lsn, began: Option<Instant>) {
        if let Some(began) = began {
            self.record(lsn, began, FUTURES_PER_SAMPLE);
        }
    }

    fn record(&self, lsn: Lsn, started: Instant, times: u64) {
        let shares = SHARES as u64;
        let share = usize::try_from(lsn.value() % shares).unwrap_or_default();
        let nanos = nanos_since(started);
        self.shares[share].nanos.lock().record_many(nanos, times);
    }

    /// All shares together.
    pub(crate) fn snapshot(&self) -> Histogram {
        let mut all = Histogram::up_to(NANOS_MAX);
        for share in &self.shares {
            all.merge(&share.nanos.lock());
        }
        all
    }
}
