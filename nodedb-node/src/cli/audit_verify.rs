//! `audit verify`: whether the entries of the audit trail are what was written.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::place::{Look, Place};
use super::text;
use crate::audit::{AuditFinding, AuditPlace, AuditReport, verify};

#[derive(Debug, Args)]
pub(super) struct AuditVerifyArgs {
    #[command(flatten)]
    place: Place,
}

#[derive(Debug, Serialize)]
struct Verification {
    wal: PathBuf,
    catalog: &'static str,
    sound: bool,
    entries: u64,
    compared: u64,
    seals: u64,
    seals_unchecked: u64,
    unsealed: u64,
    last_number: Option<u64>,
    digest: Option<String>,
    bytes_read: u64,
    log_bytes: u64,
    finding: Option<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    lsn: u64,
    place: &'static str,
    error: String,
}

pub(super) fn run(args: &AuditVerifyArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let look = args.place.open()?;
    let report = verify(look.log, look.catalog.as_ref(), &look.reader)?;
    let answer = Verification::new(args, &look, &report);
    output.answer(&answer)?;
    Ok(if answer.sound {
        Outcome::Fine
    } else {
        Outcome::Damaged
    })
}

impl Verification {
    fn new(args: &AuditVerifyArgs, look: &Look, report: &AuditReport) -> Self {
        Self {
            wal: args.place.wal.clone(),
            catalog: look.catalog_is,
            sound: report.finding.is_none(),
            entries: report.entries,
            compared: report.compared,
            seals: report.seals,
            seals_unchecked: report.seals_unchecked,
            unsealed: report.unsealed,
            last_number: report.end.map(|end| end.number),
            digest: report.end.map(|end| end.digest.to_string()),
            bytes_read: look.bytes_read(report.bytes_read),
            log_bytes: look.reader.total_size_bytes(),
            finding: report.finding.as_ref().map(Finding::new),
        }
    }
}

impl Finding {
    fn new(finding: &AuditFinding) -> Self {
        Self {
            lsn: finding.lsn.value(),
            place: match finding.place {
                AuditPlace::Catalog => "catalog",
                AuditPlace::Log => "log",
            },
            error: text::chain(&finding.fault),
        }
    }
}

impl Answer for Verification {
    fn text(&self) -> String {
        let verdict = if self.sound { "sound" } else { "WRONG" };
        let digest = self.digest.as_deref().unwrap_or("unknown");
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("catalog", self.catalog.to_owned()),
            ("verdict", verdict.to_owned()),
            ("entries", text::count(self.entries)),
            ("in catalog and log", text::count(self.compared)),
            ("seals that fit", text::count(self.seals)),
            ("seals not checked", text::count(self.seals_unchecked)),
            ("entries not sealed yet", text::count(self.unsealed)),
            ("digest", digest.to_owned()),
            (
                "read of the log",
                format!(
                    "{} of {}",
                    text::size(self.bytes_read),
                    text::size(self.log_bytes)
                ),
            ),
        ]);
        let finding = self.finding.as_ref().map(|finding| {
            let Finding { lsn, place, error } = finding;
            format!("\nwrong: the entry of record {lsn} in the {place}: {error}")
        });
        facts + &finding.unwrap_or_default()
    }
}
