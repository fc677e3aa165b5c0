//! The command: round after round on one directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use fastrand::Rng;
use tempfile::TempDir;

use super::DemoArgs;
use super::aftermath::{self, Past};
use super::ledger::Ledger;
use super::report::DemoReport;
use super::round::{self, Events};
use super::{service_checks, worker};
use crate::cli::answer::{Outcome, Output};
use crate::cli::error::CliError;
use crate::cli::progress;

/// Where the demo's log is.
enum Home {
    Given(PathBuf),
    /// Removed at the end, unless something went wrong.
    Temporary(TempDir),
}

impl Home {
    fn new(args: &DemoArgs) -> Result<Self, CliError> {
        if let Some(directory) = &args.dir {
            return Ok(Self::Given(directory.clone()));
        }
        // On the disk one is working on, where possible: the system's own may be in memory.
        let here = TempDir::with_prefix_in("nodedb-demo-", ".");
        let made = here.or_else(|_| TempDir::with_prefix("nodedb-demo-"));
        made.map(Self::Temporary).map_err(|source| CliError::Io {
            operation: "make a directory in",
            path: ".".into(),
            source,
        })
    }

    fn path(&self) -> &Path {
        match self {
            Self::Given(directory) => directory,
            Self::Temporary(directory) => directory.path(),
        }
    }

    /// Leaves the directory where it is, to be looked at.
    fn keep(self) {
        if let Self::Temporary(directory) = self {
            let _kept = directory.keep();
        }
    }
}

pub(in crate::cli) fn run(args: &DemoArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let home = Home::new(args)?;
    let result = run_in(args, home.path(), output);
    // An interrupted demo has found nothing that would be worth looking at.
    if !matches!(result, Ok(Outcome::Fine) | Err(CliError::Interrupted)) {
        home.keep();
    }
    result
}

fn run_in(args: &DemoArgs, directory: &Path, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let seed = args.seed.unwrap_or_else(|| u64::from(fastrand::u32(..)));
    let past = Past::read(directory)?;
    let mut ledger = Ledger::new(past.last);
    let mut report = DemoReport::new(args, seed, directory.to_owned(), past);
    let mut events = Events::listen()?;
    let bar = progress::counted(u64::from(args.rounds), "rounds");
    for round in 0..args.rounds {
        // Drawn for each round anew, so that what one round does cannot move the next one's death.
        let mut rng = Rng::with_seed(seed.rotate_left(32) ^ u64::from(round));
        let delay = Duration::from_secs_f64(args.seconds * rng.f64());
        let ran = round::run(
            args,
            directory,
            seed,
            round,
            delay,
            &mut ledger,
            &mut events,
        )?;
        let mut after = aftermath::look(
            worker::config(directory, args.io),
            seed,
            &ledger,
            past,
            &mut rng,
        )?;
        after.services = service_checks::look(directory, args.io, &ledger.services)?;
        report.add(round, ran, &ledger, after);
        bar.inc(1);
        if report.outcome() != Outcome::Fine {
            break;
        }
    }
    bar.finish_and_clear();
    output.answer(&report)?;
    Ok(report.outcome())
}
