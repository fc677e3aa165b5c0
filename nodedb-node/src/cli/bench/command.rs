//! The command: every workload in turn, round after round, on one directory.

use std::path::Path;

use super::BenchArgs;
use super::figures::Round;
use super::html;
use super::machine::Machine;
use super::place::{Place, io};
use super::report::{BenchReport, Settings};
use crate::cli::answer::{Outcome, Output};
use crate::cli::error::CliError;
use crate::cli::progress;

pub(in crate::cli) fn run(args: &BenchArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let machine = Machine::now();
    let place = Place::new(args)?;
    let settings = Settings::new(args, place.takes_direct_io()?);
    let rounds = measure(args, &place)?;
    // What was measured takes space that is not needed any more.
    drop(place);
    let report = BenchReport::new(settings, machine, &rounds);
    output.answer(&report)?;
    // After the answer: a page that cannot be written loses no figure.
    if let Some(path) = &args.html {
        write_page(path, &report)?;
    }
    Ok(Outcome::Fine)
}

fn measure(args: &BenchArgs, place: &Place) -> Result<Vec<Round>, CliError> {
    let works = args.works();
    let total = u64::from(args.runs) * works.len() as u64;
    let bar = progress::counted(total, "measuring");
    let mut rounds = Vec::new();
    for _ in 0..args.runs {
        let mut round = Round::default();
        for work in &works {
            bar.set_message(work.name());
            let samples = work.run(place, &round)?;
            round.samples.extend(samples);
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
