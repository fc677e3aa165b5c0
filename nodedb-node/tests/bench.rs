//! The benchmark as people run it, with settings so small that its figures mean nothing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn bench(directory: &Path, more: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nodedb-node"))
        .args(["bench", "--json", "--seconds", "0.02", "--mib", "1"])
        .arg("--dir")
        .arg(directory)
        .args(more.split_whitespace())
        .output()
        .unwrap()
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn rows(report: &Value) -> Vec<String> {
    let rows = report["rows"].as_array().unwrap().iter();
    let name = |row: &Value| {
        let (group, name) = (row["group"].as_str(), row["name"].as_str());
        format!("{}: {}", group.unwrap(), name.unwrap())
    };
    rows.map(name).collect()
}

const ROWS: [&str; 55] = [
    "raw: 4 KiB durable write, written space",
    "raw: 4 KiB durable write, allocated space",
    "raw: 1 MiB durable writes, written space",
    "raw: 1 MiB durable writes, allocated space",
    "raw: 1 MiB direct reads",
    "raw: 1 MiB buffered reads, cold",
    "raw: 1 MiB buffered reads, warm",
    "commit: 1 thread",
    "commit: 4 threads",
    "commit: 16 threads",
    "commit: 64 threads",
    "commit: 256 threads",
    "commit: 10,000 futures",
    "stream: 1 thread, 64 B",
    "stream: 1 thread, 256 B",
    "stream: 1 thread, 4 KiB",
    "stream: 1 thread, 64 KiB",
    "stream: 2 threads, 256 B",
    "percore: one shared log, 1 writer, 64 B",
    "percore: one log each, 1 writer, 64 B",
    "percore: one shared log, 1 writer, 256 B",
    "percore: one log each, 1 writer, 256 B",
    "percore: one shared log, 1 writer, 4 KiB",
    "percore: one log each, 1 writer, 4 KiB",
    "percore: one shared log, 2 writers, 64 B",
    "percore: one log each, 2 writers, 64 B",
    "percore: one shared log, 2 writers, 256 B",
    "percore: one log each, 2 writers, 256 B",
    "percore: one shared log, 2 writers, 4 KiB",
    "percore: one log each, 2 writers, 4 KiB",
    "percore: merge of 16,384 records of 4 cores, 64 B",
    "replay: 64 B, cold",
    "replay: 64 B, warm",
    "replay: 256 B, cold",
    "replay: 256 B, warm",
    "replay: 4 KiB, cold",
    "replay: 4 KiB, warm",
    "replay: 64 KiB, cold",
    "replay: 64 KiB, warm",
    "replay: 256 B, warm, 1 % kept",
    "replay: 4 KiB, warm, 1 % kept",
    "open: 1 MiB, after a crash",
    "open: 1 MiB, after a close",
    "open: 8 MiB, after a crash",
    "open: 8 MiB, after a close",
    "rotation: 1 thread, 4 KiB, one segment",
    "rotation: 1 thread, 4 KiB, 1 MiB segments",
    "rotation: 16 threads, 256 B, one segment",
    "rotation: 16 threads, 256 B, 1 MiB segments",
    "tenants: all at their share",
    "tenants: one at 10 times its share",
    "tenants: one streaming",
    "tenants: all at their share, shares off",
    "tenants: one at 10 times its share, shares off",
    "tenants: one streaming, shares off",
];

#[test]
fn a_tiny_run_has_every_row_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().unwrap();
    let (directory, page) = (home.path().join("on"), home.path().join("page.html"));
    fs::create_dir(&directory).unwrap();
    let more = format!("--runs 1 --large --html {}", page.display());
    let report = report(&bench(&directory, &more));
    assert_eq!(rows(&report), ROWS);
    for row in report["rows"].as_array().unwrap() {
        let figures = row["figures"].as_object().unwrap();
        assert!(!figures.is_empty(), "{row}");
        for (key, figure) in figures {
            let median = figure["median"].as_f64().unwrap();
            let may_be_none = ["rotations", "read_mib"].contains(&key.as_str());
            assert!(median > 0.0 || may_be_none, "{key} of {row}");
        }
    }
    assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
    assert!(fs::read_to_string(page).unwrap().contains("<svg"));
}

#[test]
fn only_what_was_asked_for_runs_beside_what_it_is_compared_with() {
    let home = tempfile::tempdir().unwrap();
    let more = "--runs 2 --only commit-4 stream-2-threads";
    let report = report(&bench(home.path(), more));
    assert_eq!(
        rows(&report),
        [
            "raw: 1 MiB durable writes, written space",
            "raw: 1 MiB durable writes, allocated space",
            "commit: 4 threads",
            "stream: 1 thread, 256 B",
            "stream: 2 threads, 256 B",
        ]
    );
    let ratio = &report["rows"][2]["figures"]["rate_x_raw_4k"]["runs"];
    assert_eq!(ratio.as_array().unwrap().len(), 2, "{ratio}");
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
}

#[test]
fn a_directory_that_is_not_there_is_an_io_error_and_is_not_made() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("nowhere");
    let output = bench(&directory, "");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let error: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(!error["causes"].as_array().unwrap().is_empty(), "{error}");
    assert!(!directory.exists());
}
