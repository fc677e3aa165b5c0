//! The writer: opens a log, appends from its threads, and says on standard output what was
//! acknowledged, what was refused, and how it ended.
//!
//! Where the disk is full it says so, waits for a line on standard input, and makes the same call
//! again. After any other error it tries once more, to be found out if that is acknowledged.

use std::error::Error as _;
use std::io::{self, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};

use nodedb_tests::diary::Entry;
use nodedb_wal::storage::IoMode;
use nodedb_wal::types::Scope;
use nodedb_wal::{Config, Error, ErrorClass, Log, LsnRange, Record, RecordKind, Result};

/// How many batches each thread writes, out of `operations`; 0 is until it is killed.
struct Task {
    run: u32,
    threads: u32,
    operations: u64,
}

/// `DIRECTORY direct|buffered SEGMENT_BYTES RUN THREADS OPERATIONS [with-companion]`
pub(crate) fn main(mut arguments: impl Iterator<Item = String>) -> ExitCode {
    let mut next = || arguments.next().unwrap();
    let directory = next();
    let io_mode = match next().as_str() {
        "direct" => IoMode::Direct,
        _ => IoMode::Buffered,
    };
    let config = Config::new(directory)
        .io_mode(io_mode)
        .segment_bytes(next().parse().unwrap());
    let task = Task {
        run: next().parse().unwrap(),
        threads: next().parse().unwrap(),
        operations: next().parse().unwrap(),
    };
    let _companion = arguments.next().map(|_| companion());
    match write(&config, &task) {
        Ok(()) => {
            say("closed");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let code = match error.class() {
                ErrorClass::Refused => 1,
                ErrorClass::Corruption => 2,
                ErrorClass::Io => 3,
            };
            say(&format!("failed {}", text(&error)));
            ExitCode::from(code)
        }
    }
}

fn write(config: &Config, task: &Task) -> Result<()> {
    let log = patiently(|| Log::open(config.clone()))?;
    let mode = log.stats().io_mode;
    say(&format!("open {mode:?} {}", log.recovery().last_lsn));
    let ended: Vec<Result<()>> = std::thread::scope(|scope| {
        let thread = |thread| {
            let log = &log;
            scope.spawn(move || append_all(log, task, thread))
        };
        let threads: Vec<_> = (0..task.threads).map(thread).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    ended.into_iter().collect::<Result<()>>()?;
    // What full disks did to closing cannot be tried again: the log is closed either way.
    log.close()
}

fn append_all(log: &Log, task: &Task, thread: u32) -> Result<()> {
    let mut entry = Entry {
        run: task.run,
        thread,
        sequence: 0,
    };
    let mut left = task.operations;
    loop {
        match append(log, entry) {
            Ok(lsns) => acknowledge(lsns, entry),
            Err(error) => return Err(stopped(log, entry, error)),
        }
        entry = entry.after(entry.batch());
        left = left.wrapping_sub(1);
        if left == 0 {
            return Ok(());
        }
    }
}

/// Appends the entry's batch and commits it.
fn append(log: &Log, entry: Entry) -> Result<LsnRange> {
    let payloads: Vec<_> = (0..entry.batch())
        .map(|n| entry.after(n).payload())
        .collect();
    let record = |payload| Record::raw(RecordKind::Put, Scope::default(), payload);
    let records: Vec<_> = payloads.iter().map(|payload| record(payload)).collect();
    let lsns = patiently(|| match records.as_slice() {
        [single] => log.append(single).map(|lsn| LsnRange {
            first: lsn,
            last: lsn,
        }),
        _ => log.append_batch(&records),
    })?;
    patiently(|| log.commit(lsns.last))?;
    Ok(lsns)
}

/// The error, after one more try: behind a failed write nothing may be acknowledged any more, behind
/// any other error what is acknowledged must be there.
fn stopped(log: &Log, entry: Entry, error: Error) -> Error {
    if let Ok(lsns) = append(log, entry) {
        if matches!(error, Error::Poisoned { .. }) {
            say(&format!(
                "acknowledged {} behind a failed write",
                lsns.first
            ));
        } else {
            acknowledge(lsns, entry);
        }
    }
    error
}

fn acknowledge(lsns: LsnRange, entry: Entry) {
    let (first, thread) = (lsns.first, entry.thread);
    say(&format!(
        "ack {first} {thread} {} {}",
        entry.sequence,
        entry.batch()
    ));
}

/// Makes a call again, when told to, for as long as it may be tried again.
fn patiently<T>(call: impl Fn() -> Result<T>) -> Result<T> {
    loop {
        match call() {
            Err(error) if error.is_retryable() => {
                say(&format!("full {}", text(&error)));
                if !matches!(io::stdin().read_line(&mut String::new()), Ok(1..)) {
                    return Err(error);
                }
            }
            other => return other,
        }
    }
}

/// An error and its causes, on one line.
fn text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// A line, whole. Who no longer listens misses nothing that is needed.
fn say(line: &str) {
    let _unheard = writeln!(io::stdout().lock(), "{line}");
}

/// A program that the writer starts and that outlives it.
fn companion() -> Child {
    let program = std::env::current_exe().unwrap();
    Command::new(program)
        .arg("idle")
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}
