//! What a step brought, as it goes from one process to another and into the JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    PerSecond,
    GigabytesPerSecond,
    P50Micros,
    P99Micros,
    DiskPerPayload,
    OpenMillis,
    FirstDurableMillis,
    PeakMib,
}

impl Metric {
    /// Whether more is better.
    pub(crate) fn rises(self) -> bool {
        matches!(self, Self::PerSecond | Self::GigabytesPerSecond)
    }

    /// For people, with three digits that count.
    pub(crate) fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond => scaled(value),
            _ => digits(value),
        }
    }
}

pub(crate) type Figures = BTreeMap<Metric, f64>;

/// One step of one peer in one round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) peer: String,
    pub(crate) row: String,
    pub(crate) round: u32,
    pub(crate) figures: Figures,
    /// Why there are no figures.
    pub(crate) failure: Option<String>,
}

fn scaled(value: f64) -> String {
    if value >= 1e6 {
        format!("{} M", digits(value / 1e6))
    } else if value >= 1e3 {
        format!("{} k", digits(value / 1e3))
    } else {
        digits(value)
    }
}

fn digits(value: f64) -> String {
    if value >= 100.0 {
        format!("{value:.0}")
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// The middle value, or the mean of both; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let upper = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = values.get(middle.checked_sub(1)?)?;
    Some(f64::midpoint(*lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_shown_with_three_digits() {
        for (value, shown) in [
            (0.5, "0.50"),
            (12.34, "12.3"),
            (999.0, "999"),
            (12_340.0, "12.3 k"),
            (1_234_000.0, "1.23 M"),
        ] {
            assert_eq!(Metric::PerSecond.show(value), shown);
        }
        assert_eq!(Metric::P99Micros.show(12_340.0), "12340");
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_sample_comes_back_from_json() {
        let sample = Sample {
            peer: "ours".to_owned(),
            row: "commit-1".to_owned(),
            round: 2,
            figures: Figures::from([(Metric::P50Micros, 1.5)]),
            failure: None,
        };
        let text = serde_json::to_string(&sample).unwrap();
        assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sample);
    }
}
