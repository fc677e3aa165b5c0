//! A token bucket, as the generic cell rate algorithm keeps it (ITU-T I.371): one moment in place of
//! a count of tokens that is filled up over and over. Pure: the clock is handed in.

use std::time::Duration;

/// How much is left of a rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Bucket {
    /// When everything taken so far is paid for, at the rate.
    paid_at: Duration,
}

impl Bucket {
    /// Takes `bytes` at `now`, when what is not paid for yet is not more than `burst`. Otherwise
    /// takes nothing and says after what time to try again; nothing for a rate of 0.
    pub(super) fn take(
        &mut self,
        bytes: u64,
        rate: u64,
        burst: u64,
        now: Duration,
    ) -> Result<(), Option<Duration>> {
        let Some(burst) = time_for(burst, rate) else {
            return Err(None);
        };
        let unpaid = self.paid_at.saturating_sub(now);
        if unpaid > burst {
            return Err(Some(unpaid - burst));
        }
        self.charge(bytes, rate, now);
        Ok(())
    }

    /// Takes `bytes`, whatever is left.
    pub(super) fn charge(&mut self, bytes: u64, rate: u64, now: Duration) {
        let price = time_for(bytes, rate).unwrap_or_default();
        self.paid_at = self.paid_at.max(now).saturating_add(price);
    }

    /// Gives back what was taken and not used.
    pub(super) fn give_back(&mut self, bytes: u64, rate: u64) {
        let price = time_for(bytes, rate).unwrap_or_default();
        self.paid_at = self.paid_at.saturating_sub(price);
    }
}

/// How long `bytes` take at a rate; nothing at a rate of 0.
fn time_for(bytes: u64, rate: u64) -> Option<Duration> {
    const NANOS: u128 = 1_000_000_000;
    let nanos = (u128::from(bytes) * NANOS).checked_div(u128::from(rate))?;
    Some(Duration::from_nanos(
        u64::try_from(nanos).unwrap_or(u64::MAX),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_burst_goes_through_and_then_the_rate_holds() {
        let mut bucket = Bucket::default();
        // 1,000 bytes a second, 500 ahead.
        let mut take = |bytes, now| bucket.take(bytes, 1000, 500, now);
        for _ in 0..6 {
            assert_eq!(take(100, ms(0)), Ok(()));
        }
        assert_eq!(take(100, ms(0)), Err(Some(ms(100))));
        assert_eq!(take(100, ms(99)), Err(Some(ms(1))));
        assert_eq!(take(100, ms(100)), Ok(()));
        assert_eq!(take(100, ms(199)), Err(Some(ms(1))));
        // After a rest no more than the burst has gathered.
        for _ in 0..6 {
            assert_eq!(take(100, ms(60_000)), Ok(()));
        }
        assert_eq!(take(100, ms(60_000)), Err(Some(ms(100))));
    }

    #[test]
    fn over_a_long_time_the_rate_is_what_was_set() {
        let mut bucket = Bucket::default();
        let mut taken = 0;
        for now in 0..100_000 {
            while bucket.take(64, 12_345, 1000, ms(now)).is_ok() {
                taken += 64;
            }
        }
        let expected = 12_345 * 100 + 1000;
        assert!((expected - 64..=expected + 128).contains(&taken), "{taken}");
    }

    #[test]
    fn a_record_longer_than_the_burst_is_taken_and_paid_for() {
        let mut bucket = Bucket::default();
        assert_eq!(bucket.take(10_000, 1000, 0, ms(0)), Ok(()));
        assert_eq!(bucket.take(1, 1000, 0, ms(0)), Err(Some(ms(10_000))));
        bucket.give_back(10_000, 1000);
        assert_eq!(bucket.take(1, 1000, 0, ms(0)), Ok(()));
    }

    #[test]
    fn a_rate_of_nothing_takes_nothing() {
        assert_eq!(Bucket::default().take(1, 0, 9, ms(7)), Err(None));
    }
}
