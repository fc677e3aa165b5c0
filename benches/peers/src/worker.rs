//! One step of one peer in a process of its own: its memory is its own, and so are its threads and
//! whatever it keeps for the whole process.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use clap::Parser;

use crate::figures::Figures;
use crate::measure::{self, Place};
use crate::peer::{Failure, Kind};
use crate::peers;
use crate::task::Step;

/// The first argument of a worker.
pub(crate) const WORKER: &str = "worker";
/// What a worker says when it wants to be killed.
const READY: &str = "ready";

#[derive(Clone, Debug, Parser)]
pub(crate) struct WorkerArgs {
    #[arg(long)]
    directory: PathBuf,
    #[arg(long)]
    peer: String,
    #[arg(long)]
    step: String,
    #[arg(long)]
    seconds: f64,
    #[arg(long)]
    mib: u32,
}

/// What every step of a run has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) seconds: f64,
    pub(crate) mib: u32,
}

/// The worker's side: does the step, and prints its figures on one line.
pub(crate) fn work(args: &WorkerArgs, output: &mut impl Write) -> Result<(), Failure> {
    let kind = peers::ALL.iter().find(|kind| kind.name == args.peer);
    let kind = kind.ok_or("no such peer")?;
    let place = Place {
        directory: &args.directory,
        time: Duration::from_secs_f64(args.seconds),
        payload_bytes: u64::from(args.mib) << 20,
    };
    let figures = match serde_json::from_str(&args.step)? {
        Step::Commit { threads } => measure::commits(kind, &place, threads)?,
        Step::Stream { payload_bytes } => measure::stream(kind, &place, payload_bytes)?,
        Step::Replay {
            payload_bytes,
            cache,
        } => measure::replay(kind, &place, payload_bytes, cache)?,
        Step::Fill => {
            measure::fill(kind, &place)?;
            Figures::new()
        }
        Step::Crash => {
            let _open = measure::append_and_leave(kind, &place)?;
            writeln!(output, "{READY}")?;
            output.flush()?;
            // Killed meanwhile.
            loop {
                std::thread::park();
            }
        }
        Step::Open { .. } => measure::open(kind, &place)?,
    };
    writeln!(output, "{}", serde_json::to_string(&figures)?)?;
    Ok(())
}

/// The benchmark's side: has a worker do `step` in `directory`, and takes its figures.
pub(crate) fn run(
    kind: &Kind,
    step: Step,
    directory: &Path,
    size: Size,
) -> Result<Figures, Failure> {
    let mut worker = Command::new(std::env::current_exe()?)
        .arg(WORKER)
        .arg("--directory")
        .arg(directory)
        .args(["--peer", kind.name])
        .args(["--step", &serde_json::to_string(&step)?])
        .args(["--seconds", &size.seconds.to_string()])
        .args(["--mib", &size.mib.to_string()])
        // One peer can be told so in no other way.
        .env("WALRUS_DATA_DIR", directory)
        .env("WALRUS_QUIET", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let said = worker.stdout.take().ok_or("a worker has no output")?;
    let answer = answer(said, &mut worker);
    if let Ok(figures) = answer {
        return Ok(figures);
    }
    let mut why = String::new();
    if let Some(mut stderr) = worker.stderr.take() {
        stderr.read_to_string(&mut why)?;
    }
    worker.wait()?;
    let last = why.trim().lines().last().unwrap_or("it said nothing");
    Err(last.to_owned().into())
}

/// Reads up to the figures, or to the wish to be killed; peers may print what they like before.
fn answer(said: ChildStdout, worker: &mut Child) -> Result<Figures, Failure> {
    for line in BufReader::new(said).lines() {
        let line = line?;
        if line == READY {
            worker.kill()?;
            worker.wait()?;
            return Ok(Figures::new());
        }
        if let Ok(figures) = serde_json::from_str(&line) {
            worker.wait()?;
            return Ok(figures);
        }
    }
    Err("a worker ended without an answer".into())
}
