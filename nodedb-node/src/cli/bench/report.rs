//! What a benchmark found out, as text and JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::BenchArgs;
use super::figures::{Group, Metric, Round};
use super::goals::{Judged, judge};
use super::machine::Machine;
use super::summary::{Row, summarize, unsteady};
use crate::cli::answer::Answer;
use crate::cli::text::{self, Column};

/// Everything a run of the benchmark brought.
#[derive(Clone, Debug)]
pub(super) struct BenchReport {
    pub(super) settings: Settings,
    pub(super) machine: Machine,
    pub(super) rows: Vec<Row>,
    pub(super) goals: Vec<Judged>,
    /// Rows whose raw writes changed their pace, and by how much: their ratios say little.
    pub(super) unsteady: Vec<(String, f64)>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Settings {
    pub(super) version: &'static str,
    pub(super) seconds: f64,
    pub(super) runs: u32,
    pub(super) mib: u32,
    pub(super) direct_io: bool,
    /// Whether the program was built with optimizations; without, its figures say nothing.
    pub(super) optimized: bool,
}

impl Settings {
    pub(super) fn new(args: &BenchArgs, direct_io: bool) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            seconds: args.seconds,
            runs: args.runs,
            mib: args.mib,
            direct_io,
            optimized: !cfg!(debug_assertions),
        }
    }
}

/// The rows of a group as a table: its headings, and a line of cells for each row.
pub(super) struct Section {
    pub(super) group: Group,
    pub(super) metrics: Vec<Metric>,
    pub(super) lines: Vec<Vec<String>>,
}

impl BenchReport {
    pub(super) fn new(settings: Settings, machine: Machine, rounds: &[Round]) -> Self {
        let rows = summarize(rounds);
        Self {
            settings,
            machine,
            goals: judge(&rows),
            unsteady: unsteady(&rows),
            rows,
        }
    }

    pub(super) fn group(&self, group: Group) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.group == group)
    }

    /// A table for each group that was measured.
    pub(super) fn sections(&self) -> Vec<Section> {
        let groups = Group::ALL.into_iter();
        let sections = groups.map(|group| {
            let figures = self.group(group).flat_map(|row| &row.figures);
            let mut metrics: Vec<Metric> = figures.map(|figure| figure.metric).collect();
            metrics.sort();
            metrics.dedup();
            let cell = |row: &Row, metric: Metric| {
                let median = row.median(metric);
                median.map_or_else(String::new, |median| metric.show(median))
            };
            let line = |row: &Row| {
                let cells = metrics.iter().map(|&metric| cell(row, metric));
                std::iter::once(row.name.clone()).chain(cells).collect()
            };
            Section {
                group,
                lines: self.group(group).map(line).collect(),
                metrics,
            }
        });
        sections
            .filter(|section| !section.lines.is_empty())
            .collect()
    }

    /// Names and values of what was measured where.
    pub(super) fn facts(&self) -> Vec<(&'static str, String)> {
        let (settings, machine) = (&self.settings, &self.machine);
        let unknown = || "unknown".to_owned();
        let mut facts = vec![
            ("version", settings.version.to_owned()),
            (
                "each timed row",
                format!("{} s, {} rounds, medians", settings.seconds, settings.runs),
            ),
            ("payload of streams", format!("{} MiB", settings.mib)),
            (
                "writes",
                if settings.direct_io {
                    "direct, each durable by itself"
                } else {
                    "buffered, each followed by a sync"
                }
                .to_owned(),
            ),
            ("CPUs", machine.cpus.to_string()),
            ("CPU", machine.cpu.clone().unwrap_or_else(unknown)),
            ("kernel", machine.kernel.clone().unwrap_or_else(unknown)),
        ];
        if let Some(load) = machine.load_before {
            facts.push(("load before", format!("{load:.2}")));
        }
        for (row, spread) in &self.unsteady {
            facts.push((
                "UNSTEADY DISK",
                format!("{row}: {spread:.1} times faster at one moment"),
            ));
        }
        if !settings.optimized {
            facts.push(("NOT OPTIMIZED", "build with --release".to_owned()));
        }
        facts
    }

    /// What was meant to be reached: the row, the figure, the limit, what it is, and whether it is
    /// reached.
    pub(super) fn goal_lines(&self) -> Vec<[String; 5]> {
        let line = |goal: &Judged| {
            let limit = goal.metric.show(goal.bound.limit());
            [
                goal.what.clone(),
                goal.metric.heading().to_owned(),
                format!("{} {limit}", goal.bound.words()),
                goal.metric.show(goal.value),
                if goal.is_met() { "yes" } else { "NO" }.to_owned(),
            ]
        };
        self.goals.iter().map(line).collect()
    }
}

impl Answer for BenchReport {
    fn text(&self) -> String {
        use Column::{Left, Right};
        let mut parts = vec![text::facts(self.facts())];
        for section in self.sections() {
            let columns: Vec<Column> = std::iter::once(Left("row"))
                .chain(section.metrics.iter().map(|metric| Right(metric.heading())))
                .collect();
            let table = text::table(&columns, section.lines);
            parts.push(format!("{}\n{table}", section.group.title()));
        }
        let goals = self.goal_lines();
        if !goals.is_empty() {
            let columns = [
                Left("row"),
                Left("figure"),
                Right("wanted"),
                Right("measured"),
                Left("reached"),
            ];
            parts.push(format!("Goals\n{}", text::table(&columns, goals)));
        }
        parts.join("\n\n")
    }
}

#[derive(Serialize)]
struct ReportJson<'a> {
    settings: &'a Settings,
    machine: &'a Machine,
    rows: Vec<RowJson<'a>>,
    goals: Vec<GoalJson<'a>>,
    unsteady: Vec<UnsteadyJson<'a>>,
}

#[derive(Serialize)]
struct UnsteadyJson<'a> {
    row: &'a str,
    spread: f64,
}

#[derive(Serialize)]
struct RowJson<'a> {
    group: &'static str,
    name: &'a str,
    figures: BTreeMap<&'static str, FigureJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    latency: Option<LatencyJson>,
}

#[derive(Serialize)]
struct FigureJson<'a> {
    median: f64,
    runs: &'a [f64],
}

#[derive(Serialize)]
struct LatencyJson {
    count: u64,
    quantiles: Vec<QuantileJson>,
}

#[derive(Serialize)]
struct QuantileJson {
    quantile: f64,
    us: f64,
}

#[derive(Serialize)]
struct GoalJson<'a> {
    row: &'a str,
    figure: &'static str,
    bound: &'static str,
    limit: f64,
    value: f64,
    reached: bool,
}

impl<'a> RowJson<'a> {
    fn new(row: &'a Row) -> Self {
        let figures = row.figures.iter().map(|figure| {
            let json = FigureJson {
                median: figure.median,
                runs: &figure.runs,
            };
            (figure.metric.key(), json)
        });
        let latency = row.latency.as_ref().map(|latency| LatencyJson {
            count: latency.count(),
            quantiles: latency
                .quantiles()
                .into_iter()
                .map(|(quantile, us)| QuantileJson { quantile, us })
                .collect(),
        });
        Self {
            group: row.group.name(),
            name: &row.name,
            figures: figures.collect(),
            latency,
        }
    }
}

impl<'a> GoalJson<'a> {
    fn new(goal: &'a Judged) -> Self {
        Self {
            row: &goal.what,
            figure: goal.metric.key(),
            bound: goal.bound.words(),
            limit: goal.bound.limit(),
            value: goal.value,
            reached: goal.is_met(),
        }
    }
}

impl Serialize for BenchReport {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let json = ReportJson {
            settings: &self.settings,
            machine: &self.machine,
            rows: self.rows.iter().map(RowJson::new).collect(),
            goals: self.goals.iter().map(GoalJson::new).collect(),
            unsteady: self
                .unsteady
                .iter()
                .map(|(row, spread)| UnsteadyJson {
                    row,
                    spread: *spread,
                })
                .collect(),
        };
        json.serialize(serializer)
    }
}
