//! Buffers that are full go to a thread of the log: what it brings to the disk is what was appended,
//! and what it cannot bring there is told to whoever appends next.

use std::collections::BTreeMap;

use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::*;

fn record(payload: &[u8]) -> Record<'_> {
    Record::raw(RecordKind::Put, Scope::default(), payload)
}

/// Four threads stream into one log through a buffer of one block, and a fifth commits now and then:
/// everybody is at the disk all the time.
#[test]
fn a_stream_through_a_small_buffer_comes_back_whole_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let config = || {
        Config::new(directory.path())
            .segment_bytes(256 << 10)
            .buffer_bytes(4096)
    };
    let log = Log::open(config()).unwrap();
    std::thread::scope(|threads| {
        for thread in 0..4_u8 {
            let log = &log;
            threads.spawn(move || {
                for n in 0..1_500_u32 {
                    let mut payload = vec![thread; 1 + n as usize % 700];
                    payload.extend_from_slice(&n.to_le_bytes());
                    log.append(&record(&payload)).unwrap();
                }
            });
        }
        for _ in 0..50 {
            log.sync().unwrap();
        }
    });
    log.close().unwrap();

    let log = Log::open(config()).unwrap();
    let mut records = log.read(ReadOptions::all()).unwrap();
    let mut next: BTreeMap<u8, u32> = BTreeMap::new();
    let mut count = 0;
    while let Some(record) = records.next().unwrap() {
        let (fill, n) = record.payload.split_last_chunk::<4>().unwrap();
        let expected = next.entry(fill[0]).or_default();
        assert_eq!(u32::from_le_bytes(*n), *expected);
        assert!(fill.iter().all(|&byte| byte == fill[0]));
        *expected += 1;
        count += 1;
    }
    assert_eq!(count, 4 * 1_500);
}

#[test]
fn a_failed_write_that_was_handed_over_is_told_to_whoever_appends_next() {
    let disk = SimDisk::new(7);
    disk.set_allows_threads(true);
    let config = Config::on(disk.storage())
        .segment_bytes(1 << 20)
        .buffer_bytes(8192);
    let log = Log::open(config).unwrap();
    let lsn = log.append(&record(b"acknowledged")).unwrap();
    log.commit(lsn).unwrap();
    let at = (disk.operations()..disk.operations() + 1000)
        .map(|operation| (operation, Fault::Error))
        .collect();
    disk.set_faults(FaultPlan {
        at,
        ..FaultPlan::default()
    });
    let refused = (0..1_000_000).find_map(|_| log.append(&record(&[1; 500])).err());
    assert!(
        matches!(refused, Some(Error::Poisoned { .. })),
        "{refused:?}"
    );
    assert_eq!(log.durable_lsn(), lsn);
    assert!(matches!(log.sync(), Err(Error::Poisoned { .. })));
}
