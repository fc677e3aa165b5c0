//! The report as one page: tables and plots, nothing from anywhere else.

use std::fmt::Write as _;

use super::commit::row_name;
use super::figures::{Group, Metric, whole_size};
use super::plots::{Axis, Line, Plot};
use super::raw_writes::Space;
use super::replay::{self, Cache};
use super::report::BenchReport;
use super::stream;
use super::summary::Row;
use super::work::{PAYLOADS, THREADS};

const STYLE: &str = include_str!("page.css");

/// The whole page.
pub(super) fn page(report: &BenchReport) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>nodedb-wal benchmark</title>\n<style>\n{STYLE}</style>\n\
         <h1>nodedb-wal benchmark</h1>\n"
    );
    let facts = report.facts();
    let facts = facts
        .iter()
        .map(|(name, value)| vec![(*name).to_owned(), value.clone()]);
    page += &table(&[], facts);
    let goals = report.goal_lines();
    if !goals.is_empty() {
        page += "<h2>Goals</h2>\n";
        let headings = ["row", "figure", "wanted", "measured", "reached"];
        page += &table(&headings, goals.into_iter().map(Vec::from));
    }
    for section in report.sections() {
        // Writing into a string cannot fail.
        let _written = writeln!(page, "<h2>{}</h2>", escaped(section.group.title()));
        for (title, plot) in plots(report, section.group) {
            if let Some(svg) = plot.svg() {
                let _written = writeln!(
                    page,
                    "<figure><figcaption>{}</figcaption>{svg}</figure>",
                    escaped(title)
                );
            }
        }
        let mut headings = vec!["row"];
        headings.extend(section.metrics.iter().map(|metric| metric.heading()));
        page += &table(&headings, section.lines);
    }
    page += "</html>\n";
    page
}

fn table(headings: &[&str], lines: impl IntoIterator<Item = Vec<String>>) -> String {
    let row = |cell: &str, cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.map(|text| format!("<{cell}>{}</{cell}>", escaped(text)));
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let mut table = "<div><table>\n".to_owned();
    if !headings.is_empty() {
        table += &row("th", &mut headings.iter().copied());
    }
    for line in lines {
        table += &row("td", &mut line.iter().map(String::as_str));
    }
    table + "</table></div>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

fn plots(report: &BenchReport, group: Group) -> Vec<(&'static str, Plot)> {
    match group {
        Group::Commit => vec![
            ("Commits per second", commits_by_threads(report)),
            ("Latency of a commit", latencies(report, &[group])),
        ],
        Group::Stream => vec![
            (
                "Records per second",
                by_payload(report, &STREAM, Metric::PerSecond, "records/s"),
            ),
            (
                "Payload per second",
                by_payload(report, &STREAM, Metric::GigabytesPerSecond, "GB/s"),
            ),
        ],
        Group::Replay => vec![
            (
                "Records per second",
                by_payload(report, &REPLAY, Metric::PerSecond, "records/s"),
            ),
            (
                "Payload per second",
                by_payload(report, &REPLAY, Metric::GigabytesPerSecond, "GB/s"),
            ),
        ],
        Group::Raw => vec![("Latency of a raw write", latencies(report, &[group]))],
        Group::Rotation | Group::Tenants => {
            vec![("Latency of a commit", latencies(report, &[group]))]
        }
        Group::PerCore | Group::Open => Vec::new(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a place on an axis, not a count"
)]
const fn place(number: usize) -> f64 {
    number as f64
}

fn commits_by_threads(report: &BenchReport) -> Plot {
    let of = |name: &str, group: Group| {
        let mut rows = report.group(group);
        rows.find(|row| row.name == name)?.median(Metric::PerSecond)
    };
    let points = THREADS.iter().filter_map(|&threads| {
        let rate = of(&row_name(threads), Group::Commit)?;
        Some((place(threads), rate))
    });
    let mut lines = vec![Line {
        name: "blocking threads".to_owned(),
        points: points.collect(),
    }];
    if let Some(raw) = of(&Space::Written.small_row(), Group::Raw) {
        let ends = THREADS.iter().map(|&threads| (place(threads), raw));
        lines.push(Line {
            name: "raw 4 KiB durable writes, one in flight".to_owned(),
            points: ends.collect(),
        });
    }
    Plot {
        x: Axis {
            label: "threads",
            marks: THREADS
                .iter()
                .map(|&threads| (place(threads), threads.to_string()))
                .collect(),
        },
        y_label: "commits/s",
        lines,
    }
}

/// A line of a plot over payloads: its name, and the row of each payload.
struct Kind {
    name: &'static str,
    group: Group,
    row: fn(usize) -> String,
}

const STREAM: [Kind; 1] = [Kind {
    name: "1 thread",
    group: Group::Stream,
    row: stream::row,
}];

const REPLAY: [Kind; 3] = [
    Kind {
        name: "warm",
        group: Group::Replay,
        row: |bytes| replay::row(bytes, Cache::Warm),
    },
    Kind {
        name: "cold",
        group: Group::Replay,
        row: |bytes| replay::row(bytes, Cache::Cold),
    },
    Kind {
        name: "warm, 1 % kept",
        group: Group::Replay,
        row: replay::scan_row,
    },
];

fn by_payload(report: &BenchReport, kinds: &[Kind], metric: Metric, y_label: &'static str) -> Plot {
    let line = |kind: &Kind| {
        let points = PAYLOADS.iter().filter_map(|&(bytes, _)| {
            let name = (kind.row)(bytes);
            let row = report.group(kind.group).find(|row| row.name == name)?;
            Some((place(bytes), row.median(metric)?))
        });
        Line {
            name: kind.name.to_owned(),
            points: points.collect(),
        }
    };
    let lines = kinds.iter().map(line);
    Plot {
        x: Axis {
            label: "payload of a record",
            marks: PAYLOADS
                .iter()
                .map(|&(bytes, _)| (place(bytes), whole_size(bytes as u64)))
                .collect(),
        },
        y_label,
        lines: lines.filter(|line| !line.points.is_empty()).collect(),
    }
}

/// Percentiles by how rare what lies beyond them is.
fn latencies(report: &BenchReport, groups: &[Group]) -> Plot {
    let marks = [
        (0.0, "0"),
        (0.5, "50 %"),
        (0.9, "90 %"),
        (0.99, "99 %"),
        (0.999, "99.9 %"),
        (0.9999, "99.99 %"),
    ];
    let rows = groups.iter().flat_map(|&group| report.group(group));
    let line = |row: &Row| {
        let latency = row.latency.as_ref()?;
        // A percentile is worth drawing when something lies beyond it.
        let beyond = super::commit::ratio(1, latency.count());
        let points = latency.quantiles().into_iter();
        let points = points.filter(|(quantile, us)| 1.0 - quantile > beyond && *us > 0.0);
        Some(Line {
            name: row.name.clone(),
            points: points.map(|(q, us)| (rareness(q), us)).collect(),
        })
    };
    Plot {
        x: Axis {
            label: "percentile",
            marks: marks
                .map(|(quantile, name)| (rareness(quantile), name.to_owned()))
                .into(),
        },
        y_label: "latency, us",
        lines: rows.filter_map(line).collect(),
    }
}

/// One operation in so many takes longer than the percentile.
fn rareness(quantile: f64) -> f64 {
    1.0 / (1.0 - quantile)
}
