//! From rounds to rows: medians of every figure, and merged distributions. Pure functions.

use super::figures::{Group, Metric, Round, Sample};
use super::latency::Latency;

/// A row over all rounds.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) group: Group,
    pub(super) name: String,
    /// In the order of [`Metric`].
    pub(super) figures: Vec<Figure>,
    /// Of all rounds together.
    pub(super) latency: Option<Latency>,
}

/// A figure over all rounds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Figure {
    pub(super) metric: Metric,
    pub(super) median: f64,
    /// One value a round, in order.
    pub(super) runs: Vec<f64>,
}

impl Row {
    pub(super) fn median(&self, metric: Metric) -> Option<f64> {
        let figure = self.figures.iter().find(|figure| figure.metric == metric);
        figure.map(|figure| figure.median)
    }

    fn add(&mut self, sample: &Sample) {
        for &(metric, value) in &sample.figures {
            match self.figures.iter_mut().find(|has| has.metric == metric) {
                Some(figure) => figure.runs.push(value),
                None => self.figures.push(Figure {
                    metric,
                    median: value,
                    runs: vec![value],
                }),
            }
        }
        match (&mut self.latency, &sample.latency) {
            (Some(all), Some(more)) => all.merge(more),
            (none @ None, Some(first)) => *none = Some(first.clone()),
            (_, None) => {}
        }
    }
}

/// Rows in the order of groups, and within a group in the order they were measured.
pub(super) fn summarize(rounds: &[Round]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for sample in rounds.iter().flat_map(|round| &round.samples) {
        let same = |row: &Row| row.group == sample.group && row.name == sample.name;
        let at = rows.iter().position(same).unwrap_or_else(|| {
            rows.push(Row {
                group: sample.group,
                name: sample.name.clone(),
                figures: Vec::new(),
                latency: None,
            });
            rows.len() - 1
        });
        rows[at].add(sample);
    }
    for row in &mut rows {
        row.figures.sort_by_key(|figure| figure.metric);
        for figure in &mut row.figures {
            figure.median = median(&figure.runs);
        }
    }
    rows.sort_by_key(|row| row.group);
    rows
}

/// The middle value, or the mean of the middle two; 0 of none.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    match (sorted.get(low), sorted.get(high)) {
        (Some(low), Some(high)) => f64::midpoint(*low, *high),
        _ => 0.0,
    }
}

/// The largest value against the smallest; 1 of none.
pub(super) fn spread(values: &[f64]) -> f64 {
    let (low, high) = values
        .iter()
        .copied()
        .fold((f64::INFINITY, 0.0_f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    if low <= high { high / low } else { 1.0 }
}

/// Raw writes that were this much slower at one moment than at another: where there is anything here,
/// the disk was not the same for both sides of a ratio.
pub(super) fn unsteady(rows: &[Row]) -> Vec<(String, f64)> {
    const SPREAD_MAX: f64 = 2.0;
    let of = |row: &Row| {
        let spreads = row
            .figures
            .iter()
            .filter_map(|figure| match (row.group, figure.metric) {
                (Group::Raw, Metric::PerSecond) => Some(spread(&figure.runs)),
                (_, Metric::PaceSpread) => figure.runs.iter().copied().reduce(f64::max),
                _ => None,
            });
        let worst = spreads.reduce(f64::max)?;
        (worst > SPREAD_MAX).then(|| (format!("{}: {}", row.group.name(), row.name), worst))
    };
    rows.iter().filter_map(of).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_median_is_the_middle() {
        for (values, expected) in [
            (&[][..], 0.0),
            (&[4.0], 4.0),
            (&[4.0, 1.0], 2.5),
            (&[9.0, 1.0, 2.0], 2.0),
            (&[9.0, 1.0, 2.0, 4.0], 3.0),
        ] {
            assert!((median(values) - expected).abs() < 1e-12, "{values:?}");
        }
    }

    fn sample(group: Group, name: &str, rate: f64) -> Sample {
        let mut latency = Latency::exact();
        latency.record(Duration::from_micros(80));
        Sample::new(group, name)
            .with(Metric::PeakMib, 7.0)
            .with(Metric::PerSecond, rate)
            .with_latency(latency)
    }

    #[test]
    fn each_figure_is_the_median_of_its_rounds() {
        let rounds = [3.0, 1.0, 2.0].map(|rate| Round {
            samples: vec![
                sample(Group::Stream, "b", 10.0 * rate),
                sample(Group::Commit, "a", rate),
            ],
        });
        let rows = summarize(&rounds);
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(names, ["a", "b"], "by group");
        let first = &rows[0].figures[0];
        assert_eq!(first.metric, Metric::PerSecond, "in the order of columns");
        assert_eq!(first.runs, [3.0, 1.0, 2.0]);
        assert_eq!(rows[1].median(Metric::PerSecond), Some(20.0));
        assert_eq!(rows[1].latency.as_ref().unwrap().count(), 3);
    }

    #[test]
    fn a_figure_that_a_round_lacks_is_the_median_of_the_others() {
        let mut second = sample(Group::Commit, "a", 5.0);
        second
            .figures
            .retain(|(metric, _)| *metric != Metric::PeakMib);
        let rounds = [sample(Group::Commit, "a", 1.0), second].map(|sample| Round {
            samples: vec![sample],
        });
        let rows = summarize(&rounds);
        assert_eq!(rows[0].median(Metric::PeakMib), Some(7.0));
        assert_eq!(rows[0].median(Metric::PerSecond), Some(3.0));
    }

    #[test]
    fn a_disk_that_changed_its_pace_is_named() {
        let raw = |rate| Sample::new(Group::Raw, "a").with(Metric::PerSecond, rate);
        let commit = |spread| Sample::new(Group::Commit, "b").with(Metric::PaceSpread, spread);
        let check = |rates: [f64; 2], spreads: [f64; 2], expected: &[(&str, f64)]| {
            let rounds = [0, 1].map(|n| Round {
                samples: vec![raw(rates[n]), commit(spreads[n])],
            });
            let found = unsteady(&summarize(&rounds));
            let found: Vec<(&str, f64)> = found.iter().map(|(n, s)| (n.as_str(), *s)).collect();
            assert_eq!(found, expected);
        };
        check([10.0, 12.0], [1.0, 1.9], &[]);
        check([10.0, 30.0], [1.0, 1.0], &[("raw: a", 3.0)]);
        check([10.0, 10.0], [1.0, 8.0], &[("commit: b", 8.0)]);
        assert!((spread(&[]) - 1.0).abs() < 1e-12);
    }
}
