//! Every golden log, of every version, opens, verifies and reads as its expectation file says.

use std::sync::Arc;

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::storage::{IoMode, OsStorage, Storage};
use nodedb_wal::*;

use crate::describe::{describe, records_of};
use crate::golden::{Files, SETS, files_of};
use crate::scribe::{config, row};

/// Every golden log.
fn each(mut check: impl FnMut(&str, &SimDisk, &str)) {
    for set in SETS {
        for (name, disk, expected) in set.logs() {
            check(&format!("{}/{name}", set.name), &disk, &expected);
        }
    }
}

fn without_story(expected: &str) -> String {
    let lines = expected.lines().skip_while(|line| line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn every_golden_log_opens_as_expected() {
    each(|name, disk, expected| {
        let found = describe(&disk.fork().storage(), disk.fork().storage());
        assert_eq!(found, without_story(expected), "{name}");
    });
}

#[test]
fn every_golden_log_opens_as_expected_on_a_real_file_system() {
    each(|name, disk, expected| {
        let directory = tempfile::tempdir().unwrap();
        for file in disk.names() {
            let bytes = disk.read_file(&file).unwrap();
            std::fs::write(directory.path().join(file), bytes).unwrap();
        }
        let storage: Arc<dyn Storage> = Arc::new(OsStorage::new(directory.path(), IoMode::Direct));
        let found = describe(&storage, Arc::clone(&storage));
        assert_eq!(found, without_story(expected), "{name}");
    });
}

/// Checking everything refuses whatever verifying finds to be lost, and nothing else.
#[test]
fn a_golden_log_opens_with_every_byte_checked_when_nothing_is_wrong_with_it() {
    each(|name, disk, _| {
        let reader = Reader::open_damaged_on(disk.fork().storage()).unwrap();
        let findings = reader.verify(&mut |_, _| {}).unwrap().findings;
        let everything = config(disk.fork().storage()).open_check(OpenCheck::Everything);
        let opened = Log::open(everything).map(|_| ());
        if findings.is_empty() {
            assert!(opened.is_ok(), "{name}: {opened:?}");
        }
        if opened.is_err() {
            assert!(!findings.is_empty(), "{name}: {opened:?}");
        }
    });
}

#[test]
fn reading_and_verifying_change_no_byte_and_neither_does_a_refused_open() {
    each(|name, disk, _| {
        let disk = disk.fork();
        let before: Files = files_of(name, &disk);
        let operations = disk.operations();
        let reader = Reader::open_damaged_on(disk.storage()).unwrap();
        reader.verify(&mut |_, _| {}).unwrap();
        records_of(reader.read(ReadOptions::all().salvage()), true);
        assert_eq!(disk.operations(), operations, "{name}");
        if Log::open(config(disk.storage())).is_err() {
            assert_eq!(files_of(name, &disk), before, "{name}");
        }
    });
}

/// What an old version left is written on by this one, and all of it stays readable.
#[test]
fn a_golden_log_that_opens_can_be_written_on() {
    each(|name, disk, _| {
        let disk = disk.fork();
        let Ok(log) = Log::open(config(disk.storage())) else {
            return;
        };
        let before = records_of(log.read(ReadOptions::all()), false);
        let next = log.next_lsn();
        assert_eq!(log.append(&row(b"one more")).unwrap(), next, "{name}");
        log.close().unwrap();
        disk.kill_process();

        let log = Log::open(config(disk.storage())).unwrap();
        assert_eq!(log.recovery().verdict, Verdict::CleanEnd, "{name}");
        assert_eq!(log.recovery().last_lsn, next, "{name}");
        let after = records_of(log.read(ReadOptions::all()), false);
        assert_eq!(after[..before.len()], before, "{name}");
        let mut last = log.read(ReadOptions::from(next)).unwrap();
        assert_eq!(last.next().unwrap().unwrap().payload, b"one more", "{name}");
    });
}

/// What comes back is not only the same bytes: today's code understands them.
#[test]
fn typed_payloads_of_every_golden_log_decode() {
    let mut decoded = 0;
    each(|name, disk, _| {
        let reader = Reader::open_damaged_on(disk.storage()).unwrap();
        let mut records = reader.read(ReadOptions::all().salvage()).unwrap();
        // Damage ends the loop: such logs hold raw records.
        while let Ok(Some(record)) = records.next() {
            let Some(kind) = record.header.kind.known() else {
                continue;
            };
            if !record.header.is_opaque() {
                let payload = payload::AnyPayload::decode(kind, record.payload).unwrap();
                assert_eq!(payload, crate::samples::of(kind), "{name}");
                decoded += 1;
            }
        }
    });
    assert_eq!(decoded, RecordKind::ALL.len());
}
