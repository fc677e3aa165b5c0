//! One workload in a process of its own: its memory is its own, and nothing that ran before it is
//! left in the heap.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use super::BenchArgs;
use super::figures::Sample;
use super::place::{Place, io};
use super::work::Work;
use crate::cli::answer::{Answer, Outcome, Output};
use crate::cli::error::CliError;

#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct BenchWorkerArgs {
    /// The benchmark's own directory.
    #[arg(long)]
    dir: PathBuf,
    #[arg(long)]
    seconds: f64,
    #[arg(long)]
    mib: u32,
    #[arg(long)]
    work: String,
}

/// What a worker says: its samples, on one line of JSON, in either form of output.
#[derive(serde::Serialize)]
#[serde(transparent)]
struct Measured(Vec<Sample>);

impl Answer for Measured {
    fn text(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_default()
    }
}

/// The worker's side: measures and prints.
pub(in crate::cli) fn work(
    args: &BenchWorkerArgs,
    output: &mut Output<'_>,
) -> Result<Outcome, CliError> {
    let works = Work::all(true);
    let Some(work) = works.iter().find(|work| work.name() == args.work) else {
        return Err(CliError::Refused(format!("no workload `{}`", args.work)));
    };
    let place = Place::new(args.dir.clone(), args.seconds, args.mib);
    output.line(&Measured(work.run(&place)?))?;
    Ok(Outcome::Fine)
}

/// The benchmark's side: starts a worker, waits for it, and takes its samples.
pub(super) fn run(args: &BenchArgs, home: &Path, work: &Work) -> Result<Vec<Sample>, CliError> {
    let program = std::env::current_exe().map_err(io("find the program in", Path::new(".")))?;
    let worker = Command::new(&program)
        .arg("bench-worker")
        .arg("--dir")
        .arg(home)
        .args(["--seconds", &args.seconds.to_string()])
        .args(["--mib", &args.mib.to_string()])
        .args(["--work", &work.name()])
        .stdin(Stdio::null())
        .output()
        .map_err(io("run", &program))?;
    let said = || String::from_utf8_lossy(&worker.stderr).trim().to_owned();
    if !worker.status.success() {
        return Err(CliError::Measuring {
            work: work.name(),
            status: worker.status,
            said: said(),
        });
    }
    serde_json::from_slice(&worker.stdout).map_err(|source| CliError::Io {
        operation: "understand what was printed by",
        path: program,
        source: source.into(),
    })
}
