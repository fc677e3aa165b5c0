//! The writer's process, from outside: started, listened to, told to go on, killed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedb_tests::diary::Entry;
use nodedb_wal::storage::IoMode;

/// Small segments, so that a short run rotates often.
pub(crate) const SEGMENT_BYTES: u64 = 256 * 1024;

/// A writer that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// How bytes get to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Io {
    Direct,
    Buffered,
}

impl Io {
    pub(crate) const BOTH: [Self; 2] = [Self::Direct, Self::Buffered];

    pub(crate) fn mode(self) -> IoMode {
        match self {
            Self::Direct => IoMode::Direct,
            Self::Buffered => IoMode::Buffered,
        }
    }

    /// As a command line says it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Buffered => "buffered",
        }
    }
}

/// What all writers of one log have said.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    /// By LSN.
    pub(crate) acknowledged: BTreeMap<u64, Entry>,
    /// How many of each thread of each run.
    pub(crate) counts: BTreeMap<(u32, u32), u64>,
    runs: u32,
}

/// What a writer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// The log is open, and how its bytes get to the disk.
    Open(String),
    Acknowledged,
    /// There was no room; it waits to be told to go on.
    Full(String),
    /// It ends with this error.
    Failed(String),
    /// It has closed the log.
    Closed,
    /// The process is over.
    Ended,
}

/// How a writer is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Start<'a> {
    pub(crate) io: Io,
    pub(crate) threads: u32,
    /// Batches of each thread; 0 is without end.
    pub(crate) operations: u64,
    pub(crate) limits: &'a str,
    pub(crate) segment_bytes: u64,
    /// Whether the writer starts a process that outlives it.
    pub(crate) companion: bool,
}

impl Start<'_> {
    pub(crate) const fn endless(io: Io, threads: u32) -> Self {
        Self {
            io,
            threads,
            operations: 0,
            limits: "",
            segment_bytes: SEGMENT_BYTES,
            companion: false,
        }
    }
}

/// A writer's process. It is killed when dropped.
pub(crate) struct Writer<'n> {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    run: u32,
    notes: &'n mut Notes,
}

impl<'n> Writer<'n> {
    pub(crate) fn start(directory: &Path, start: Start<'_>, notes: &'n mut Notes) -> Self {
        let run = notes.runs;
        notes.runs += 1;
        let mut child = Command::new(env!("CARGO_BIN_EXE_real-child"))
            .arg("write")
            .arg(directory)
            .arg(start.io.name())
            .args([start.segment_bytes, run.into(), start.threads.into()].map(|n| n.to_string()))
            .arg(start.operations.to_string())
            .args(start.companion.then_some("with-companion"))
            .env("REAL_LIMITS", start.limits)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if said.send(line).is_err() {
                    return;
                }
            }
        });
        let input = child.stdin.take();
        Self {
            child,
            input,
            lines,
            run,
            notes,
        }
    }

    /// The next thing it says. What it acknowledges is noted.
    pub(crate) fn hear(&mut self) -> Heard {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(mpsc::RecvTimeoutError::Disconnected) => return Heard::Ended,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the writer hangs"),
        };
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "open" => Heard::Open(rest.split(' ').next().unwrap_or_default().to_owned()),
            "ack" => {
                self.note(rest);
                Heard::Acknowledged
            }
            "full" => Heard::Full(rest.to_owned()),
            "failed" => Heard::Failed(rest.to_owned()),
            "closed" => Heard::Closed,
            // Also that something was acknowledged behind a failed write.
            _ => panic!("the writer said `{line}`"),
        }
    }

    fn note(&mut self, rest: &str) {
        let numbers: Vec<u64> = rest.split(' ').map(|n| n.parse().unwrap()).collect();
        let [lsn, thread, sequence, batch] = numbers[..] else {
            panic!("cut off: {rest}");
        };
        let thread = u32::try_from(thread).unwrap();
        for step in 0..batch {
            let entry = Entry {
                run: self.run,
                thread,
                sequence: sequence + step,
            };
            let before = self.notes.acknowledged.insert(lsn + step, entry);
            assert_eq!(before, None, "record {} was acknowledged twice", lsn + step);
        }
        *self.notes.counts.entry((self.run, thread)).or_default() += batch;
    }

    /// Listens until this many batches were acknowledged; anything else is a mistake.
    pub(crate) fn hear_acknowledged(&mut self, batches: u64) {
        let mut left = batches;
        while left > 0 {
            match self.hear() {
                Heard::Open(_) => {}
                Heard::Acknowledged => left -= 1,
                other => panic!("{other:?}"),
            }
        }
    }

    /// Listens, passing over acknowledgements, until something else is said.
    pub(crate) fn hear_other(&mut self) -> Heard {
        loop {
            match self.hear() {
                Heard::Open(_) | Heard::Acknowledged => {}
                other => return other,
            }
        }
    }

    /// Tells a writer that found the disk full to try again.
    pub(crate) fn go_on(&mut self) {
        // A writer that has ended meanwhile says so itself.
        let _unheard = self.input.as_mut().map(|input| input.write_all(b"on\n"));
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().try_into().unwrap())
    }

    /// Kills it, and hears what it said before.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.end();
    }

    /// Kills it, and looks while a program that it started, and that reads its input, still runs.
    pub(crate) fn kill_but_hold_input(mut self, look: impl FnOnce()) {
        let input = self.input.take();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        look();
        drop(input);
        self.end();
    }

    /// Hears everything to the end.
    pub(crate) fn end(mut self) -> ExitStatus {
        while self.hear() != Heard::Ended {}
        self.child.wait().unwrap()
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        let _over = self.child.kill();
        let _status = self.child.wait();
    }
}
