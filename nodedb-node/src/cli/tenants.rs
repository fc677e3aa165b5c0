//! `tenants`: what each tenant's databases have written, and what of that the log still holds.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::look::look;
use super::text::{self, Column};
use crate::tenants::{Amount, SegmentUsage, UsageReport, usage};

#[derive(Debug, Args)]
pub(super) struct TenantsArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
}

#[derive(Debug, Serialize)]
struct Tenants {
    wal: PathBuf,
    start_lsn: u64,
    durable_lsn: u64,
    tenants: Vec<Row>,
    /// Of databases beyond the first 1,024 of a segment.
    others: Uses,
    /// Records that were dropped without being counted.
    unknown_records: u64,
}

#[derive(Debug, Serialize)]
struct Row {
    tenant: u64,
    database: u64,
    #[serde(flatten)]
    uses: Uses,
}

/// Bytes are payload bytes and 64 a record.
#[derive(Debug, Serialize)]
struct Uses {
    written_records: u64,
    written_bytes: u64,
    retained_records: u64,
    retained_bytes: u64,
}

pub(super) fn run(args: &TenantsArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    output.answer(&Tenants::of(&args.wal)?)?;
    Ok(Outcome::Fine)
}

impl Tenants {
    fn of(directory: &Path) -> Result<Self, CliError> {
        let (reader, catalog) = look(directory, None)?;
        let segments = reader.segments()?.into_iter().map(SegmentUsage::from);
        let segments: Vec<SegmentUsage> = segments.collect();
        let report = usage(&catalog.usage_gone()?, reader.start_lsn(), &segments);
        let durable_lsn = reader.next_lsn().previous().value();
        Ok(Self::new(
            directory,
            reader.start_lsn().value(),
            durable_lsn,
            &report,
        ))
    }

    fn new(directory: &Path, start_lsn: u64, durable_lsn: u64, report: &UsageReport) -> Self {
        Self {
            wal: directory.to_owned(),
            start_lsn,
            durable_lsn,
            tenants: report
                .scopes
                .iter()
                .map(|row| Row {
                    tenant: row.tenant.value(),
                    database: row.database.value(),
                    uses: Uses::new(row.written, row.retained),
                })
                .collect(),
            others: Uses::new(report.others.0, report.others.1),
            unknown_records: report.unknown_records,
        }
    }
}

impl Uses {
    fn new(written: Amount, retained: Amount) -> Self {
        Self {
            written_records: written.records,
            written_bytes: written.bytes(),
            retained_records: retained.records,
            retained_bytes: retained.bytes(),
        }
    }

    fn cells(&self) -> [String; 4] {
        [
            text::count(self.written_records),
            text::size(self.written_bytes),
            text::count(self.retained_records),
            text::size(self.retained_bytes),
        ]
    }
}

impl Answer for Tenants {
    fn text(&self) -> String {
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("LSNs", format!("{}..={}", self.start_lsn, self.durable_lsn)),
            (
                "records of nobody knows whom",
                text::count(self.unknown_records),
            ),
        ]);
        let columns = [
            Column::Right("tenant"),
            Column::Right("database"),
            Column::Right("written"),
            Column::Right("bytes"),
            Column::Right("retained"),
            Column::Right("bytes"),
        ];
        let named = self.tenants.iter().map(|row| {
            let ids = [row.tenant.to_string(), row.database.to_string()];
            ids.into_iter().chain(row.uses.cells()).collect::<Vec<_>>()
        });
        let others = (self.others.written_records > 0).then(|| {
            let ids = ["others".to_owned(), String::new()];
            ids.into_iter().chain(self.others.cells()).collect()
        });
        let rows = named.chain(others);
        format!("{facts}\n\n{}", text::table(&columns, rows))
    }
}
