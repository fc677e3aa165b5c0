//! `merge`: the records of all cores' logs, in order, one a line.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use nodedb_wal::percore::{CoreReader, MergeOptions};
use nodedb_wal::types::Epoch;
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::core_line::CoreLine;
use super::error::CliError;
use super::text;
use super::values::epoch;

#[derive(Debug, Args)]
pub(super) struct MergeArgs {
    /// The directory of the cores' logs.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// No record of a later epoch.
    #[arg(long, value_name = "EPOCH", value_parser = epoch)]
    until_epoch: Option<Epoch>,
    /// Only epochs that ended on every core.
    #[arg(long)]
    complete: bool,
    /// Only records behind the last consistent cut.
    #[arg(long)]
    from_cut: bool,
    /// Print no records, only what they come to.
    #[arg(long)]
    quiet: bool,
}

/// What the records come to.
#[derive(Debug, Serialize)]
struct Account {
    wal: PathBuf,
    cores: usize,
    records: u64,
    payload_bytes: u64,
    /// Records that count no more, because their source brought them again.
    taken_out: u64,
    /// The last epoch that was asked for, or that is complete.
    until_epoch: Option<u64>,
    cut_epoch: Option<u64>,
    seconds: f64,
    records_per_second: f64,
}

pub(super) fn run(args: &MergeArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let reader = CoreReader::open(&args.wal)?;
    let started = Instant::now();
    let mut merge = reader.merge(&args.options())?;
    while let Some(merged) = merge.next()? {
        if !args.quiet {
            output.line(&CoreLine::new(merged.core, &merged.record.header))?;
        }
    }
    let (stats, duration) = (merge.stats(), started.elapsed());
    if args.quiet {
        output.answer(&Account {
            wal: args.wal.clone(),
            cores: reader.cores().count(),
            records: stats.records,
            payload_bytes: stats.payload_bytes,
            taken_out: stats.taken_out,
            until_epoch: stats.until_epoch.map(Epoch::value),
            cut_epoch: reader.last_cut().map(|cut| cut.epoch.value()),
            seconds: duration.as_secs_f64(),
            records_per_second: text::per_second(stats.records, duration),
        })?;
    }
    Ok(Outcome::Fine)
}

impl MergeArgs {
    fn options(&self) -> MergeOptions {
        let mut options = MergeOptions::all();
        if let Some(last) = self.until_epoch {
            options = options.until_epoch(last);
        }
        if self.complete {
            options = options.complete();
        }
        if self.from_cut {
            options = options.from_cut();
        }
        options
    }
}

impl Answer for Account {
    fn text(&self) -> String {
        let or_none = |epoch: Option<u64>| epoch.map_or("none".to_owned(), |e| e.to_string());
        text::facts([
            ("directory", self.wal.display().to_string()),
            ("cores", self.cores.to_string()),
            ("records", text::count(self.records)),
            ("payload", text::size(self.payload_bytes)),
            ("taken out", text::count(self.taken_out)),
            ("until epoch", or_none(self.until_epoch)),
            ("epoch of the last cut", or_none(self.cut_epoch)),
            ("took", format!("{:.3} s", self.seconds)),
            (
                "records per second",
                format!("{:.0}", self.records_per_second),
            ),
        ])
    }
}
