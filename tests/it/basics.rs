//! Append, commit, reopen, read: the promises of one log, used as a program uses it.

use nodedb_wal::*;

fn scope(tenant: u64) -> Scope {
    Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(3))
}

fn put(log: &Log, payload: &[u8]) -> Lsn {
    log.append(&Record::raw(RecordKind::Put, scope(7), payload))
        .unwrap()
}

fn payloads(records: &mut Records) -> Vec<(u64, Vec<u8>)> {
    let mut found = Vec::new();
    while let Some(record) = records.next().unwrap() {
        found.push((record.lsn().value(), record.payload.to_vec()));
    }
    found
}

fn small(directory: &std::path::Path) -> Config {
    Config::new(directory).segment_bytes(1 << 20)
}

#[test]
fn what_was_committed_is_there_after_a_crash_and_what_was_not_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    for n in 0..10_u64 {
        let lsn = put(&log, format!("value {n}").as_bytes());
        assert_eq!(lsn, Lsn::new(n + 1));
        assert_eq!(log.commit(lsn).unwrap().lsn(), lsn);
    }
    put(&log, b"never committed");
    drop(log);

    let log = Log::open(small(directory.path())).unwrap();
    assert_eq!(log.recovery().verdict, Verdict::CleanEnd);
    let found = payloads(&mut log.read(ReadOptions::all()).unwrap());
    assert_eq!(found.len(), 10);
    assert_eq!(found[9], (10, b"value 9".to_vec()));
    assert_eq!(put(&log, b"next"), Lsn::new(11));
    log.close().unwrap();

    let reader = Reader::open(directory.path()).unwrap();
    assert_eq!(
        payloads(&mut reader.read(ReadOptions::all()).unwrap()).len(),
        11
    );
    let report = reader.verify(&mut |_, _| {}).unwrap();
    assert!(report.findings.is_empty(), "{report:?}");
    assert_eq!(report.records, 11);
}

#[test]
fn records_of_all_sizes_cross_segments_and_come_back() {
    for io_mode in [storage::IoMode::Direct, storage::IoMode::Buffered] {
        let directory = tempfile::tempdir().unwrap();
        let config = || {
            Config::new(directory.path())
                .segment_bytes(256 << 10)
                .io_mode(io_mode)
        };
        let log = Log::open(config()).unwrap();
        let sizes = [
            0, 1, 15, 16, 17, 63, 64, 4000, 4031, 4032, 4096, 65_000, 150_000,
        ];
        let mut expected = Vec::new();
        for round in 0..30_u8 {
            for size in sizes {
                let payload = vec![round; size];
                let lsn = put(&log, &payload);
                expected.push((lsn.value(), payload));
                if size % 3 == 0 {
                    log.commit(lsn).unwrap();
                }
            }
        }
        log.sync().unwrap();
        assert_eq!(
            payloads(&mut log.read(ReadOptions::all()).unwrap()),
            expected
        );
        assert!(log.segments().unwrap().len() > 10);
        drop(log);
        let log = Log::open(config()).unwrap();
        assert_eq!(
            payloads(&mut log.read(ReadOptions::all()).unwrap()),
            expected
        );
        let from = ReadOptions::from(Lsn::new(200)).until(Lsn::new(210));
        assert_eq!(payloads(&mut log.read(from).unwrap()), expected[199..210]);
        log.close().unwrap();
        let reader = Reader::open(directory.path()).unwrap();
        let report = reader.verify(&mut |_, _| {}).unwrap();
        assert!(report.findings.is_empty(), "{report:?}");
        assert_eq!(
            payloads(&mut reader.read(ReadOptions::all()).unwrap()),
            expected
        );
    }
}

#[test]
fn many_threads_share_writes_and_each_gets_its_own_lsn() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let mut lsns: Vec<u64> = std::thread::scope(|threads| {
        let workers: Vec<_> = (0..16)
            .map(|_| {
                threads.spawn(|| {
                    (0..200)
                        .map(|_| {
                            let lsn = put(&log, &[1; 256]);
                            assert!(log.commit(lsn).unwrap().lsn() >= lsn);
                            lsn.value()
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap())
            .collect()
    });
    lsns.sort_unstable();
    assert_eq!(lsns, (1..=3200).collect::<Vec<_>>());
    assert!(log.stats().writes < 3200, "writes are shared");
}

#[test]
fn truncation_drops_whole_segments_from_the_front_and_survives_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(Config::new(directory.path()).segment_bytes(64 << 10)).unwrap();
    for _ in 0..1000 {
        put(&log, &[5; 1000]);
    }
    log.sync().unwrap();
    let before = log.segments().unwrap().len();
    let truncated = log.truncate_before(Lsn::new(500)).unwrap();
    assert!(
        truncated.segments > 3 && truncated.segments < before,
        "{truncated:?}"
    );
    let start = log.start_lsn();
    assert!(start <= Lsn::new(500) && start > Lsn::new(400), "{start}");
    let gone = log.read(ReadOptions::from(Lsn::new(1))).map(|_| ());
    assert!(matches!(gone, Err(Error::Truncated { .. })), "{gone:?}");
    drop(log);
    let log = Log::open(Config::new(directory.path()).segment_bytes(64 << 10)).unwrap();
    assert_eq!(log.start_lsn(), start);
    assert_eq!(log.next_lsn(), Lsn::new(1001));
}

#[test]
fn a_second_open_fails_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let second = Log::open(small(directory.path())).map(|_| ());
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    drop(log);
    Log::open(small(directory.path())).unwrap();
}
