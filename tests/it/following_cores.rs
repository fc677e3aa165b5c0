//! Following through the directory as a stream, and the logs of all cores at once.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::mpsc;
use std::thread;

use nodedb_wal::percore::{CoreFollower, CoreLogs, CoreWriter, CoresConfig, core_directories};
use nodedb_wal::*;

use crate::following::{collect, taking};

fn small(directory: &Path) -> Config {
    Config::new(directory).segment_bytes(1 << 20)
}

fn payload(lsn: u64) -> Vec<u8> {
    lsn.to_le_bytes()
        .repeat(1 + usize::try_from(lsn % 300).unwrap())
}

#[test]
fn a_stream_beside_the_process_brings_everything_durable_once_and_in_order() {
    const RECORDS: u64 = 4_000;
    let directory = tempfile::tempdir().unwrap();
    let options = ReadOptions::from(Lsn::FIRST).until(Lsn::new(RECORDS));
    // Before there is a log.
    let follower = Follower::open(directory.path(), options).unwrap();
    let stream = follower.into_stream().unwrap();
    let reading = thread::spawn(move || collect(stream));
    for life in 0..2 {
        let log = Log::open(small(directory.path())).unwrap();
        for lsn in life * RECORDS / 2 + 1..=(life + 1) * RECORDS / 2 {
            let bytes = payload(lsn);
            let record = Record::raw(RecordKind::Put, Scope::default(), &bytes);
            assert_eq!(log.append(&record).unwrap(), Lsn::new(lsn));
        }
        log.close().unwrap();
    }
    let records = reading.join().unwrap();
    assert_eq!(records.len() as u64, RECORDS);
    for (record, lsn) in records.iter().zip(1..) {
        assert_eq!(record.lsn(), Lsn::new(lsn));
        assert_eq!(record.payload(), payload(lsn));
    }
}

#[test]
fn a_stream_beside_the_process_tells_an_error_once_and_ends_and_may_be_dropped_while_it_waits() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let big = vec![1; 60 << 10];
    for _ in 0..60 {
        let record = Record::raw(RecordKind::Put, Scope::default(), &big);
        log.append(&record).unwrap();
    }
    log.sync().unwrap();
    let follower = Follower::open(directory.path(), ReadOptions::from(Lsn::FIRST)).unwrap();
    log.truncate_before(Lsn::new(50)).unwrap();
    let stream = pin!(follower.into_stream().unwrap());
    let mut next = taking(stream);
    let error = loop {
        if let Err(error) = next().expect("it does not end before it says why") {
            break error;
        }
    };
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
    assert!(next().is_none() && next().is_none());
    let waiting = Follower::open(directory.path(), ReadOptions::from(Lsn::MAX)).unwrap();
    drop(waiting.into_stream().unwrap());
}

fn open(directory: &Path, cores: u32) -> (CoreLogs, Vec<CoreWriter>) {
    CoreLogs::open(CoresConfig::new(small(directory), cores)).unwrap()
}

/// Each core's owner writes `count` records on a thread of its own, a sync behind each.
fn write(writers: &mut [CoreWriter], count: u64) {
    thread::scope(|scope| {
        for writer in writers {
            scope.spawn(move || {
                for _ in 0..count {
                    let core = writer.core().to_le_bytes();
                    let record = Record::raw(RecordKind::Put, Scope::default(), &core);
                    writer.append(&record).unwrap();
                    writer.sync().unwrap();
                }
            });
        }
    });
}

/// One process writes 2 cores, then 3, then 1; the other is told of each record once, in the order of
/// its core, and of cores that came later.
#[test]
fn all_cores_are_followed_each_in_its_sequence_and_cores_that_come_too() {
    const EACH: u64 = 40;
    let directory = tempfile::tempdir().unwrap();
    let mut follower =
        CoreFollower::open(directory.path(), |_| ReadOptions::from(Lsn::FIRST)).unwrap();
    let (told, tidings) = mpsc::channel();
    let stopper = follower.stopper();
    let following = thread::spawn(move || {
        while let Some((core, record)) = follower.next().unwrap() {
            told.send((core, record)).unwrap();
        }
        follower.cores().collect::<Vec<_>>()
    });
    let mut seen: BTreeMap<u32, u64> = BTreeMap::new();
    for cores in [2, 3, 1] {
        let (logs, mut writers) = open(directory.path(), cores);
        write(&mut writers, EACH);
        // The witness vouches for the last record of each, though nobody writes any more.
        for _ in 0..u64::from(cores) * EACH {
            let (core, record) = tidings.recv().unwrap();
            let last = seen.entry(core).or_default();
            *last += 1;
            assert_eq!(record.lsn(), Lsn::new(*last), "core {core}");
            assert_eq!(record.payload(), core.to_le_bytes());
        }
        logs.close(writers).unwrap();
    }
    assert_eq!(seen, BTreeMap::from([(0, 120), (1, 80), (2, 40)]));
    stopper.stop();
    assert_eq!(following.join().unwrap(), [0, 1, 2]);
    assert!(tidings.try_recv().is_err(), "nothing came twice");
    let found = core_directories(directory.path()).unwrap();
    assert_eq!(found.len(), 3);
    assert!(core_directories(&found[0].1).unwrap().is_empty());
}

#[test]
fn a_core_is_followed_in_the_process_that_writes_it() {
    let directory = tempfile::tempdir().unwrap();
    let (logs, mut writers) = open(directory.path(), 2);
    let mut tail = logs.tail(1, ReadOptions::all()).unwrap().unwrap();
    assert!(logs.tail(2, ReadOptions::all()).unwrap().is_none());
    write(&mut writers, 3);
    for lsn in 1..=3 {
        let record = tail.next().unwrap().unwrap();
        assert_eq!((record.lsn(), record.payload[0]), (Lsn::new(lsn), 1));
    }
    assert!(matches!(tail.try_next().unwrap(), Tailed::NotYet));
    logs.close(writers).unwrap();
}

/// Damage in one core is told, with the file, and not taken for its end; the others go on.
#[test]
fn damage_in_one_core_is_told_and_the_others_are_followed_on() {
    const EACH: u64 = 50;
    let directory = tempfile::tempdir().unwrap();
    let (logs, mut writers) = open(directory.path(), 2);
    write(&mut writers, EACH);
    logs.close(writers).unwrap();
    let reader = Reader::open(directory.path().join("core-0001")).unwrap();
    let mut records = reader.read(ReadOptions::all()).unwrap();
    let offset = loop {
        let record = records.next().unwrap().unwrap();
        if record.lsn() == Lsn::new(20) {
            break record.offset;
        }
    };
    drop(records);
    // Where segments begin is a matter of time.
    let mut segments = reader.segments().unwrap().into_iter();
    let holds = |segment: &SegmentInfo| segment.last_lsn >= Lsn::new(20);
    let segment = segments.find(holds).unwrap().path;
    let mut bytes = std::fs::read(&segment).unwrap();
    // In its payload: the header is 64 bytes.
    bytes[usize::try_from(offset).unwrap() + 64] ^= 1;
    std::fs::write(&segment, bytes).unwrap();
    let all = |_| ReadOptions::from(Lsn::FIRST);
    let mut follower = CoreFollower::open(directory.path(), all).unwrap();
    let (mut seen, mut errors) = ([0_u64; 2], Vec::new());
    while seen[0] < EACH || (errors.is_empty() && seen[1] < EACH) {
        match follower.next() {
            Ok(next) => seen[next.unwrap().0 as usize] += 1,
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(seen, [EACH, 19]);
    match &errors[..] {
        [Error::Damaged { path, lsns, .. }] => {
            assert_eq!((path, lsns.first), (&segment, Lsn::new(20)));
        }
        other => panic!("{other:?}"),
    }
}
