//! One round: starts a writer, listens to it, and kills it.

use std::io::{self, BufRead, BufReader};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use super::DemoArgs;
use super::ledger::Ledger;
use super::wire::Message;
use crate::cli::error::CliError;
use crate::cli::interrupt::{Interrupts, is_interrupt};

/// How a round went.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    /// How long the writer's threads ran.
    pub(super) writing: Duration,
}

/// What a round can hear.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The writer's threads run, since then.
    Ready(Instant),
    /// The writer says nothing any more.
    Ended,
    /// Whoever started the demo wants it to end.
    Interrupted,
}

/// What is heard from the writer and from whoever started the demo.
#[derive(Debug)]
pub(super) struct Events {
    heard: Receiver<Event>,
    sender: Sender<Event>,
    _interrupts: Interrupts,
}

impl Events {
    /// From now on, interrupts end the round and not the program.
    pub(super) fn listen() -> Result<Self, CliError> {
        let (sender, heard) = mpsc::channel();
        let interrupted = sender.clone();
        let interrupts = Interrupts::listen(move || {
            // When the demo is over there is nothing left to interrupt.
            let _unheard = interrupted.send(Event::Interrupted);
        });
        Ok(Self {
            heard,
            sender,
            _interrupts: interrupts.map_err(process_error("hear signals for"))?,
        })
    }
}

/// Starts the writer of `round`, notes what it says, and kills it after `delay`.
pub(super) fn run(
    args: &DemoArgs,
    directory: &Path,
    seed: u64,
    round: u32,
    delay: Duration,
    ledger: &mut Ledger,
    events: &mut Events,
) -> Result<Ran, CliError> {
    let mut writer = spawn(args, directory, seed, round)?;
    let deadline = Instant::now() + delay;
    let Some(pipe) = writer.stdout.take() else {
        return Err(CliError::Refused("the writer has no pipe".to_owned()));
    };
    ledger.begin_round(args.threads);
    let sender = events.sender.clone();
    let (ended, listened) = std::thread::scope(|scope| {
        let listener = scope.spawn(move || {
            let read = listen(pipe, ledger, &sender);
            let _unheard = sender.send(Event::Ended);
            read
        });
        let ended = wait_and_kill(&mut writer, deadline, &events.heard);
        (ended, listener.join())
    });
    let status = writer.wait().map_err(process_error("wait for"))?;
    // What came too late for this round is not for the next one, but for an interrupt: Ctrl-C goes
    // to the writer too, which may be heard to end first.
    let is_interrupted = |event| matches!(event, Event::Interrupted);
    if events.heard.try_iter().any(is_interrupted) {
        return Err(CliError::Interrupted);
    }
    match listened {
        Ok(read) => read.map_err(process_error("listen to"))?,
        Err(_) => return Err(CliError::Refused("the listener panicked".to_owned())),
    }
    match ended? {
        Some(writing) => Ok(Ran { writing }),
        None if status.signal().is_some_and(is_interrupt) => Err(CliError::Interrupted),
        None => Err(CliError::Writer(status)),
    }
}

/// Kills the writer at `deadline`; how long its threads had been running, or nothing when it ended
/// by itself before.
fn wait_and_kill(
    writer: &mut Child,
    deadline: Instant,
    events: &Receiver<Event>,
) -> Result<Option<Duration>, CliError> {
    let mut ready_at = None;
    let ended = loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match events.recv_timeout(left) {
            Ok(Event::Ready(at)) => ready_at = Some(at),
            Ok(Event::Ended) => return Ok(None),
            Ok(Event::Interrupted) => break Err(CliError::Interrupted),
            Err(_) => break Ok(Some(ready_at.map_or(Duration::ZERO, |at| at.elapsed()))),
        }
    };
    writer.kill().map_err(process_error("kill"))?;
    ended
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
        .args(["--io", args.io.name()])
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
fn listen(pipe: ChildStdout, ledger: &mut Ledger, events: &Sender<Event>) -> io::Result<()> {
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
                let _unheard = events.send(Event::Ready(Instant::now()));
            }
            Some(message) => ledger.note(message),
            None => {
                let text = String::from_utf8_lossy(text);
                ledger.nonsense.push(format!("the writer said `{text}`"));
            }
        }
    }
}
