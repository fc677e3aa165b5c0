//! What was measured as tables, for a terminal and for a document.

use comfy_table::{CellAlignment, Table as Terminal, presets};

use crate::compare::{figure, versus};
use crate::figures::{Metric, Sample};
use crate::peer::Kind;
use crate::peers;

/// One table: what it shows, in which columns.
struct Shown {
    title: &'static str,
    metric: Metric,
    columns: &'static [(&'static str, &'static str)],
}

const COMMITS: [(&str, &str); 5] = [
    ("commit-1", "1 thread"),
    ("commit-4", "4"),
    ("commit-16", "16"),
    ("commit-64", "64"),
    ("commit-256", "256"),
];
const STREAMS: [(&str, &str); 4] = [
    ("stream-64", "64 B"),
    ("stream-256", "256 B"),
    ("stream-4k", "4 KiB"),
    ("stream-64k", "64 KiB"),
];
const REPLAYS: [(&str, &str); 5] = [
    ("replay-64-warm", "64 B, warm"),
    ("replay-256-warm", "256 B, warm"),
    ("replay-4k-warm", "4 KiB, warm"),
    ("replay-4k-cold", "4 KiB, cold"),
    ("replay-64k-warm", "64 KiB, warm"),
];
const OPENS: [(&str, &str); 2] = [
    ("open-closed", "after a close"),
    ("open-crashed", "after a crash"),
];

const SHOWN: [Shown; 12] = [
    shown(
        "Durable commits of 256 B, per second",
        Metric::PerSecond,
        &COMMITS,
    ),
    shown(
        "Durable commits of 256 B, p50 in us",
        Metric::P50Micros,
        &COMMITS,
    ),
    shown(
        "Durable commits of 256 B, p99 in us",
        Metric::P99Micros,
        &COMMITS,
    ),
    shown("Stream, records per second", Metric::PerSecond, &STREAMS),
    shown(
        "Stream, GB/s of payload",
        Metric::GigabytesPerSecond,
        &STREAMS,
    ),
    shown(
        "Stream, bytes on disk per byte of payload",
        Metric::DiskPerPayload,
        &STREAMS,
    ),
    shown("Replay, records per second", Metric::PerSecond, &REPLAYS),
    shown(
        "Replay, GB/s of payload",
        Metric::GigabytesPerSecond,
        &REPLAYS,
    ),
    shown("Replay, peak memory in MiB", Metric::PeakMib, &REPLAYS),
    shown("Open, until it returns, in ms", Metric::OpenMillis, &OPENS),
    shown(
        "Open, until a first record is durable, in ms",
        Metric::FirstDurableMillis,
        &OPENS,
    ),
    shown("Stream, peak memory in MiB", Metric::PeakMib, &STREAMS),
];

const fn shown(
    title: &'static str,
    metric: Metric,
    columns: &'static [(&'static str, &'static str)],
) -> Shown {
    Shown {
        title,
        metric,
        columns,
    }
}

/// A table as text: a title, headings, lines.
#[derive(Clone, Debug, PartialEq)]
struct Table {
    title: String,
    headings: Vec<String>,
    lines: Vec<Vec<String>>,
}

/// Everything, for a terminal.
pub(crate) fn text(facts: &str, samples: &[Sample]) -> String {
    let tables = tables(samples).into_iter().map(|table| {
        let mut terminal = Terminal::new();
        terminal
            .load_style(presets::NOTHING)
            .set_header(&table.headings)
            .add_rows(&table.lines);
        for column in terminal.column_iter_mut().skip(1) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        format!("{}\n{}", table.title, terminal.trim_fmt())
    });
    let mut parts = vec![facts.to_owned()];
    parts.extend(tables);
    parts.extend(
        behind(samples).map(|lines| format!("Where a peer is ahead\n{}", lines.join("\n"))),
    );
    parts.extend(failures(samples).map(|lines| format!("What did not work\n{}", lines.join("\n"))));
    parts.join("\n\n")
}

/// Everything, as Markdown.
pub(crate) fn markdown(facts: &str, samples: &[Sample]) -> String {
    let mut tables = tables(samples);
    tables.push(promises());
    let mut parts = vec![facts.to_owned()];
    parts.extend(tables.into_iter().map(|table| {
        let cells = |cells: &[String]| format!("| {} |", cells.join(" | "));
        let rule = |at: usize| {
            if at == 0 || table.title == PROMISES {
                "---"
            } else {
                "--:"
            }
        };
        let rules: Vec<String> = (0..table.headings.len())
            .map(|at| rule(at).to_owned())
            .collect();
        let mut lines = vec![cells(&table.headings), cells(&rules)];
        lines.extend(table.lines.iter().map(|line| cells(line)));
        format!("**{}**\n\n{}", table.title, lines.join("\n"))
    }));
    let list = |title: &str, lines: Vec<String>| {
        let lines: Vec<String> = lines.iter().map(|line| format!("- {line}")).collect();
        format!("**{title}**\n\n{}", lines.join("\n"))
    };
    parts.extend(behind(samples).map(|lines| list("Where a peer is ahead", lines)));
    parts.extend(failures(samples).map(|lines| list("What did not work", lines)));
    parts.join("\n\n") + "\n"
}

/// The tables of which anything was measured.
fn tables(samples: &[Sample]) -> Vec<Table> {
    SHOWN
        .iter()
        .filter_map(|shown| shown.table(samples))
        .collect()
}

impl Shown {
    fn table(&self, samples: &[Sample]) -> Option<Table> {
        let has_any = |row: &str| samples.iter().any(|sample| sample.row == row);
        let columns: Vec<_> = self
            .columns
            .iter()
            .filter(|(row, _)| has_any(row))
            .collect();
        let mut lines: Vec<Vec<String>> = peers::ALL
            .iter()
            .copied()
            .filter_map(|kind| self.line(samples, kind, &columns))
            .collect();
        if lines.is_empty() {
            return None;
        }
        let compared = columns
            .iter()
            .map(|(row, _)| versus(samples, row, self.metric));
        let compared: Vec<_> = compared.collect();
        let cells = |cell: fn(&crate::compare::Versus) -> String| {
            let cells = compared
                .iter()
                .map(move |versus| versus.as_ref().map_or_else(String::new, cell));
            cells.collect::<Vec<String>>()
        };
        let with_name = |name: &str, cells: Vec<String>| [vec![name.to_owned()], cells].concat();
        lines.push(with_name(
            "best peer",
            cells(|versus| versus.peer.name.to_owned()),
        ));
        let ratios = cells(|versus| format!("{:.2} x", versus.times_better));
        let how = if self.metric.rises() {
            "ours / best peer"
        } else {
            "best peer / ours"
        };
        lines.push(with_name(how, ratios));
        let headings = columns.iter().map(|(_, heading)| (*heading).to_owned());
        Some(Table {
            title: self.title.to_owned(),
            headings: std::iter::once(String::new()).chain(headings).collect(),
            lines,
        })
    }

    /// A peer's line; `None` if there is nothing in it.
    fn line(
        &self,
        samples: &[Sample],
        kind: &Kind,
        columns: &[&(&str, &str)],
    ) -> Option<Vec<String>> {
        let figures = columns
            .iter()
            .map(|(row, _)| figure(samples, kind.name, row, self.metric));
        let figures: Vec<Option<f64>> = figures.collect();
        let failed = |row: &str| {
            let mut of_row = samples
                .iter()
                .filter(|s| s.peer == kind.name && s.row == row);
            of_row.any(|sample| sample.failure.is_some())
        };
        let is_there =
            figures.iter().any(Option::is_some) || columns.iter().any(|(row, _)| failed(row));
        is_there.then(|| {
            let cells = figures
                .iter()
                .zip(columns)
                .map(|(figure, (row, _))| match figure {
                    Some(value) => self.metric.show(*value),
                    None if failed(row) => "failed".to_owned(),
                    None => String::new(),
                });
            std::iter::once(kind.title.to_owned())
                .chain(cells)
                .collect()
        })
    }
}

const PROMISES: &str = "What each of them does";

/// What a commit, a stream and a replay is, of each.
fn promises() -> Table {
    let line = |kind: &&Kind| {
        let cells = [kind.title, kind.commit, kind.stream, kind.replay];
        cells.map(str::to_owned).to_vec()
    };
    Table {
        title: PROMISES.to_owned(),
        headings: ["", "commit", "stream", "replay"]
            .map(str::to_owned)
            .to_vec(),
        lines: peers::ALL.iter().map(line).collect(),
    }
}

/// Every figure in which a rival is better; `None` if there is none.
fn behind(samples: &[Sample]) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for shown in &SHOWN {
        for (row, heading) in shown.columns {
            if let Some(versus) = versus(samples, row, shown.metric)
                && versus.times_better < 1.0
            {
                let (title, name) = (shown.title, versus.peer.name);
                lines.push(format!(
                    "{title}, {heading}: {name} ({:.2} x)",
                    versus.times_better
                ));
            }
        }
    }
    (!lines.is_empty()).then_some(lines)
}

fn failures(samples: &[Sample]) -> Option<Vec<String>> {
    let failed = samples.iter().filter_map(|sample| {
        let why = sample.failure.as_ref()?;
        Some(format!("{}, {}: {why}", sample.peer, sample.row))
    });
    let mut lines: Vec<String> = failed.collect();
    lines.sort();
    lines.dedup();
    (!lines.is_empty()).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Figures;

    fn sample(peer: &str, value: Option<f64>) -> Sample {
        Sample {
            peer: peer.to_owned(),
            row: "commit-4".to_owned(),
            round: 0,
            figures: value
                .map(|value| (Metric::PerSecond, value))
                .into_iter()
                .collect::<Figures>(),
            failure: value.is_none().then(|| "no disk".to_owned()),
        }
    }

    #[test]
    fn tables_say_who_is_best_who_is_ahead_and_what_failed() {
        let samples = [
            sample("ours", Some(1000.0)),
            sample("okaywal", Some(2000.0)),
            sample("redb", None),
        ];
        let markdown = markdown("facts", &samples);
        for line in [
            "|  | 4 |",
            "| --- | --: |",
            "| okaywal 0.3.1 | 2.00 k |",
            "| redb 4.4.0 | failed |",
            "| best peer | okaywal |",
            "| ours / best peer | 0.50 x |",
            "- Durable commits of 256 B, per second, 4: okaywal (0.50 x)",
            "- redb, commit-4: no disk",
        ] {
            assert!(
                markdown.lines().any(|found| found == line),
                "{line}\n{markdown}"
            );
        }
        assert!(text("facts", &samples).contains("okaywal"));
    }
}
