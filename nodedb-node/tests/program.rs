//! The program as people run it: exit codes, what it prints where, and that looking changes nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nodedb_wal::{Config, Log};
use serde_json::Value;
use tempfile::TempDir;

fn program<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nodedb-node"));
    command.args(arguments);
    command
}

fn run(line: &str) -> Output {
    program(line.split_whitespace()).output().unwrap()
}

fn check(line: &str, code: i32) -> Output {
    let output = run(line);
    assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    output
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A log of some hundred vectors over two segments.
fn sample() -> (TempDir, String) {
    let home = tempfile::tempdir().unwrap();
    let input = home.path().join("vectors.txt");
    let lines: String = (0..300)
        .map(|n| format!("word{n} {n}.5 -1 2e-3\n"))
        .collect();
    fs::write(&input, lines).unwrap();
    let wal = home.path().join("log").display().to_string();
    for _ in 0..2 {
        let line = format!(
            "ingest --wal {wal} --kind vector --tenant 1 --database 2 --vshard 3 --collection v {}",
            input.display()
        );
        check(&line, 0);
    }
    (home, wal)
}

fn files(directory: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn flip_a_bit(file: &Path, offset: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[offset] ^= 1;
    fs::write(file, bytes).unwrap();
}

#[test]
fn usage_errors_exit_with_1_and_come_as_json_when_asked() {
    for line in ["", "nonsense", "verify", "demo --threads 0"] {
        let output = check(line, 1);
        assert!(
            output.stdout.is_empty() && !output.stderr.is_empty(),
            "{line}"
        );
        let output = check(&format!("{line} --json"), 1);
        assert_eq!(json(&output)["exit_code"], 1, "{line}");
    }
    for line in ["--help", "dump --help", "--version"] {
        assert!(!check(line, 0).stdout.is_empty(), "{line}");
    }
}

#[test]
fn a_log_that_is_not_there_is_an_io_error_and_is_not_made() {
    let home = tempfile::tempdir().unwrap();
    let wal = home.path().join("nowhere");
    for command in [
        "inspect",
        "dump",
        "dump --salvage",
        "verify",
        "replay",
        "truncate --before 1",
        "truncate --to-holds",
        "holds",
        "checkpoint",
        "checkpoint --engine kv --lsn 1",
    ] {
        let line = format!("{command} --json --wal {}", wal.display());
        let error = json(&check(&line, 3));
        assert!(!error["causes"].as_array().unwrap().is_empty(), "{error}");
        assert!(!wal.exists(), "{line}");
    }
}

#[test]
fn looking_at_a_log_changes_no_byte_of_it() {
    let (_home, wal) = sample();
    let before = files(&wal);
    for command in [
        "inspect",
        "dump --hex",
        "dump --salvage",
        "verify",
        "replay",
        "holds",
        "checkpoint",
        "tenants",
    ] {
        for json in ["", " --json"] {
            assert!(
                !check(&format!("{command} --wal {wal}{json}"), 0)
                    .stdout
                    .is_empty()
            );
        }
    }
    assert_eq!(files(&wal), before);
}

#[test]
fn the_account_of_a_replay_adds_up() {
    let (_home, wal) = sample();
    let account = json(&check(
        &format!("replay --wal {wal} --from 100 --tenant 1 --json"),
        0,
    ));
    assert_eq!(account["applied"], 501);
    assert_eq!(account["skipped"]["before_start"], 99);
    assert_eq!(account["seen"], 600);
    let divided = json(&check(
        &format!("replay --from 100 --wal {wal} --workers 3 --json"),
        0,
    ));
    for field in ["applied", "applied_bytes", "skipped", "seen", "kinds"] {
        assert_eq!(divided[field], account[field], "{field}");
    }
    assert!(divided["queued_bytes_max"].as_u64().unwrap() > 0);
    let line = format!("replay --wal {wal} --from-checkpoint --engine vector --until 10 --json");
    let bounded = json(&check(&line, 0));
    assert_eq!(bounded["applied"], 10);
    assert_eq!(bounded["skipped"]["after_end"], 590);
    check(&format!("replay --wal {wal} --engine columnar"), 1);
    let account = json(&check(&format!("replay --wal {wal} --tenant 2 --json"), 0));
    assert_eq!(account["applied"], 0);
    assert_eq!(account["skipped"]["outside_plan"], 600);
}

#[test]
fn a_flipped_bit_is_named_and_the_rest_can_still_be_dumped() {
    let (_home, wal) = sample();
    let segment = files(&wal)
        .into_keys()
        .find(|path| path.extension() == Some(OsStr::new("seg")));
    let segment = segment.unwrap();
    let dumped = |line: &str, code| {
        let output = check(line, code);
        String::from_utf8(output.stdout).unwrap()
    };
    let whole = dumped(&format!("dump --json --wal {wal}"), 0);
    let hit: Value = serde_json::from_str(whole.lines().nth(49).unwrap()).unwrap();
    let offset = usize::try_from(hit["offset"].as_u64().unwrap()).unwrap();
    flip_a_bit(&segment, offset + 70);
    let verdict = json(&check(&format!("verify --json --wal {wal}"), 2));
    let finding = &verdict["findings"][0];
    assert_eq!(finding["file"], segment.display().to_string());
    assert_eq!(finding["offset"], hit["offset"]);
    assert_eq!(
        (&finding["first_lsn"], &finding["last_lsn"]),
        (&hit["lsn"], &hit["lsn"])
    );
    let before = dumped(&format!("dump --json --wal {wal}"), 2);
    assert!(
        before.lines().take(49).eq(whole.lines().take(49)),
        "{before}"
    );
    let salvaged = dumped(&format!("dump --json --salvage --wal {wal}"), 2);
    let expected: Vec<&str> = whole
        .lines()
        .take(49)
        .chain(whole.lines().skip(50))
        .collect();
    let records = salvaged.lines().filter(|line| !line.contains("\"damage\""));
    assert_eq!(records.collect::<Vec<_>>(), expected);
    check(&format!("replay --wal {wal}"), 2);
}

#[test]
fn a_log_that_is_open_is_refused_to_writers_and_shown_to_readers() {
    let (_home, wal) = sample();
    let log = Log::open(Config::new(&wal)).unwrap();
    check(&format!("truncate --before 1 --wal {wal}"), 1);
    let inspection = json(&check(&format!("inspect --json --wal {wal}"), 0));
    assert_eq!(inspection["in_use"], true);
    assert_eq!(inspection["records"], 600);
    drop(log);
    let truncation = json(&check(
        &format!("truncate --json --before 400 --wal {wal}"),
        0,
    ));
    assert_eq!(truncation["start_lsn"], 301);
    check(&format!("truncate --before 602 --wal {wal}"), 1);
    check(&format!("replay --from 1 --wal {wal}"), 1);
}

#[test]
fn holds_are_placed_moved_and_dropped_and_nothing_below_them_goes() {
    let (_home, wal) = sample();
    let ask = |line: &str| json(&check(&format!("{line} --json --wal {wal}"), 0));
    let refused = |line: &str| check(&format!("{line} --json --wal {wal}"), 1);
    assert_eq!(ask("holds")["holds"].as_array().unwrap().len(), 0);
    refused("truncate --to-holds");
    check(&format!("holds --wal {wal} declare archive"), 0);
    refused("truncate --to-holds");
    refused("truncate --before 301");
    let made = ask("checkpoint --engine kv --lsn 600");
    assert_eq!(made["checkpoints"][0]["lsn"], 600);
    refused("checkpoint --engine kv --lsn 599");
    let listed = json(&check(
        &format!("holds --json --wal {wal} set archive 301"),
        0,
    ));
    assert_eq!(listed["holds"][0]["hold"], "archive");
    assert_eq!(listed["holds"][0]["needs_lsn"], 301);
    assert_eq!(listed["holds"][1]["hold"], "checkpoint/kv");
    refused("truncate --before 302");
    let went = ask("truncate --to-holds");
    assert_eq!(
        (&went["held_by"], &went["start_lsn"]),
        (&"archive".into(), &301.into())
    );
    check(&format!("holds --wal {wal} release archive"), 0);
    check(&format!("holds --wal {wal} release archive"), 1);
    let went = ask("truncate --to-holds");
    assert_eq!(went["held_by"], "checkpoint/kv");
    assert_eq!(went["segments_dropped"], 1);
}

#[test]
fn a_mistake_in_the_input_names_its_line_and_keeps_what_came_before() {
    let home = tempfile::tempdir().unwrap();
    let wal = home.path().join("log").display().to_string();
    let line = format!(
        "ingest --wal {wal} --kind timeseries --tenant 1 --database 1 --vshard 1 --collection c"
    );
    let mut child = program(format!("{line} --json -").split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = "timestamp,value\n".to_owned();
    input += &"2014-05-14 01:14:00,1.5\n".repeat(600);
    input += "2014-05-14 01:14:00,many\n";
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let causes = json(&output)["causes"].to_string();
    assert!(
        causes.contains("-, line 602: `value` is `many`"),
        "{causes}"
    );
    let account = json(&check(&format!("replay --wal {wal} --json"), 0));
    assert_eq!(account["applied"], 1);
    check(&format!("{line} not-there.csv"), 3);
}

#[test]
fn a_reader_of_the_output_that_goes_away_is_no_error() {
    let (_home, wal) = sample();
    let mut child = program(format!("dump --hex --wal {wal}").split_whitespace())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut pipe = BufReader::with_capacity(64, child.stdout.take().unwrap());
    pipe.read_line(&mut line).unwrap();
    drop(pipe);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_demo_loses_and_invents_nothing() {
    let home = tempfile::tempdir().unwrap();
    let wal = home.path().join("log").display().to_string();
    let line = format!("demo --dir {wal} --rounds 3 --seconds 0.6 --threads 6 --json");
    for there_before in [false, true] {
        let report = json(&check(&line, 0));
        assert_eq!(
            (&report["lost"], &report["invented"]),
            (&Value::from(0), &Value::from(0))
        );
        assert_eq!(report["acked"], report["recovered"]);
        assert_eq!(report["preexisting"] != 0, there_before);
        for field in [
            "rounds",
            "filtered_tombstone",
            "filtered_epoch",
            "commits_per_s",
            "recovery_ms",
            "segments",
            "seed",
        ] {
            assert!(report[field].is_number(), "{field} in {report}");
        }
    }
    // Every kind, at least four tenants, at least eight vshards.
    let inspection = json(&check(&format!("inspect --json --wal {wal}"), 0));
    let kinds = nodedb_wal::RecordKind::ALL.len();
    assert_eq!(inspection["kinds"].as_array().unwrap().len(), kinds);
    assert!(inspection["tenants"].as_array().unwrap().len() >= 4);
    check(&format!("verify --wal {wal}"), 0);
}

#[test]
fn what_is_ingested_by_several_cores_is_merged_in_order_and_once() {
    let home = TempDir::new().unwrap();
    let file = home.path().join("lines.log");
    let lines: String = (0..5_000).map(|n| format!("line {n}\n")).collect();
    fs::write(&file, lines).unwrap();
    let wal = home.path().join("cores");
    let (file, wal) = (file.display(), wal.display());
    let ingest = |cores: u32| {
        let line = format!(
            "ingest --wal {wal} --cores {cores} --kind log --tenant 1 --database 2 --vshard 3 \
             --collection c --json {file}"
        );
        let answer: Value = serde_json::from_slice(&check(&line, 0).stdout).unwrap();
        (
            answer["records"].as_u64().unwrap(),
            answer["epoch"].as_u64().unwrap(),
        )
    };
    let (first, epoch) = ingest(3);
    let (second, later) = ingest(2);
    assert!(first > 0 && first == second && later > epoch);
    let count = |more: &str| -> u64 {
        let line = format!("merge --wal {wal} --quiet --json {more}");
        let answer: Value = serde_json::from_slice(&check(&line, 0).stdout).unwrap();
        answer["records"].as_u64().unwrap()
    };
    // Each core that is written ends the epoch with a barrier.
    assert_eq!(count(""), first + 3 + second + 2);
    assert_eq!(count(&format!("--until-epoch {epoch}")), first + 3);
    assert_eq!(count("--complete"), first + 3 + second + 2);
    assert_eq!(count("--from-cut"), 0);
    let printed = check(&format!("merge --wal {wal} --json"), 0).stdout;
    let printed: Vec<Value> = serde_json::Deserializer::from_slice(&printed)
        .into_iter()
        .map(|line| line.unwrap())
        .collect();
    assert_eq!(printed.len() as u64, count(""));
    let epochs: Vec<u64> = printed
        .iter()
        .map(|line| line["epoch"].as_u64().unwrap())
        .collect();
    assert!(epochs.is_sorted());
    // Neither kind of directory is taken for the other.
    check(&format!("truncate --wal {wal} --before 1"), 1);
    check(&format!("inspect --wal {wal}/core-0001"), 0);
}
