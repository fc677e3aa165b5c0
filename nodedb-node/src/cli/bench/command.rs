//! The command: every workload in turn, round after round, on one directory.

use std::path::Path;

use tempfile::TempDir;

use super::BenchArgs;
use super::compare::beside_others;
use super::figures::{Round, Sample};
use super::html;
use super::machine::Machine;
use super::place::{io, takes_direct_io};
use super::report::{BenchReport, Settings};
use super::worker;
use crate::cli::answer::{Outcome, Output};
use crate::cli::error::CliError;
use crate::cli::progress;

pub(in crate::cli) fn run(args: &BenchArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let machine = Machine::now();
    let home = TempDir::with_prefix_in("nodedb-bench-", &args.dir)
        .map_err(io("make a directory in", &args.dir))?;
    let settings = Settings::new(args, takes_direct_io(home.path())?);
    let rounds = measure(args, home.path())?;
    // What was measured takes space that is not needed any more.
    home.close()
        .map_err(io("remove what was made in", &args.dir))?;
    let report = BenchReport::new(settings, machine, &rounds);
    output.answer(&report)?;
    // After the answer: a page that cannot be written loses no figure.
    if let Some(path) = &args.html {
        write_page(path, &report)?;
    }
    Ok(Outcome::Fine)
}

fn measure(args: &BenchArgs, home: &Path) -> Result<Vec<Round>, CliError> {
    let works = args.works();
    let total = u64::from(args.runs) * works.len() as u64;
    let bar = progress::counted(total, "measuring");
    let mut rounds = Vec::new();
    for _ in 0..args.runs {
        let mut round = Round::default();
        for work in &works {
            bar.set_message(work.name());
            let samples = worker::run(args, home, work)?.into_iter();
            let compared: Vec<Sample> = samples
                .map(|sample| beside_others(sample, &round))
                .collect();
            round.samples.extend(compared);
            bar.inc(1);
        }
        rounds.push(round);
    }
    bar.finish_and_clear();
    Ok(rounds)
}

fn write_page(path: &Path, report: &BenchReport) -> Result<(), CliError> {
    std::fs::write(path, html::page(report)).map_err(io("write", path))
}
