//! The three questions: does the new reader read old data, what does the old reader do with new
//! data, and does the old writer leave new data alone. "Old" is this version; what is new is told
//! by golden logs that say things this version does not know.

use nodedb_wal::format::SegmentHeaderFault;
use nodedb_wal::format::layout::{VERSION, segment as segment_header};
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

use crate::describe::records_of;
use crate::golden::{SETS, files_of};
use crate::scribe::config;

fn golden(set: &str, log: &str) -> SimDisk {
    let set = SETS.iter().find(|s| s.name == set).unwrap();
    let mut logs = set.logs().into_iter();
    logs.find(|(name, ..)| name == log).unwrap().1
}

fn reader(log: &str) -> Reader {
    Reader::open_on(golden("v1", log).storage()).unwrap()
}

/// The LSNs read, and how the read ended.
fn lsns(reader: &Reader, options: ReadOptions) -> (Vec<u64>, Result<()>) {
    let mut lsns = Vec::new();
    let mut records = reader.read(options).unwrap();
    loop {
        match records.next() {
            Ok(Some(record)) => lsns.push(record.lsn().value()),
            Ok(None) => return (lsns, Ok(())),
            Err(error) => return (lsns, Err(error)),
        }
    }
}

#[test]
fn the_new_reader_reads_old_data() {
    for set in SETS.iter().filter(|set| set.version <= VERSION) {
        let sound = [
            "several-segments",
            "batch",
            "sealed",
            "kind-001-put",
            "kind-custom",
        ];
        for log in sound {
            let reader = Reader::open_on(golden(set.name, log).storage()).unwrap();
            let report = reader.verify(&mut |_, _| {}).unwrap();
            assert!(report.findings.is_empty(), "{}/{log}: {report:?}", set.name);
            let (read, ended) = lsns(&reader, ReadOptions::all());
            assert!(ended.is_ok(), "{}/{log}: {ended:?}", set.name);
            let last = reader.recovery().last_lsn.value();
            assert_eq!(read, (1..=last).collect::<Vec<_>>(), "{}/{log}", set.name);
        }
    }
}

#[test]
fn the_old_reader_passes_over_an_optional_kind_to_come_and_says_so() {
    for log in ["unknown-optional-kind", "wrong-required-bit"] {
        let reader = reader(log);
        assert_eq!(lsns(&reader, ReadOptions::all()).0, [1, 3], "{log}");
        let mut records = reader.read(ReadOptions::all()).unwrap();
        while records.next().unwrap().is_some() {}
        assert_eq!(records.stats().records_unknown, 1, "{log}");
        // Who looks at a log rather than replaying it sees it.
        assert_eq!(
            lsns(&reader, ReadOptions::all().salvage()).0,
            [1, 2, 3],
            "{log}"
        );
        assert!(
            reader.verify(&mut |_, _| {}).unwrap().findings.is_empty(),
            "{log}"
        );
    }
}

#[test]
fn the_old_reader_stops_in_front_of_a_required_kind_to_come() {
    let reader = reader("unknown-required-kind");
    let (read, ended) = lsns(&reader, ReadOptions::all());
    assert_eq!(read, [1]);
    let Err(Error::UnknownRequiredKind { lsn, kind }) = ended else {
        panic!("{ended:?}");
    };
    assert_eq!((lsn, kind.number()), (Lsn::new(2), 250));
    // Behind it everything is as ever.
    assert_eq!(lsns(&reader, ReadOptions::from(Lsn::new(3))).0, [3]);
    assert_eq!(lsns(&reader, ReadOptions::all().salvage()).0, [1, 2, 3]);
}

/// A filter is a choice among records that are understood. A record that must not be passed over is
/// not passed over because a footer would allow it: what it says may concern any record behind it.
#[test]
fn the_old_reader_stops_in_front_of_a_required_kind_to_come_whatever_is_asked_for() {
    let reader = reader("unknown-kinds-sealed");
    let check = |options: ReadOptions| {
        let (_, ended) = lsns(&reader, options.clone());
        let is_told =
            matches!(ended, Err(Error::UnknownRequiredKind { lsn, .. }) if lsn.value() == 3);
        assert!(is_told, "{options:?}: {ended:?}");
    };
    check(ReadOptions::all());
    check(ReadOptions::all().kinds(&[RecordKind::Delete]));
    check(ReadOptions::all().tenant(TenantId::new(99)));
    check(ReadOptions::all().epochs(Epoch::new(5)..=Epoch::new(6)));
    check(ReadOptions::all().control_only());
    check(ReadOptions::all().headers_only());
    check(ReadOptions::all().collection(CollectionTag::of("nothing")));
    // Only who starts behind it never meets it.
    assert_eq!(lsns(&reader, ReadOptions::from(Lsn::new(4))).0, [4]);
    let in_front = ReadOptions::all().until(Lsn::new(2));
    assert!(lsns(&reader, in_front).1.is_ok());
}

#[test]
fn the_old_reader_refuses_a_record_with_a_flag_to_come() {
    for (log, bit) in [("unknown-record-flag", 0x8000), ("reserved-record-flag", 4)] {
        let opened = Reader::open_on(golden("v1", log).storage()).map(|_| ());
        let Err(Error::UnknownRecordFlags { lsn, flags, .. }) = opened else {
            panic!("{log}: {opened:?}");
        };
        assert_eq!((lsn, flags), (Lsn::new(2), bit), "{log}");
    }
}

#[test]
fn the_old_reader_says_that_a_version_is_too_new_or_too_old_and_not_that_it_is_damaged() {
    let check = |log: &str, expected: SegmentHeaderFault| {
        let opened = Reader::open_on(golden("v1", log).storage()).map(|_| ());
        let Err(Error::SegmentHeader { source, .. }) = opened else {
            panic!("{log}: {opened:?}");
        };
        assert_eq!(source, expected, "{log}");
    };
    check("future-version", SegmentHeaderFault::TooNew { found: 2 });
    check(
        "future-version-last",
        SegmentHeaderFault::TooNew { found: u32::MAX },
    );
    check("past-version", SegmentHeaderFault::TooOld { found: 0 });
    check(
        "unknown-segment-flag",
        SegmentHeaderFault::UnknownFlags { flags: 1 << 31 },
    );
}

#[test]
fn the_old_writer_refuses_new_data_and_changes_no_byte() {
    let logs = [
        "future-version",
        "future-version-last",
        "past-version",
        "unknown-segment-flag",
        "unknown-trailer-flag",
        "unknown-record-flag",
        "reserved-record-flag",
    ];
    for log in logs {
        let disk = golden("v1", log);
        let before = files_of(log, &disk);
        for _ in 0..2 {
            let opened = Log::open(config(disk.storage())).map(|_| ());
            let Err(error) = opened else {
                panic!("{log} was opened for writing");
            };
            assert_eq!(error.class(), ErrorClass::Corruption, "{log}: {error}");
            assert_eq!(files_of(log, &disk), before, "{log}");
        }
    }
}

/// A kind to come is no reason to stop writing: the log keeps what it does not understand.
#[test]
fn the_old_writer_keeps_records_of_kinds_to_come() {
    for log in [
        "unknown-optional-kind",
        "unknown-required-kind",
        "unknown-kinds-sealed",
    ] {
        let disk = golden("v1", log);
        let all = || ReadOptions::all().salvage();
        let reader = Reader::open_on(disk.storage()).unwrap();
        let before = records_of(reader.read(all()), true);
        drop(reader);
        Log::open(config(disk.storage())).unwrap().close().unwrap();
        disk.kill_process();
        let reader = Reader::open_on(disk.storage()).unwrap();
        assert_eq!(records_of(reader.read(all()), true), before, "{log}");
        let report = reader.verify(&mut |_, _| {}).unwrap();
        assert!(report.findings.is_empty(), "{log}: {report:?}");
    }
}

/// A later version went on with a log, or was tried on it for a while: its segment may be anywhere.
#[test]
fn a_segment_of_a_version_to_come_is_refused_wherever_it_stands() {
    let names = golden("v1", "several-segments").names();
    let segments: Vec<_> = names
        .iter()
        .filter(|name| name.starts_with("wal-0"))
        .collect();
    assert!(segments.len() > 2, "{names:?}");
    for segment in segments {
        let disk = golden("v1", "several-segments");
        for copy in [0, 2048] {
            let offset = copy + u64::try_from(segment_header::version.offset).unwrap();
            disk.patch(segment, offset, &(VERSION + 1).to_le_bytes())
                .unwrap();
        }
        let before = files_of("log", &disk);
        let is_told = |error: &Error| {
            let Error::SegmentHeader { path, source } = error else {
                return false;
            };
            let too_new = SegmentHeaderFault::TooNew { found: VERSION + 1 };
            path.ends_with(segment) && *source == too_new
        };
        let read = Reader::open_on(disk.storage()).map(|_| ());
        assert!(read.as_ref().is_err_and(is_told), "{segment}: {read:?}");
        for check in [OpenCheck::LastSegment, OpenCheck::Everything] {
            let opened = Log::open(config(disk.storage()).open_check(check)).map(|_| ());
            assert!(opened.as_ref().is_err_and(is_told), "{segment}: {opened:?}");
        }
        assert_eq!(files_of("log", &disk), before, "{segment}");
    }
}

/// The same on a real file system, where refusing leaves nothing behind but the lock's file.
#[test]
fn the_old_writer_leaves_a_real_directory_of_a_newer_one_as_it_is() {
    let listing = |directory: &std::path::Path| {
        let entries = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap());
        let files = entries.filter(|entry| entry.file_name() != "wal.lock");
        let files = files.map(|entry| {
            let modified = entry.metadata().unwrap().modified().unwrap();
            (
                entry.file_name(),
                modified,
                std::fs::read(entry.path()).unwrap(),
            )
        });
        let mut files: Vec<_> = files.collect();
        files.sort();
        files
    };
    for log in [
        "future-version",
        "future-version-last",
        "unknown-segment-flag",
    ] {
        let directory = tempfile::tempdir().unwrap();
        let disk = golden("v1", log);
        for file in disk.names() {
            let bytes = disk.read_file(&file).unwrap();
            std::fs::write(directory.path().join(file), bytes).unwrap();
        }
        let before = listing(directory.path());
        let opened = Log::open(Config::new(directory.path())).map(|_| ());
        let is_told = matches!(opened, Err(Error::SegmentHeader { .. }));
        assert!(is_told, "{log}: {opened:?}");
        assert_eq!(listing(directory.path()), before, "{log}");
    }
}
