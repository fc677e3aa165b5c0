//! What the log is meant to reach, beside what was measured. Pure functions; nothing fails here.

use super::commit::row_name;
use super::figures::{Group, Metric};
use super::futures_commit;
use super::replay::{self, Cache};
use super::stream;
use super::summary::Row;
use super::tenants;
use super::work::SCANNED;

/// Which way a figure is good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

/// A figure that a row is meant to have; without a name, every row of the group; without a group,
/// every row there is.
#[derive(Clone, Debug)]
pub(super) struct Goal {
    group: Option<Group>,
    row: Option<String>,
    metric: Metric,
    bound: Bound,
}

/// A goal that something was measured for.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Judged {
    pub(super) what: String,
    pub(super) metric: Metric,
    pub(super) bound: Bound,
    /// The worst of the rows the goal is for.
    pub(super) value: f64,
}

impl Bound {
    pub(super) const fn limit(self) -> f64 {
        match self {
            Self::AtLeast(limit) | Self::AtMost(limit) => limit,
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::AtLeast(_) => "at least",
            Self::AtMost(_) => "at most",
        }
    }

    fn is_met_by(self, value: f64) -> bool {
        match self {
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) => value <= limit,
        }
    }

    fn worse(self, a: f64, b: f64) -> f64 {
        match self {
            Self::AtLeast(_) => a.min(b),
            Self::AtMost(_) => a.max(b),
        }
    }
}

impl Judged {
    pub(super) fn is_met(&self) -> bool {
        self.bound.is_met_by(self.value)
    }
}

impl Goal {
    fn of(group: Group, row: impl Into<String>, metric: Metric, bound: Bound) -> Self {
        Self {
            group: Some(group),
            row: Some(row.into()),
            metric,
            bound,
        }
    }

    fn of_every(group: Option<Group>, metric: Metric, bound: Bound) -> Self {
        Self {
            group,
            row: None,
            metric,
            bound,
        }
    }

    fn judge(&self, rows: &[Row]) -> Option<Judged> {
        let values = rows
            .iter()
            .filter(|row| self.group.is_none_or(|group| group == row.group))
            .filter(|row| self.row.as_ref().is_none_or(|name| *name == row.name))
            .filter_map(|row| row.median(self.metric));
        let what = match (self.group, &self.row) {
            (Some(group), Some(row)) => format!("{}: {row}", group.name()),
            (Some(group), None) => format!("{}: every row", group.name()),
            (None, _) => "every row".to_owned(),
        };
        let (metric, bound) = (self.metric, self.bound);
        values.reduce(|a, b| bound.worse(a, b)).map(|value| Judged {
            what,
            metric,
            bound,
            value,
        })
    }
}

/// Every goal that something was measured for.
pub(super) fn judge(rows: &[Row]) -> Vec<Judged> {
    all().iter().filter_map(|goal| goal.judge(rows)).collect()
}

fn all() -> Vec<Goal> {
    let mut goals = commits();
    goals.extend(streams());
    goals.extend(replays());
    goals.extend([
        Goal::of_every(Some(Group::Replay), Metric::PeakMib, Bound::AtMost(32.0)),
        Goal::of_every(None, Metric::PeakMib, Bound::AtMost(64.0)),
        Goal::of_every(
            Some(Group::Open),
            Metric::FirstDurableMillis,
            Bound::AtMost(10.0),
        ),
        Goal::of_every(
            Some(Group::Rotation),
            Metric::P999RatioToNoRotation,
            Bound::AtMost(1.5),
        ),
        Goal::of(
            Group::Tenants,
            tenants::row(tenants::Push::TenTimes, true),
            Metric::P99RatioToShare,
            Bound::AtMost(2.0),
        ),
    ]);
    goals
}

fn commits() -> Vec<Goal> {
    use Metric::{P50RatioToDurableWrite, P99Micros, PerSecond, RatioToDurableWrite};
    let commit = |row: String, metric, bound| Goal::of(Group::Commit, row, metric, bound);
    let mut goals = vec![commit(
        row_name(1),
        P50RatioToDurableWrite,
        Bound::AtMost(1.03),
    )];
    for (threads, times) in [(4, 2.2), (16, 7.0), (64, 20.0), (256, 25.0)] {
        goals.push(commit(
            row_name(threads),
            RatioToDurableWrite,
            Bound::AtLeast(times),
        ));
    }
    goals.push(commit(row_name(256), P99Micros, Bound::AtMost(3_000.0)));
    goals.push(commit(
        futures_commit::ROW.to_owned(),
        PerSecond,
        Bound::AtLeast(1e6),
    ));
    goals
}

fn streams() -> Vec<Goal> {
    use Metric::{DiskPerPayload, PerSecond, RatioToAllocated, RatioToOneThread};
    let row = |bytes, metric, bound| Goal::of(Group::Stream, stream::row(bytes), metric, bound);
    vec![
        row(64, PerSecond, Bound::AtLeast(15e6)),
        row(256, PerSecond, Bound::AtLeast(8e6)),
        row(4 << 10, RatioToAllocated, Bound::AtLeast(0.85)),
        row(64 << 10, RatioToAllocated, Bound::AtLeast(0.85)),
        row(256, DiskPerPayload, Bound::AtMost(1.30)),
        Goal::of(
            Group::Stream,
            stream::TWO_THREADS,
            RatioToOneThread,
            Bound::AtLeast(0.9),
        ),
    ]
}

fn replays() -> Vec<Goal> {
    use Metric::{GigabytesPerSecond, PerSecond, RatioToFullReplay, RatioToRawRead};
    let row = |bytes, cache, metric, bound| {
        Goal::of(Group::Replay, replay::row(bytes, cache), metric, bound)
    };
    let mut goals = vec![row(64, Cache::Warm, PerSecond, Bound::AtLeast(25e6))];
    for bytes in [4 << 10, 64 << 10] {
        goals.push(row(
            bytes,
            Cache::Cold,
            RatioToRawRead,
            Bound::AtLeast(0.85),
        ));
        goals.push(row(
            bytes,
            Cache::Warm,
            GigabytesPerSecond,
            Bound::AtLeast(6.0),
        ));
    }
    goals.extend(SCANNED.map(|(bytes, _)| {
        Goal::of(
            Group::Replay,
            replay::scan_row(bytes),
            RatioToFullReplay,
            Bound::AtLeast(2.0),
        )
    }));
    goals
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::bench::figures::{Round, Sample};
    use crate::cli::bench::summary::summarize;
    use crate::cli::bench::work::{PAYLOADS, THREADS};

    fn rows(samples: Vec<Sample>) -> Vec<Row> {
        summarize(&[Round { samples }])
    }

    #[test]
    fn a_goal_is_judged_by_the_worst_row_it_is_for() {
        let open = |name: &str, millis| {
            Sample::new(Group::Open, name).with(Metric::FirstDurableMillis, millis)
        };
        let judged = judge(&rows(vec![open("a", 4.0), open("b", 12.0)]));
        assert_eq!(judged.len(), 1, "{judged:?}");
        assert!((judged[0].value - 12.0).abs() < 1e-12 && !judged[0].is_met());
        let judged = judge(&rows(vec![open("a", 10.0)]));
        assert!(judged[0].is_met(), "the limit itself is good");
    }

    #[test]
    fn nothing_measured_is_nothing_judged() {
        assert_eq!(judge(&[]), []);
    }

    #[test]
    fn every_goal_names_a_row_that_is_measured() {
        let mut names: Vec<String> = THREADS.iter().map(|&threads| row_name(threads)).collect();
        names.push(futures_commit::ROW.to_owned());
        names.push(stream::TWO_THREADS.to_owned());
        names.push(tenants::row(tenants::Push::TenTimes, true));
        for (bytes, _) in PAYLOADS {
            names.push(stream::row(bytes));
            names.push(replay::row(bytes, Cache::Cold));
            names.push(replay::row(bytes, Cache::Warm));
            names.push(replay::scan_row(bytes));
        }
        for goal in all() {
            if let Some(row) = &goal.row {
                assert!(names.contains(row), "{row}");
            }
        }
    }
}
