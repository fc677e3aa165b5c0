//! How far a replay has come, how fast it goes, and how long it will still take.

use std::time::Duration;

use nodedb_wal::types::Lsn;

/// How far a replay has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayProgress {
    /// The first record of the replay.
    pub first: Lsn,
    /// The last record of the replay.
    pub last: Lsn,
    /// The record just dealt with.
    pub at: Lsn,
    /// Records given to the sink so far.
    pub applied: u64,
    /// How long it has taken so far.
    pub elapsed: Duration,
}

impl ReplayProgress {
    /// Records dealt with so far, those included that were passed over.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.at
            .value()
            .saturating_sub(self.first.previous().value())
    }

    /// Records there are to deal with.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.last
            .value()
            .saturating_sub(self.first.previous().value())
    }

    /// Records dealt with in a second so far; nothing before any time has passed.
    #[must_use]
    pub fn records_per_second(&self) -> Option<f64> {
        let seconds = self.elapsed.as_secs_f64();
        (seconds > 0.0).then(|| as_float(self.done()) / seconds)
    }

    /// How long the rest takes if it goes on as fast as it went so far; nothing before any record
    /// was dealt with.
    #[must_use]
    pub fn eta(&self) -> Option<Duration> {
        let done = self.done();
        if done == 0 {
            return None;
        }
        let left = self.total().saturating_sub(done);
        let seconds = self.elapsed.as_secs_f64() * as_float(left) / as_float(done);
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// The nearest number there is: enough for a rate.
fn as_float(count: u64) -> f64 {
    let (high, low) = (count >> 32, count & u64::from(u32::MAX));
    let half = |bits: u64| f64::from(u32::try_from(bits).unwrap_or(u32::MAX));
    half(high) * f64::from(1_u32 << 16) * f64::from(1_u32 << 16) + half(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(first: u64, last: u64, at: u64, seconds: u64) -> ReplayProgress {
        ReplayProgress {
            first: Lsn::new(first),
            last: Lsn::new(last),
            at: Lsn::new(at),
            applied: 0,
            elapsed: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn the_rest_takes_as_long_as_what_is_done_took() {
        let cases = [
            (progress(1, 100, 25, 10), 25, 100, Some(2.5), Some(30)),
            (progress(1001, 1100, 1050, 10), 50, 100, Some(5.0), Some(10)),
            (progress(1, 100, 100, 10), 100, 100, Some(10.0), Some(0)),
            (progress(1, 100, 0, 10), 0, 100, Some(0.0), None),
            (progress(1, 100, 50, 0), 50, 100, None, Some(0)),
            (
                progress(1, u64::MAX, 1, 1),
                1,
                u64::MAX,
                Some(1.0),
                Some(u64::MAX),
            ),
        ];
        for (progress, done, total, rate, eta) in cases {
            assert_eq!((progress.done(), progress.total()), (done, total));
            assert_eq!(progress.records_per_second(), rate, "{progress:?}");
            match eta {
                // More seconds than a duration holds.
                Some(u64::MAX) => assert_eq!(progress.eta(), None),
                eta => assert_eq!(progress.eta(), eta.map(Duration::from_secs)),
            }
        }
    }

    #[test]
    fn counts_become_the_nearest_numbers() {
        for (count, number) in [(0, 0.0), (7, 7.0), (1 << 40, 1_099_511_627_776.0)] {
            assert!((as_float(count) - number).abs() < f64::EPSILON, "{count}");
        }
    }
}
