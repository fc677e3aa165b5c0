//! How often which value came: the only user of `hdrhistogram`.

use std::fmt;

use hdrhistogram::Histogram as Buckets;

/// The percentiles a histogram is printed with, as fractions.
const PRINTED: [f64; 4] = [0.5, 0.99, 0.999, 1.0];

/// How often which value came, to two decimal digits: a value read from it is at most 1 % above one
/// that was recorded. What the values are is said where the histogram is.
#[derive(Clone)]
pub struct Histogram {
    buckets: Buckets<u64>,
    /// Of the values as they came, not rounded.
    sum: u64,
}

impl Histogram {
    /// One for values up to `max`; greater ones count as `max`.
    pub(crate) fn up_to(max: u64) -> Self {
        let buckets = Buckets::new_with_bounds(1, max, 2);
        Self {
            // The bounds are constants of the callers, and their tests come by here.
            buckets: buckets.unwrap_or_else(|error| unreachable!("{error}")),
            sum: 0,
        }
    }

    /// Counts `value` once.
    pub(crate) fn record(&mut self, value: u64) {
        self.record_many(value, 1);
    }

    /// Counts `value` `times` times.
    pub(crate) fn record_many(&mut self, value: u64, times: u64) {
        self.buckets.saturating_record_n(value, times);
        self.sum = self.sum.saturating_add(value.saturating_mul(times));
    }

    /// Adds what `other`, which has the same bounds, recorded.
    pub(crate) fn merge(&mut self, other: &Self) {
        // Only a value out of bounds is refused, and there is none.
        let _none_is_lost = self.buckets.add(&other.buckets);
        self.sum = self.sum.saturating_add(other.sum);
    }

    /// How many values came.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.len()
    }

    /// The sum of all values; with [`Self::count`], the mean.
    #[must_use]
    pub fn sum(&self) -> u64 {
        self.sum
    }

    /// The value that the fraction `quantile` of all values does not exceed: 0.5 is the median, 1.0
    /// the greatest. 0 when none came.
    #[must_use]
    pub fn at(&self, quantile: f64) -> u64 {
        self.buckets.value_at_quantile(quantile)
    }

    /// The values that came, rounded up, in rising order, each with how often.
    pub fn values(&self) -> impl Iterator<Item = (u64, u64)> {
        let recorded = self.buckets.iter_recorded();
        recorded.map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// What came since `earlier`, a snapshot of the same histogram: as [`Self::values`].
    pub fn values_since(&self, earlier: &Self) -> impl Iterator<Item = (u64, u64)> {
        self.values().filter_map(|(value, count)| {
            let new = count.saturating_sub(earlier.buckets.count_at(value));
            (new > 0).then_some((value, new))
        })
    }
}

impl fmt::Debug for Histogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Histogram");
        shown.field("count", &self.count());
        for quantile in PRINTED {
            shown.field(&format!("at {quantile}"), &self.at(quantile));
        }
        shown.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::up_to(1 << 30);
        values.into_iter().for_each(|value| histogram.record(value));
        histogram
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded_to_one_in_a_hundred() {
        let histogram = filled(1..=100_000);
        for (quantile, value) in [(0.5, 50_000), (0.99, 99_000), (1.0, 100_000)] {
            let found = histogram.at(quantile);
            assert!((value..=value + value / 100).contains(&found), "{found}");
        }
        assert_eq!(histogram.count(), 100_000);
        assert_eq!(histogram.sum(), 100_000 * 100_001 / 2);
        assert_eq!(filled([]).at(0.5), 0);
    }

    #[test]
    fn a_value_beyond_the_greatest_counts_as_the_greatest() {
        let histogram = filled([u64::MAX]);
        assert_eq!(histogram.count(), 1);
        assert!(histogram.at(1.0) >= 1 << 30, "{histogram:?}");
    }

    #[test]
    fn what_came_since_a_snapshot_is_told_from_what_was_there() {
        let earlier = filled([7, 7, 5_000]);
        let mut later = earlier.clone();
        later.merge(&filled([7, 90_000]));
        let new: Vec<(u64, u64)> = later.values_since(&earlier).collect();
        assert_eq!(new.len(), 2, "{new:?}");
        assert_eq!(new[0], (7, 1));
        assert!((90_000..=90_900).contains(&new[1].0) && new[1].1 == 1);
        assert_eq!(later.values().map(|(_, count)| count).sum::<u64>(), 5);
    }
}
