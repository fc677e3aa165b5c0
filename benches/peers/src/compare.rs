//! Medians over the rounds, and who is the best. Pure functions of samples.

use crate::figures::{Metric, Sample, median};
use crate::peer::{Kind, Standing};
use crate::peers;

/// The median of one figure of one peer.
pub(crate) fn figure(samples: &[Sample], peer: &str, row: &str, metric: Metric) -> Option<f64> {
    let of_row = samples
        .iter()
        .filter(|sample| sample.peer == peer && sample.row == row);
    let values: Vec<f64> = of_row
        .filter_map(|sample| sample.figures.get(&metric).copied())
        .collect();
    median(&values)
}

/// How this log does beside the best of those it is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Versus {
    pub(crate) peer: &'static Kind,
    /// How many times better this log is: rates over each other, or times the other way round.
    pub(crate) times_better: f64,
}

/// The best of the rivals in this figure of this row, and the median over the rounds of how this log
/// does beside it.
pub(crate) fn versus(samples: &[Sample], row: &str, metric: Metric) -> Option<Versus> {
    let ours = ours()?;
    let rivals = peers::ALL.iter().copied().filter(|kind| {
        if row.starts_with("replay") {
            kind.rivals_in_reading()
        } else {
            kind.rivals_in_writing()
        }
    });
    let figures = rivals.filter_map(|kind| Some((kind, figure(samples, kind.name, row, metric)?)));
    let best = figures.reduce(|best, other| {
        let is_better = (other.1 > best.1) == metric.rises();
        if is_better { other } else { best }
    });
    let (peer, _) = best?;
    let of_round = |name: &str, round| {
        let mut samples = samples.iter();
        let found = samples.find(|s| s.peer == name && s.row == row && s.round == round);
        found.and_then(|sample| sample.figures.get(&metric).copied())
    };
    let ratios = samples
        .iter()
        .filter(|sample| sample.peer == ours.name && sample.row == row)
        .filter_map(|sample| {
            let own = sample.figures.get(&metric)?;
            let other = of_round(peer.name, sample.round)?;
            Some(if metric.rises() {
                own / other
            } else {
                other / own
            })
        });
    let times_better = median(&ratios.collect::<Vec<f64>>())?;
    Some(Versus { peer, times_better })
}

fn ours() -> Option<&'static Kind> {
    let mut all = peers::ALL.iter().copied();
    all.find(|kind| kind.standing == Standing::Ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    fn sample(peer: &str, row: &str, round: u32, metric: Metric, value: f64) -> Sample {
        Sample {
            peer: peer.to_owned(),
            row: row.to_owned(),
            round,
            figures: Figures::from([(metric, value)]),
            failure: None,
        }
    }

    fn check(row: &str, metric: Metric, rows: &[(&str, f64)], expected: Option<(&str, f64)>) {
        let samples: Vec<Sample> = rows
            .iter()
            .map(|&(peer, value)| sample(peer, row, 0, metric, value))
            .collect();
        let found = versus(&samples, row, metric);
        let found = found.map(|versus| (versus.peer.name, versus.times_better));
        assert_eq!(found, expected, "{row} {metric:?}");
    }

    #[test]
    fn the_best_rival_is_found_whichever_way_is_better() {
        let rows = [
            ("ours", 8.0),
            ("okaywal", 2.0),
            ("fjall", 4.0),
            ("raw", 99.0),
        ];
        check("commit-1", Metric::PerSecond, &rows, Some(("fjall", 2.0)));
        check(
            "commit-1",
            Metric::P99Micros,
            &rows,
            Some(("okaywal", 0.25)),
        );
    }

    #[test]
    fn only_who_keeps_the_same_promise_is_a_rival() {
        let rows = [("ours", 8.0), ("commitlog", 16.0), ("redb", 4.0)];
        check("commit-1", Metric::PerSecond, &rows, Some(("redb", 2.0)));
        check(
            "replay-64-warm",
            Metric::PerSecond,
            &rows,
            Some(("commitlog", 0.5)),
        );
        check("open-closed", Metric::OpenMillis, &rows[..2], None);
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let at = |peer, round, value| sample(peer, "open-closed", round, Metric::OpenMillis, value);
        let samples = [
            at("ours", 0, 1.0),
            at("ours", 1, 10.0),
            at("ours", 2, 100.0),
            at("redb", 0, 2.0),
            at("redb", 1, 30.0),
            at("redb", 2, 400.0),
        ];
        let found = versus(&samples, "open-closed", Metric::OpenMillis).unwrap();
        assert!((found.times_better - 3.0).abs() < 1e-9);
    }
}
