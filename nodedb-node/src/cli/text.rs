//! Text for people: tables, times, sizes.

use std::error::Error;
use std::time::Duration;

use comfy_table::{CellAlignment, Row, Table, presets};
use indicatif::{HumanBytes, HumanCount};
use nodedb_wal::Verdict;
use nodedb_wal::types::Timestamp;

/// A column of a table: its heading, and where its cells stand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    Left(&'static str),
    /// Numbers.
    Right(&'static str),
}

/// An aligned table under headings.
pub(super) fn table<R: Into<Row>>(columns: &[Column], rows: impl IntoIterator<Item = R>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(columns.iter().map(|column| match column {
        Column::Left(heading) | Column::Right(heading) => *heading,
    }));
    table.add_rows(rows);
    for (index, column) in columns.iter().enumerate() {
        if let (Column::Right(_), Some(cells)) = (column, table.column_mut(index)) {
            cells.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// Names and values, one pair a line.
pub(super) fn facts<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.add_rows(
        pairs
            .into_iter()
            .map(|(name, value)| [name.to_owned(), value]),
    );
    table.trim_fmt()
}

/// RFC 3339, UTC.
pub(super) fn time(timestamp: Timestamp) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(timestamp.as_nanos())) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{} ns", timestamp.as_nanos()),
    }
}

/// Two digits a byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn size(bytes: u64) -> String {
    HumanBytes(bytes).to_string()
}

pub(super) fn count(number: u64) -> String {
    HumanCount(number).to_string()
}

/// An error and everything that led to it, on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// What recovery decides about the end of a log.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::CleanEnd => "clean end",
        Verdict::TornTail => "torn tail",
        Verdict::HalfBatch => "half batch",
    }
}

pub(super) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// How many per second; 0 when no time passed.
#[expect(
    clippy::cast_precision_loss,
    reason = "a rate for people to read, not a count"
)]
pub(super) fn per_second(number: u64, duration: Duration) -> f64 {
    let seconds = duration.as_secs_f64();
    if seconds > 0.0 {
        number as f64 / seconds
    } else {
        0.0
    }
}

/// How much of the first comes on one of the second; 0 where there is none of the second.
#[expect(
    clippy::cast_precision_loss,
    reason = "a figure for people to read, not a count"
)]
pub(super) fn quotient(number: u64, of: u64) -> f64 {
    if of > 0 {
        number as f64 / of as f64
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339_in_utc_to_the_nanosecond() {
        let cases = [
            (0, "1970-01-01T00:00:00Z"),
            (1_400_030_040_000_000_001, "2014-05-14T01:14:00.000000001Z"),
            (-1, "1969-12-31T23:59:59.999999999Z"),
            (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
            (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
        ];
        for (nanos, expected) in cases {
            assert_eq!(time(Timestamp::from_nanos(nanos)), expected);
        }
    }

    #[test]
    fn columns_are_aligned() {
        let text = table(
            &[Column::Left("name"), Column::Right("n")],
            [["a", "1"], ["long", "200"]],
        );
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].ends_with("  1"), "{text}");
    }
}
