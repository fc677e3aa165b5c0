//! `inspect`: what a log holds, told by its headers and footers.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use nodedb_wal::types::{LsnRange, Timestamp};
use nodedb_wal::{Reader, RecoveryReport, SegmentInfo};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::text::{self, Column};

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
}

#[derive(Debug, Serialize)]
struct Inspection {
    wal: PathBuf,
    in_use: bool,
    start_lsn: u64,
    durable_lsn: u64,
    records: u64,
    oldest: Option<String>,
    newest: Option<String>,
    first_epoch: Option<u64>,
    last_epoch: Option<u64>,
    file_bytes: u64,
    payload_bytes: u64,
    /// Writes that brought the records to the disk.
    writes: u64,
    records_per_write: f64,
    /// Payload bytes.
    payload_bytes_per_write: f64,
    /// Bytes of all files to a byte of payload.
    file_bytes_per_payload_byte: f64,
    recovery: Recovery,
    kinds: Vec<Count>,
    tenants: Vec<TenantCount>,
    segments: Vec<Segment>,
}

#[derive(Debug, Serialize)]
struct Recovery {
    verdict: String,
    dropped_file: Option<PathBuf>,
    dropped_offset: Option<u64>,
    dropped_records: u64,
    bytes_read: u64,
    milliseconds: f64,
}

#[derive(Debug, Serialize)]
struct Count {
    kind: String,
    number: u16,
    records: u64,
}

#[derive(Debug, Serialize)]
struct TenantCount {
    tenant: u64,
    records: u64,
}

#[derive(Debug, Serialize)]
struct Segment {
    file: PathBuf,
    number: u64,
    first_lsn: u64,
    last_lsn: u64,
    records: u64,
    sealed: bool,
    created_at: String,
    oldest: Option<String>,
    newest: Option<String>,
    file_bytes: u64,
    data_bytes: u64,
    payload_bytes: u64,
    writes: u64,
}

pub(super) fn run(args: &InspectArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let reader = Reader::open(&args.wal)?;
    let segments = reader.segments()?;
    output.answer(&Inspection::new(args, &reader, &segments))?;
    Ok(Outcome::Fine)
}

impl Inspection {
    fn new(args: &InspectArgs, reader: &Reader, segments: &[SegmentInfo]) -> Self {
        let times = || segments.iter().filter_map(|segment| segment.times);
        let epochs = || segments.iter().filter_map(|segment| segment.epochs);
        let writes = segments.iter().map(|segment| segment.writes).sum();
        let payload_bytes = segments.iter().map(|segment| segment.payload_bytes).sum();
        let written = segments.iter().map(records).sum();
        let file_bytes = reader.total_size_bytes();
        Self {
            wal: args.wal.clone(),
            in_use: reader.is_in_use(),
            start_lsn: reader.start_lsn().value(),
            durable_lsn: reader.next_lsn().previous().value(),
            // Of a log that is being written, segments may hold records that are not shown yet.
            records: reader.next_lsn().value() - reader.start_lsn().value(),
            oldest: times().map(|(first, _)| first).min().map(text::time),
            newest: times().map(|(_, last)| last).max().map(text::time),
            first_epoch: epochs().map(|(first, _)| first.value()).min(),
            last_epoch: epochs().map(|(_, last)| last.value()).max(),
            file_bytes,
            payload_bytes,
            writes,
            records_per_write: text::quotient(written, writes),
            payload_bytes_per_write: text::quotient(payload_bytes, writes),
            file_bytes_per_payload_byte: text::quotient(file_bytes, payload_bytes),
            recovery: Recovery::new(reader.recovery()),
            kinds: kinds(segments),
            tenants: tenants(segments),
            segments: segments.iter().map(Segment::new).collect(),
        }
    }

    fn facts(&self) -> String {
        let span = |from: &Option<String>, to: &Option<String>| match (from, to) {
            (Some(from), Some(to)) => format!("{from} .. {to}"),
            _ => "none".to_owned(),
        };
        let epochs = self.first_epoch.zip(self.last_epoch);
        text::facts([
            ("directory", self.wal.display().to_string()),
            (
                "open now",
                if self.in_use { "yes" } else { "no" }.to_owned(),
            ),
            ("oldest LSN", self.start_lsn.to_string()),
            ("durable LSN", self.durable_lsn.to_string()),
            ("records", text::count(self.records)),
            ("times", span(&self.oldest, &self.newest)),
            (
                "epochs",
                epochs.map_or("none".to_owned(), |(first, last)| {
                    format!("{first} .. {last}")
                }),
            ),
            ("files", text::size(self.file_bytes)),
            ("payloads", text::size(self.payload_bytes)),
            (
                "writes",
                format!(
                    "{}, of {:.1} records and {:.0} payload bytes on average",
                    text::count(self.writes),
                    self.records_per_write,
                    self.payload_bytes_per_write
                ),
            ),
            (
                "file bytes per payload byte",
                format!("{:.2}", self.file_bytes_per_payload_byte),
            ),
            ("end of log", self.recovery.text()),
        ])
    }
}

impl Answer for Inspection {
    fn text(&self) -> String {
        use Column::{Left, Right};
        let file_name = |segment: &Segment| {
            let name = segment.file.file_name().unwrap_or(segment.file.as_os_str());
            name.to_string_lossy().into_owned()
        };
        let segments = text::table(
            &[
                Left("segment"),
                Right("records"),
                Right("first LSN"),
                Right("last LSN"),
                Left("state"),
                Right("file"),
                Right("data"),
                Right("writes"),
                Left("oldest"),
                Left("newest"),
            ],
            self.segments.iter().map(|segment| {
                [
                    file_name(segment),
                    text::count(segment.records),
                    segment.first_lsn.to_string(),
                    segment.last_lsn.to_string(),
                    if segment.sealed { "sealed" } else { "active" }.to_owned(),
                    text::size(segment.file_bytes),
                    text::size(segment.data_bytes),
                    text::count(segment.writes),
                    segment.oldest.clone().unwrap_or_default(),
                    segment.newest.clone().unwrap_or_default(),
                ]
            }),
        );
        let kinds = text::table(
            &[Left("kind"), Right("number"), Right("records")],
            self.kinds.iter().map(|kind| {
                [
                    kind.kind.clone(),
                    kind.number.to_string(),
                    text::count(kind.records),
                ]
            }),
        );
        let tenants = text::table(
            &[Left("tenant"), Right("records")],
            self.tenants
                .iter()
                .map(|tenant| [tenant.tenant.to_string(), text::count(tenant.records)]),
        );
        [self.facts(), segments, kinds, tenants].join("\n\n")
    }
}

impl Recovery {
    fn new(report: &RecoveryReport) -> Self {
        let dropped = report.dropped.as_ref();
        Self {
            verdict: text::verdict(report.verdict).to_owned(),
            dropped_file: dropped.map(|dropped| dropped.path.clone()),
            dropped_offset: dropped.map(|dropped| dropped.offset),
            dropped_records: dropped.map_or(0, |dropped| dropped.records),
            bytes_read: report.bytes_read,
            milliseconds: text::millis(report.duration),
        }
    }

    fn text(&self) -> String {
        let verdict = &self.verdict;
        match (&self.dropped_file, self.dropped_offset) {
            (Some(file), Some(offset)) => {
                let records = self.dropped_records;
                format!(
                    "{verdict}: {} from {offset} on, {records} records",
                    file.display()
                )
            }
            _ => verdict.clone(),
        }
    }
}

impl Segment {
    fn new(info: &SegmentInfo) -> Self {
        let time =
            |pick: fn((Timestamp, Timestamp)) -> Timestamp| info.times.map(pick).map(text::time);
        Self {
            file: info.path.clone(),
            number: info.number,
            first_lsn: info.first_lsn.value(),
            last_lsn: info.last_lsn.value(),
            records: records(info),
            sealed: info.sealed,
            created_at: text::time(info.created_at),
            oldest: time(|(first, _)| first),
            newest: time(|(_, last)| last),
            file_bytes: info.file_bytes,
            data_bytes: info.data_bytes,
            payload_bytes: info.payload_bytes,
            writes: info.writes,
        }
    }
}

fn records(info: &SegmentInfo) -> u64 {
    let range = LsnRange {
        first: info.first_lsn,
        last: info.last_lsn,
    };
    if range.first <= range.last {
        range.count()
    } else {
        0
    }
}

fn kinds(segments: &[SegmentInfo]) -> Vec<Count> {
    let mut sums = BTreeMap::new();
    for (kind, records) in segments.iter().flat_map(|segment| &segment.kinds) {
        *sums.entry(*kind).or_insert(0) += records;
    }
    let counts = sums.into_iter().map(|(kind, records)| Count {
        kind: kind.to_string(),
        number: kind.number(),
        records,
    });
    counts.collect()
}

fn tenants(segments: &[SegmentInfo]) -> Vec<TenantCount> {
    let mut sums = BTreeMap::new();
    for (tenant, records) in segments.iter().flat_map(|segment| &segment.tenants) {
        *sums.entry(tenant.value()).or_insert(0) += records;
    }
    let counts = sums
        .into_iter()
        .map(|(tenant, records)| TenantCount { tenant, records });
    counts.collect()
}
