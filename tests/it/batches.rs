//! Batches of any size on the real file system: several writers at once, readers beside them, and
//! another segment size when the log is opened again.

use std::sync::atomic::{AtomicBool, Ordering};

use nodedb_wal::*;

const SEGMENT_BYTES: u64 = 64 * 1024;

fn config(directory: &tempfile::TempDir) -> Config {
    Config::new(directory.path())
        .segment_bytes(SEGMENT_BYTES)
        .buffer_bytes(16 * 1024)
}

/// The payload of record `at` of a batch: who, which of his batches, how many records, which record.
fn payload(thread: u16, batch: u16, records: u16, at: u16) -> Vec<u8> {
    let mut bytes = vec![7; 200];
    for (place, number) in [thread, batch, records, at].into_iter().enumerate() {
        bytes[2 * place..2 * place + 2].copy_from_slice(&number.to_le_bytes());
    }
    bytes
}

fn numbers(payload: &[u8]) -> [u16; 4] {
    [0, 2, 4, 6].map(|at| u16::from_le_bytes([payload[at], payload[at + 1]]))
}

/// The size of a thread's batch: of one record, of what the buffer takes, of what a segment takes, of
/// more.
fn size(thread: u16, batch: u16) -> u16 {
    [1, 30, 150, 600, 2][usize::from(thread + batch) % 5]
}

fn write(log: &Log, thread: u16) {
    for batch in 0..12 {
        let records = size(thread, batch);
        let payloads: Vec<_> = (0..records)
            .map(|at| payload(thread, batch, records, at))
            .collect();
        let scope = Scope::new(
            TenantId::new(u64::from(thread)),
            DatabaseId::new(0),
            VshardId::new(0),
        );
        let records: Vec<_> = payloads
            .iter()
            .map(|payload| Record::raw(RecordKind::Put, scope, payload))
            .collect();
        let lsns = log.append_batch(&records).unwrap();
        assert_eq!(
            lsns.last.value() - lsns.first.value() + 1,
            records.len() as u64
        );
        if batch.is_multiple_of(3) {
            assert!(log.commit(lsns.last).unwrap().lsn() >= lsns.last);
        }
    }
}

/// Reads on until `is_over` and there is nothing more; how many records there were. No batch is cut, and
/// nothing is between its records.
fn follow(records: &mut Records, is_over: impl Fn() -> bool) -> u64 {
    let (mut count, mut within) = (0, None);
    loop {
        let was_over = is_over();
        while let Some(record) = records.next().unwrap() {
            let [thread, batch, size, at] = numbers(record.payload);
            let expected = within.unwrap_or([thread, batch, size, 0]);
            assert_eq!([thread, batch, size, at], expected);
            assert_eq!(record.header.batch_continues(), at + 1 < size);
            within = (at + 1 < size).then_some([thread, batch, size, at + 1]);
            count += 1;
        }
        assert_eq!(within, None, "half a batch was read");
        if was_over {
            return count;
        }
        std::thread::yield_now();
    }
}

#[test]
fn batches_of_several_threads_are_whole_and_nobody_fails() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(config(&directory)).unwrap();
    let is_over = AtomicBool::new(false);
    let expected: u64 = (0..4)
        .flat_map(|thread| (0..12).map(move |batch| u64::from(size(thread, batch))))
        .sum();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut records = log.read(ReadOptions::all()).unwrap();
            follow(&mut records, || is_over.load(Ordering::Acquire))
        });
        let writers: Vec<_> = (0..4)
            .map(|thread| {
                let log = &log;
                scope.spawn(move || write(log, thread))
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        log.sync().unwrap();
        is_over.store(true, Ordering::Release);
        assert_eq!(reader.join().unwrap(), expected);
    });
    assert_eq!(log.next_lsn().value(), expected + 1);
    log.close().unwrap();
    let report = Reader::open(directory.path())
        .unwrap()
        .verify(&mut |_, _| {})
        .unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
}

#[test]
fn a_log_with_long_segments_is_opened_with_short_ones_and_the_other_way_round() {
    let directory = tempfile::tempdir().unwrap();
    let mut expected = 0;
    for (round, segment_bytes) in [(0, SEGMENT_BYTES), (1, 1 << 20), (2, SEGMENT_BYTES)] {
        let log = Log::open(config(&directory).segment_bytes(segment_bytes)).unwrap();
        write(&log, round);
        expected += (0..12)
            .map(|batch| u64::from(size(round, batch)))
            .sum::<u64>();
        log.sync().unwrap();
        let mut records = log.read(ReadOptions::all()).unwrap();
        assert_eq!(follow(&mut records, || true), expected);
        if round == 1 {
            // What is not closed is found without a seal.
            drop(records);
            drop(log);
        } else {
            log.close().unwrap();
        }
    }
    let log = Log::open(config(&directory)).unwrap();
    log.finish_recovery().unwrap();
    log.rotate().unwrap();
    log.truncate_before(log.next_lsn()).unwrap();
    log.close().unwrap();
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let file = file.unwrap();
        let len = file.metadata().unwrap().len();
        assert!(len <= SEGMENT_BYTES, "{:?} has {len} bytes", file.path());
    }
}

/// A batch over the limit is refused, and says what the limit is.
#[test]
fn the_limit_of_a_batch_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(config(&directory).batch_bytes_max(100_000)).unwrap();
    let payload = vec![7; 1000];
    let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
    // 64 bytes of header, and the payload rounded up to 16.
    let bytes = 64 + 1008;
    let most = 100_000 / bytes;
    let answer = log.append_batch(&vec![record; most + 1]);
    let len = ((most + 1) * bytes) as u64;
    assert!(
        matches!(
            answer,
            Err(Error::TooLarge {
                what: "batch",
                len_bytes,
                len_bytes_max: 100_000
            }) if len_bytes == len
        ),
        "{answer:?}"
    );
    assert_eq!(log.next_lsn(), Lsn::FIRST);
    let lsns = log.append_batch(&vec![record; most]).unwrap();
    assert_eq!(lsns.last.value(), most as u64);
    log.close().unwrap();
}
