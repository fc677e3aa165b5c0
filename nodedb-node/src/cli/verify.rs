//! `verify`: reads and checks every byte of a log, and says what is wrong where.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use nodedb_wal::{Dropped, Finding, Reader, VerifyReport};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::{progress, text};

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
}

#[derive(Debug, Serialize)]
struct Verification {
    wal: PathBuf,
    /// What recovery would decide; nothing when it would refuse.
    verdict: Option<&'static str>,
    damaged: bool,
    segments: usize,
    records: u64,
    bytes_read: u64,
    seconds: f64,
    dropped: Option<DroppedTail>,
    findings: Vec<Damage>,
}

#[derive(Debug, Serialize)]
struct DroppedTail {
    file: PathBuf,
    offset: u64,
    records: u64,
}

#[derive(Debug, Serialize)]
struct Damage {
    file: PathBuf,
    offset: u64,
    first_lsn: Option<u64>,
    last_lsn: Option<u64>,
    error: String,
}

pub(super) fn run(args: &VerifyArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let started = Instant::now();
    let reader = Reader::open_damaged(&args.wal)?;
    let bar = progress::bytes(reader.total_size_bytes(), "checking");
    let report = reader.verify(&mut |done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let mut answer = Verification::new(args, &report?);
    answer.seconds = started.elapsed().as_secs_f64();
    output.answer(&answer)?;
    Ok(if answer.damaged {
        Outcome::Damaged
    } else {
        Outcome::Fine
    })
}

impl Verification {
    fn new(args: &VerifyArgs, report: &VerifyReport) -> Self {
        Self {
            wal: args.wal.clone(),
            verdict: report.verdict.map(text::verdict),
            damaged: report.verdict.is_none() || !report.findings.is_empty(),
            segments: report.segments,
            records: report.records,
            bytes_read: report.bytes_read,
            seconds: 0.0,
            dropped: report.dropped.as_ref().map(DroppedTail::new),
            findings: report.findings.iter().map(Damage::new).collect(),
        }
    }
}

impl DroppedTail {
    fn new(dropped: &Dropped) -> Self {
        Self {
            file: dropped.path.clone(),
            offset: dropped.offset,
            records: dropped.records,
        }
    }
}

impl Damage {
    fn new(finding: &Finding) -> Self {
        Self {
            file: finding.path.clone(),
            offset: finding.offset,
            first_lsn: finding.lsns.map(|lsns| lsns.first.value()),
            last_lsn: finding.lsns.map(|lsns| lsns.last.value()),
            error: text::chain(&finding.error),
        }
    }

    fn line(&self) -> String {
        let lsns = match (self.first_lsn, self.last_lsn) {
            (Some(first), Some(last)) => format!(", records {first}..={last}"),
            _ => String::new(),
        };
        let (file, offset) = (self.file.display(), self.offset);
        format!("damage: {file}, offset {offset}{lsns}: {}", self.error)
    }
}

impl Answer for Verification {
    fn text(&self) -> String {
        let dropped = self.dropped.as_ref().map(|dropped| {
            let (file, offset) = (dropped.file.display(), dropped.offset);
            format!(
                "{file} from offset {offset} on, {} records",
                dropped.records
            )
        });
        let verdict = if self.damaged { "DAMAGED" } else { "sound" };
        let end = self.verdict.unwrap_or("damaged, would not open");
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("verdict", verdict.to_owned()),
            ("end of log", end.to_owned()),
            (
                "never acknowledged",
                dropped.unwrap_or_else(|| "nothing".to_owned()),
            ),
            ("segments", self.segments.to_string()),
            ("records", text::count(self.records)),
            (
                "read",
                format!("{} in {:.3} s", text::size(self.bytes_read), self.seconds),
            ),
        ]);
        let findings = self.findings.iter().map(Damage::line);
        std::iter::once(facts)
            .chain(findings)
            .collect::<Vec<_>>()
            .join("\n")
    }
}
