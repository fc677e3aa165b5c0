//! Latency distributions: recorded by many threads apart, merged afterwards.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::cli::text;

/// The longest time told apart from longer ones.
const NANOS_MAX: u64 = 60_000_000_000;

/// The percentiles a report has, as fractions.
pub(super) const QUANTILES: [f64; 11] = [
    0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9999, 1.0,
];

/// How long each of many operations took.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, u64)>", into = "Vec<(u64, u64)>")]
pub(super) struct Latency {
    nanos: Histogram<u64>,
}

impl Latency {
    /// For one thread of a few: exact to a thousandth.
    pub(super) fn exact() -> Self {
        Self::with_digits(3)
    }

    /// For one thread of many: exact to a hundredth, in an eighth of the memory, so that the
    /// benchmark's own memory stays small beside the log's.
    pub(super) fn coarse() -> Self {
        Self::with_digits(2)
    }

    fn with_digits(digits: u8) -> Self {
        let nanos = Histogram::new_with_bounds(1, NANOS_MAX, digits);
        // The bounds are constants, tested below.
        let nanos = nanos.unwrap_or_else(|error| unreachable!("{error}"));
        Self { nanos }
    }

    pub(super) fn record(&mut self, time: Duration) {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(NANOS_MAX);
        self.nanos.saturating_record(nanos);
    }

    /// Adds what another one recorded.
    pub(super) fn merge(&mut self, other: &Self) {
        // Both have the same bounds, so nothing is out of range.
        let _none_lost = self.nanos.add(&other.nanos);
    }

    pub(super) fn count(&self) -> u64 {
        self.nanos.len()
    }

    /// The time that the fraction `quantile` of all operations took at most.
    pub(super) fn micros_at(&self, quantile: f64) -> f64 {
        let nanos = self.nanos.value_at_quantile(quantile);
        text::millis(Duration::from_nanos(nanos)) * 1000.0
    }

    /// Every percentile of [`QUANTILES`], in microseconds.
    pub(super) fn quantiles(&self) -> Vec<(f64, f64)> {
        QUANTILES
            .iter()
            .map(|&quantile| (quantile, self.micros_at(quantile)))
            .collect()
    }
}

/// Times in nanoseconds, each with how many operations took it.
impl From<Latency> for Vec<(u64, u64)> {
    fn from(latency: Latency) -> Self {
        let recorded = latency.nanos.iter_recorded();
        recorded
            .map(|step| (step.value_iterated_to(), step.count_at_value()))
            .collect()
    }
}

impl From<Vec<(u64, u64)>> for Latency {
    fn from(times: Vec<(u64, u64)>) -> Self {
        let mut latency = Self::exact();
        for (nanos, count) in times {
            latency.nanos.saturating_record_n(nanos, count);
        }
        latency
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(mut latency: Latency, micros: impl IntoIterator<Item = u64>) -> Latency {
        for micros in micros {
            latency.record(Duration::from_micros(micros));
        }
        latency
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        for (latency, tolerance) in [(Latency::exact(), 0.001), (Latency::coarse(), 0.01)] {
            let latency = filled(latency, 1..=10_000);
            for (quantile, micros) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0)] {
                let found = latency.micros_at(quantile);
                let error = (found - micros).abs() / micros;
                assert!(error <= tolerance, "{quantile}: {found}");
            }
        }
    }

    #[test]
    fn what_threads_recorded_apart_is_merged() {
        let mut all = filled(Latency::exact(), 1..=500);
        all.merge(&filled(Latency::coarse(), 501..=1_000));
        assert_eq!(all.count(), 1_000);
        assert!((all.micros_at(0.75) - 750.0).abs() < 8.0);
        let quantiles = all.quantiles();
        assert_eq!(quantiles.len(), QUANTILES.len());
        assert!(quantiles.is_sorted_by(|a, b| a.1 <= b.1), "{quantiles:?}");
    }

    #[test]
    fn a_time_beyond_the_longest_counts_as_the_longest() {
        let mut latency = Latency::coarse();
        latency.record(Duration::from_secs(3_600));
        assert_eq!(latency.count(), 1);
        assert!(latency.micros_at(1.0) >= 60e6);
    }

    #[test]
    fn what_goes_from_one_process_to_another_stays_what_it_was() {
        let latency = filled(Latency::exact(), (1..=10_000).map(|n| n * 7));
        let text = serde_json::to_string(&latency).unwrap();
        let back: Latency = serde_json::from_str(&text).unwrap();
        assert_eq!(back.count(), latency.count());
        for quantile in QUANTILES {
            let (before, after) = (latency.micros_at(quantile), back.micros_at(quantile));
            assert!((after / before - 1.0).abs() < 0.001, "{before} {after}");
        }
    }
}
