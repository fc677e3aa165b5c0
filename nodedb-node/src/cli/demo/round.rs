//! One round: starts a writer, listens to it, and kills it.

use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use super::DemoArgs;
use super::ledger::Ledger;
use super::wire::Message;
use crate::cli::error::CliError;

/// How a round went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    /// How long the writer's threads ran.
    pub(super) writing: Duration,
}

/// Starts the writer of `round`, notes what it says, and kills it after `delay`.
pub(super) fn run(
    args: &DemoArgs,
    directory: &Path,
    seed: u64,
    round: u32,
    delay: Duration,
    ledger: &mut Ledger,
) -> Result<Ran, CliError> {
    let mut writer = spawn(args, directory, seed, round)?;
    let deadline = Instant::now() + delay;
    let Some(pipe) = writer.stdout.take() else {
        return Err(CliError::Refused("the writer has no pipe".to_owned()));
    };
    ledger.begin_round(args.threads);
    let (ready, heard) = mpsc::channel();
    let (ended, listened) = std::thread::scope(|scope| {
        let listener = scope.spawn(move || listen(pipe, ledger, &ready));
        let ended = wait_and_kill(&mut writer, deadline, &heard);
        (ended, listener.join())
    });
    let status = writer.wait().map_err(process_error("wait for"))?;
    match listened {
        Ok(read) => read.map_err(process_error("listen to"))?,
        Err(_) => return Err(CliError::Refused("the listener panicked".to_owned())),
    }
    match ended? {
        Some(writing) => Ok(Ran { writing }),
        None => Err(CliError::Writer(status)),
    }
}

/// Kills the writer at `deadline`; how long its threads had been running, or nothing when it ended
/// by itself before.
fn wait_and_kill(
    writer: &mut Child,
    deadline: Instant,
    ready: &Receiver<Instant>,
) -> Result<Option<Duration>, CliError> {
    let mut ready_at = None;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match ready.recv_timeout(left) {
            Ok(at) => ready_at = Some(at),
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        }
    }
    writer.kill().map_err(process_error("kill"))?;
    Ok(Some(ready_at.map_or(Duration::ZERO, |at| at.elapsed())))
}

fn spawn(args: &DemoArgs, directory: &Path, seed: u64, round: u32) -> Result<Child, CliError> {
    let program = std::env::current_exe().map_err(process_error("find"))?;
    Command::new(program)
        .arg("demo-worker")
        .arg("--dir")
        .arg(directory)
        .args(["--threads", &args.threads.to_string()])
        .args(["--round", &round.to_string()])
        .args(["--seed", &seed.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(process_error("start"))
}

fn process_error(operation: &'static str) -> impl Fn(io::Error) -> CliError {
    move |source| CliError::Io {
        operation,
        path: "the writer".into(),
        source,
    }
}

/// Notes every whole line until the pipe ends; the last one may have been cut.
fn listen(pipe: ChildStdout, ledger: &mut Ledger, events: &Sender<Instant>) -> io::Result<()> {
    let mut pipe = BufReader::with_capacity(1 << 16, pipe);
    let mut line = Vec::new();
    loop {
        line.clear();
        pipe.read_until(b'\n', &mut line)?;
        let Some(text) = line.strip_suffix(b"\n") else {
            return Ok(());
        };
        match std::str::from_utf8(text).ok().and_then(Message::parse) {
            Some(Message::Ready) => {
                // Nobody waits for it any more once the writer was killed.
                let _unheard = events.send(Instant::now());
            }
            Some(message) => ledger.note(message),
            None => {
                let text = String::from_utf8_lossy(text);
                ledger.nonsense.push(format!("the writer said `{text}`"));
            }
        }
    }
}
