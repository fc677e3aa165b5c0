//! Real input, ingested, replayed and decoded, is the input again, exactly. The input is read here
//! a second time by the plainest means, not by the parsers under test.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use flate2::read::MultiGzDecoder;
use nodedb_wal::Reader;
use nodedb_wal::payload::{AnyPayload, CrdtDelta};
use serde_json::Value;

use super::formats::{BlockRequest, EditingTrace, Sample, VectorRow};
use crate::cli::answer::Output;
use crate::cli::args::{Cli, Command};
use crate::replay::{ReplayPlan, ReplayRecord, ReplaySink, SinkError, replay};

/// Where the data sets are: `NODEDB_DATA`, or beside the project.
fn data(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let folder = std::env::var_os("NODEDB_DATA").map_or(beside, PathBuf::from);
    let path = folder.join(file);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {file} is not in NODEDB_DATA nor in ../shared/data beside the project");
    None
}

fn text(path: &Path) -> String {
    let bytes = std::fs::read(path).unwrap();
    let mut text = String::new();
    if bytes.starts_with(&[0x1f, 0x8b]) {
        MultiGzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
    } else {
        text = String::from_utf8(bytes).unwrap();
    }
    text
}

struct Payloads(Vec<AnyPayload>);

impl ReplaySink for Payloads {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        self.0.extend(record.decode()?);
        Ok(())
    }
}

/// What a replay gives after `file` was ingested as `kind`.
fn replayed(kind: &str, file: &Path) -> Vec<AnyPayload> {
    let directory = tempfile::tempdir().unwrap();
    let wal = directory.path().to_str().unwrap();
    let line = [
        "n",
        "ingest",
        "--wal",
        wal,
        "--kind",
        kind,
        "--tenant",
        "1",
        "--database",
        "2",
        "--vshard",
        "3",
        "--collection",
        "c",
        file.to_str().unwrap(),
    ];
    let Command::Ingest(args) = Cli::try_parse_from(line).unwrap().command else {
        panic!("another command");
    };
    let mut printed = Vec::new();
    super::run(&args, &mut Output::new(true, &mut printed)).unwrap();
    let printed: Value = serde_json::from_slice(&printed).unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    let mut sink = Payloads(Vec::new());
    let plan = ReplayPlan::default();
    let report = replay(&reader, &plan, &mut sink, &mut |_| ()).unwrap();
    assert_eq!(printed["records"], report.applied);
    assert_eq!(printed["payload_bytes"], report.applied_bytes);
    assert_eq!(printed["log"]["records"], printed["records"]);
    assert_eq!(
        printed["log"]["write_us"]["count"],
        printed["log"]["writes"]
    );
    assert_eq!(
        printed["last_lsn"],
        report.applied_range.unwrap().last.value()
    );
    let findings = reader.verify(&mut |_, _| ()).unwrap().findings;
    assert!(findings.is_empty(), "{findings:?}");
    sink.0
}

#[test]
fn time_series_come_back_bit_by_bit() {
    for file in [
        "timeseries-machine-temperature.csv",
        "timeseries-cpu-utilization.csv",
    ] {
        let Some(path) = data(file) else { continue };
        let mut samples = Vec::new();
        for payload in replayed("timeseries", &path) {
            let AnyPayload::TimeseriesBatch(batch) = payload else {
                panic!("{payload}");
            };
            assert_eq!(format!("{}.csv", batch.series), file);
            samples.extend(Sample::of_batch(&batch));
        }
        let text = text(&path);
        let rows: Vec<&str> = text.lines().skip(1).collect();
        assert_eq!(samples.len(), rows.len());
        for (sample, row) in samples.iter().zip(rows) {
            let (time, value) = row.split_once(',').unwrap();
            let rfc3339 = crate::cli::text::time(sample.timestamp);
            assert_eq!(rfc3339, format!("{}Z", time.replace(' ', "T")));
            assert_eq!(
                sample.value.to_bits(),
                value.parse::<f64>().unwrap().to_bits()
            );
        }
    }
}

#[test]
fn log_lines_come_back_to_the_letter() {
    let Some(path) = data("log-openstack.log") else {
        return;
    };
    let mut lines = Vec::new();
    for payload in replayed("log", &path) {
        let AnyPayload::LogBatch(batch) = payload else {
            panic!("{payload}");
        };
        lines.extend(batch.lines);
    }
    let text = text(&path);
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, text.split('\n').collect::<Vec<_>>());
    for line in &lines {
        let words: Vec<&str> = line.text.split(' ').collect();
        let time = crate::cli::text::time(line.timestamp);
        // Printed without the zeros at the end of a fraction.
        let written = format!("{}T{}", words[1], words[2]);
        let written = written.trim_end_matches('0').trim_end_matches('.');
        assert_eq!(
            time.trim_end_matches('Z').trim_end_matches('0'),
            written.trim_end_matches('0')
        );
    }
}

#[test]
fn vectors_come_back_bit_by_bit() {
    for (file, has_words) in [
        ("vector-glove-100d.txt", true),
        ("vector-topics-128d.txt.gz", false),
    ] {
        let Some(path) = data(file) else { continue };
        let text = text(&path);
        let payloads = replayed("vector", &path);
        assert_eq!(payloads.len(), text.lines().count());
        for ((number, line), payload) in (1_u64..).zip(text.lines()).zip(payloads) {
            let AnyPayload::VectorPut(put) = payload else {
                panic!("{payload}");
            };
            let row = VectorRow::of_put(put);
            let mut fields: Vec<&str> = line.split_whitespace().collect();
            if has_words {
                assert_eq!(row.id, fields.remove(0).as_bytes());
            } else {
                assert_eq!(row.id, number.to_be_bytes());
            }
            let bits = |number: &f32| number.to_bits();
            let wanted: Vec<f32> = fields.iter().map(|field| field.parse().unwrap()).collect();
            assert!(row.vector.iter().map(bits).eq(wanted.iter().map(bits)));
        }
    }
}

#[test]
fn editing_traces_come_back_transaction_by_transaction() {
    for file in [
        "crdt-friendsforever.json.gz",
        "crdt-sveltecomponent.json.gz",
    ] {
        let Some(path) = data(file) else { continue };
        let text = text(&path);
        let input: Value = serde_json::from_str(&text).unwrap();
        let deltas: Vec<CrdtDelta> = replayed("crdt", &path)
            .into_iter()
            .map(|payload| match payload {
                AnyPayload::CrdtDelta(delta) => delta,
                other => panic!("{other}"),
            })
            .collect();
        let trace = EditingTrace::of_deltas(&deltas).unwrap();
        // The file has its transactions without blanks between them, so they stand in it as one.
        let joined = trace.transactions().collect::<Vec<_>>().join(",");
        assert!(text.contains(&format!("\"txns\":[{joined}]")), "{file}");
        let txns = input["txns"].as_array().unwrap();
        assert_eq!(txns.len(), deltas.len());
        for (txn, delta) in txns.iter().zip(&deltas) {
            assert_eq!(txn["agent"].as_u64().unwrap_or(0), delta.peer);
        }
        if input["kind"] != "concurrent" {
            assert_eq!(edited(&trace), input["endContent"].as_str().unwrap());
        }
    }
}

/// The text that a trace of one writer ends with.
fn edited(trace: &EditingTrace) -> String {
    let mut text: Vec<char> = trace.start_content().chars().collect();
    for txn in trace.transactions() {
        let txn: Value = serde_json::from_str(txn).unwrap();
        for patch in txn["patches"].as_array().unwrap() {
            let number = |at: usize| usize::try_from(patch[at].as_u64().unwrap()).unwrap();
            let (start, deleted) = (number(0), number(1));
            let inserted = patch[2].as_str().unwrap().chars();
            text.splice(start..start + deleted, inserted);
        }
    }
    text.into_iter().collect()
}

/// In parts: the whole trace writes more than two gigabytes.
#[test]
fn block_writes_come_back_row_by_row() {
    let Some(path) = data("kv-block-writes.csv.gz") else {
        return;
    };
    let text = text(&path);
    let mut lines = text.lines();
    let head = lines.next().unwrap();
    let rows: Vec<&str> = lines.collect();
    for part in rows.chunks(6000) {
        check_block_writes(head, part);
    }
}

fn check_block_writes(head: &str, rows: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let part = directory.path().join("part.csv");
    std::fs::write(&part, format!("{head}\n{}", rows.join("\n"))).unwrap();
    let mut puts = replayed("put", &part).into_iter();
    for row in rows.iter().filter(|row| row.contains(",2a,")) {
        let Some(AnyPayload::Put(put)) = puts.next() else {
            panic!("{row} is missing");
        };
        let fields: Vec<u64> = [0, 1, 3, 4]
            .map(|at| row.split(',').nth(at).unwrap().parse().unwrap())
            .to_vec();
        let request = BlockRequest::of_put(&put).unwrap();
        let (size, block) = (request.size_bytes, request.block);
        let version = u64::from(request.version);
        assert_eq!(fields, [version, request.time, u64::from(size), block]);
        assert_eq!(put.key, block.to_be_bytes());
        assert_eq!(put.value.len() as u64, u64::from(size));
    }
    assert_eq!(puts.next(), None);
}
