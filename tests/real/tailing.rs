//! `tail --follow` in a process of its own, beside one that writes: what it prints, how soon, and how
//! it ends. How soon is printed and not asserted. `REAL_TAIL_RECORDS` sets how many records are timed.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use nodedb_tests::random::Random;
use nodedb_wal::{Config, Log, Reader, Record, RecordKind, Scope};
use serde_json::Value;

use crate::aftermath::check;
use crate::program::{finish, program};
use crate::writer::{Io, Notes, Start, Writer};

/// A tail that prints nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A line, and when it was read.
struct Printed {
    record: Value,
    at: SystemTime,
}

impl Printed {
    fn lsn(&self) -> u64 {
        self.record["lsn"].as_u64().unwrap()
    }

    /// What must be the same in the log.
    fn says(&self) -> (String, u64, u64) {
        let number = |name: &str| self.record[name].as_u64().unwrap();
        let timestamp = self.record["timestamp"].as_str().unwrap().to_owned();
        (timestamp, number("payload_bytes"), number("offset"))
    }
}

/// `tail --follow` from record 1 on. It is killed when dropped.
struct Tail {
    child: Child,
    lines: Receiver<Printed>,
}

impl Tail {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut child = program(["tail", "-f", "--json", "--wal"], "")
            .arg(directory)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let at = SystemTime::now();
                let record = serde_json::from_str(&line).unwrap();
                if said.send(Printed { record, at }).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    fn next(&self) -> Printed {
        self.lines.recv_timeout(PATIENCE).unwrap()
    }

    /// What was printed, and was not looked at yet.
    fn printed(&self) -> impl Iterator<Item = Printed> {
        self.lines.try_iter()
    }

    fn interrupt(mut self) -> (ExitStatus, Vec<Printed>) {
        let pid = Pid::from_raw(self.child.id().try_into().unwrap());
        kill(pid, Signal::SIGINT).unwrap();
        let rest = self.lines.iter().collect();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _over = self.child.kill();
        let _status = self.child.wait();
    }
}

fn records_to_time(usual: u64) -> u64 {
    let set = std::env::var("REAL_TAIL_RECORDS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn tell(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    eprintln!(
        "{what}: {} records; median {:.1?}, p99 {:.1?}, at most {:.1?}",
        latencies.len(),
        at(50),
        at(99),
        at(100)
    );
}

/// What the log says of its records, as the program prints them.
fn in_the_log(directory: &Path) -> BTreeMap<u64, (String, u64, u64)> {
    let (code, text) = finish(program(["dump", "--json", "--wal"], "").arg(directory));
    assert_eq!(code, 0, "{text}");
    let lines = text.lines().map(|line| Printed {
        record: serde_json::from_str(line).unwrap(),
        at: SystemTime::UNIX_EPOCH,
    });
    lines.map(|line| (line.lsn(), line.says())).collect()
}

/// Writes of a block trace, each of `bytes`.
fn trace(path: &Path, rows: u64, bytes: u64) {
    let mut text = String::from("version,time,op,size,lbn\n");
    for row in 0..rows {
        text += &format!("1,{row},2a,{bytes},{row}\n");
    }
    std::fs::write(path, text).unwrap();
}

/// Each record is timed from when it was appended, which is before the write that it was committed by.
fn beside_ingest(rows: u64, batch: &str) {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (wal, input) = (home.path().join("wal"), home.path().join("trace.csv"));
    std::fs::create_dir(&wal).unwrap();
    trace(&input, rows, 512);
    let tail = Tail::start(&wal, &["--from", "1"]);
    let mut ingest = program(["ingest", "--kind", "put", "--tenant", "1"], "");
    ingest.args(["--database", "1", "--vshard", "1", "--collection", "c"]);
    ingest
        .args(["--batch", batch, "--wal"])
        .arg(&wal)
        .arg(&input);
    let (code, text) = finish(&mut ingest);
    assert_eq!(code, 0, "{text}");
    let log = in_the_log(&wal);
    assert!(log.len() as u64 >= rows);
    let mut latencies = Vec::new();
    for (lsn, says) in &log {
        let printed = tail.next();
        assert_eq!((printed.lsn(), &printed.says()), (*lsn, says));
        let at = appended_at(&printed);
        latencies.push(printed.at.duration_since(at).unwrap_or_default());
    }
    let (status, rest) = tail.interrupt();
    assert!(status.success() && rest.is_empty());
    tell(
        &format!("from append to print, ingest --batch {batch}"),
        latencies,
    );
}

/// When the record was appended, as the log's clock had it.
fn appended_at(printed: &Printed) -> SystemTime {
    let text = printed.record["timestamp"].as_str().unwrap();
    let (_, time) = text.trim_end_matches('Z').split_once('T').unwrap();
    let mut parts = time.split(':').map(|part| part.parse::<f64>().unwrap());
    let mut part = || parts.next().unwrap();
    let of_day = part() * 3600.0 + part() * 60.0 + part();
    let since_epoch = printed.at.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let midnight = since_epoch.as_secs() / 86_400 * 86_400;
    SystemTime::UNIX_EPOCH + Duration::from_secs(midnight) + Duration::from_secs_f64(of_day)
}

#[test]
fn what_ingest_commits_is_printed_once_in_order_and_soon() {
    let rows = records_to_time(300);
    beside_ingest(rows, "1");
    beside_ingest(rows, "16");
}

/// Of a log that is idle, something vouches for a record when the log has been idle for 10 ms.
#[test]
fn a_record_that_comes_alone_is_printed_soon() {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let log = Log::open(Config::new(home.path()).segment_bytes(1 << 20)).unwrap();
    let tail = Tail::start(home.path(), &["--from", "1"]);
    let mut latencies = Vec::new();
    for number in 1..=records_to_time(100) {
        let record = Record::raw(RecordKind::Put, Scope::default(), b"alone");
        let lsn = log.append(&record).unwrap();
        log.commit(lsn).unwrap();
        let committed = SystemTime::now();
        let printed = tail.next();
        assert_eq!(printed.lsn(), number);
        latencies.push(printed.at.duration_since(committed).unwrap_or_default());
    }
    // The first waited for the program to start.
    latencies.remove(0);
    tell("from commit to print, each record alone", latencies);
    log.close().unwrap();
}

/// Writers are killed one after the other beside one tail: what it printed is in the log, and is what
/// the log has under that number; and in the end it has printed everything.
#[test]
fn what_was_printed_beside_writers_that_are_killed_is_in_the_log() {
    for (seed, io) in (1..).zip(Io::BOTH) {
        let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut random = Random::new(seed);
        let mut notes = Notes::default();
        let tail = Tail::start(home.path(), &["--from", "1"]);
        let mut printed: Vec<Printed> = Vec::new();
        for _ in 0..6 {
            let threads = 1 + u32::try_from(random.below(4)).unwrap();
            let mut writer = Writer::start(home.path(), Start::endless(io, threads), &mut notes);
            writer.hear_acknowledged(1 + random.below(60));
            writer.kill();
            printed.extend(tail.printed());
            let reader = Reader::open(home.path()).unwrap();
            let last = reader.next_lsn().value() - 1;
            assert!(printed.last().is_none_or(|line| line.lsn() <= last));
        }
        let records = check(home.path(), io, &notes);
        let log = in_the_log(home.path());
        while printed.len() as u64 != records {
            printed.push(tail.next());
        }
        assert_eq!(log.len() as u64, records);
        for (line, (lsn, says)) in printed.iter().zip(&log) {
            assert_eq!((line.lsn(), &line.says()), (*lsn, says), "{io:?}");
        }
    }
}

#[test]
fn it_ends_when_nobody_reads_what_it_prints_and_prints_the_last_records_of_a_log_at_rest() {
    let home = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let log = Log::open(Config::new(home.path()).segment_bytes(1 << 20)).unwrap();
    let put = || {
        let record = Record::raw(RecordKind::Put, Scope::default(), b"x");
        log.commit(log.append(&record).unwrap()).unwrap();
    };
    put();
    let mut tail: Child = program(["tail", "-f", "--from", "1", "--wal"], "")
        .arg(home.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut output = BufReader::new(tail.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    assert!(line.trim_start().starts_with("1 "), "{line}");
    drop(output);
    put();
    assert!(tail.wait().unwrap().success());
    (0..20).for_each(|_| put());
    log.close().unwrap();

    let printed = |arguments: &str| {
        let mut command: Command = program(["tail", "--json", "--wal"], "");
        let (code, text) = finish(command.arg(home.path()).args(arguments.split_whitespace()));
        assert_eq!(code, 0, "{text}");
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let lsns = lines.map(|line: Value| line["lsn"].as_u64().unwrap());
        lsns.collect::<Vec<_>>()
    };
    assert_eq!(printed(""), (13..=22).collect::<Vec<_>>());
    assert_eq!(printed("-n 2"), [21, 22]);
    assert_eq!(printed("-n 30 --kind put"), (1..=22).collect::<Vec<_>>());
    assert_eq!(printed("--from 5 --count 2"), [5, 6]);
    assert_eq!(printed("-f --from 5 --count 2"), [5, 6]);
    assert_eq!(printed("--kind collectiontombstoned"), [0; 0]);
}
