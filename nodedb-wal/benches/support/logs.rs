//! A whole log in memory: append, commit, rotate, read, open.

use std::hint::black_box;
use std::sync::Arc;

use nodedb_wal::percore::{CoreLogs, CoreWriter, CoresConfig};
use nodedb_wal::{
    CollectionTag, Config, DatabaseId, Log, ReadOptions, Record, RecordKind, Scope, TenantId,
    VshardId,
};

use super::memory::Memory;
use super::workload::{Run, Workload};

/// Takes all records of a workload without a rotation.
const SEGMENT_BYTES: u64 = 1 << 20;
const RECORDS: u64 = 1_000;
/// Of 4 KiB.
const LARGE_RECORDS: u64 = 200;
const COMMITS: u64 = 100;
const BATCH: u64 = 16;
const SEALED: u64 = 16;

pub(super) fn workloads() -> Vec<Workload> {
    let filter = || ReadOptions::all().tenant(TenantId::new(99));
    vec![
        append(64, RECORDS),
        append(256, RECORDS),
        append(4_096, LARGE_RECORDS),
        append_by_owner(64, RECORDS),
        append_by_owner(256, RECORDS),
        append_by_owner(4_096, LARGE_RECORDS),
        Workload::new("append 256 B, mixed scopes", RECORDS, || {
            let log = new_log();
            Box::new(move || fill_mixed(&log, RECORDS, 256))
        }),
        Workload::new("append_batch 16 x 256 B", RECORDS, append_batches),
        Workload::new("append and commit 256 B", COMMITS, commits),
        replay(64, RECORDS),
        replay(256, RECORDS),
        replay(4_096, LARGE_RECORDS),
        Workload::new("scan keeping 1 % by header, 64 B", RECORDS, move || {
            let log = filled(|log| fill_mixed(log, RECORDS, 64));
            Box::new(move || {
                assert_eq!(count(&log, filter()), RECORDS / 100);
            })
        }),
        Workload::new("rotate: footer, seal, next segment", 1, || {
            let log = filled(|log| fill_mixed(log, RECORDS, 64));
            Box::new(move || log.rotate().unwrap())
        }),
        Workload::new("skip 16 segments by footer", SEALED, skip_by_footer),
        Workload::new("open after a crash, 1,000 records", 1, open_after_crash),
    ]
}

fn append(len: usize, records: u64) -> Workload {
    Workload::new(format!("append {len} B"), records, move || {
        let log = new_log();
        Box::new(move || fill(&log, records, len))
    })
}

/// The same into a core's log, through its owner.
fn append_by_owner(len: usize, records: u64) -> Workload {
    let name = format!("append {len} B to a core's log");
    Workload::new(name, records, move || {
        let config = Config::on(Arc::new(Memory::default())).segment_bytes(4 * SEGMENT_BYTES);
        let (_logs, mut writers) = CoreLogs::open(CoresConfig::new(config, 2)).unwrap();
        let mut writer = writers.remove(0);
        // As of a log alone: both buffers have their size then.
        for _ in 0..2 {
            own(&mut writer, LARGE_RECORDS, 4_096);
            writer.sync().unwrap();
        }
        Box::new(move || own(&mut writer, records, len))
    })
}

fn own(writer: &mut CoreWriter, records: u64, len: usize) {
    let payload = vec![0x5a; len];
    for _ in 0..records {
        black_box(writer.append(&record(0, black_box(&payload))).unwrap());
    }
}

fn append_batches() -> Run {
    let log = new_log();
    let payload = [0x5a; 256];
    Box::new(move || {
        let records = [record(0, &payload); 16];
        for _ in 0..RECORDS / BATCH {
            black_box(log.append_batch(black_box(&records)).unwrap());
        }
    })
}

fn commits() -> Run {
    let log = new_log();
    let payload = [0x5a; 256];
    Box::new(move || {
        for _ in 0..COMMITS {
            let lsn = log.append(&record(0, black_box(&payload))).unwrap();
            black_box(log.commit(lsn).unwrap());
        }
    })
}

fn replay(len: usize, records: u64) -> Workload {
    Workload::new(format!("replay {len} B"), records, move || {
        let log = filled(|log| fill(log, records, len));
        Box::new(move || {
            assert_eq!(count(&log, ReadOptions::all()), records);
        })
    })
}

fn skip_by_footer() -> Run {
    let log = new_log();
    for _ in 0..SEALED {
        fill_mixed(&log, 50, 64);
        log.rotate().unwrap();
    }
    Box::new(move || {
        let nobody = ReadOptions::all().tenant(TenantId::new(1_000));
        assert_eq!(count(&log, nobody), 0);
    })
}

fn open_after_crash() -> Run {
    let storage = Arc::new(Memory::default());
    let log = open(&storage);
    fill(&log, RECORDS, 256);
    log.sync().unwrap();
    drop(log);
    Box::new(move || {
        black_box(open(&storage));
    })
}

fn open(storage: &Arc<Memory>) -> Log {
    let storage = Arc::clone(storage);
    Log::open(Config::on(storage).segment_bytes(SEGMENT_BYTES)).unwrap()
}

fn new_log() -> Log {
    let log = open(&Arc::new(Memory::default()));
    // The buffers have their size after a first round; growing them is not what is measured.
    for _ in 0..2 {
        fill(&log, LARGE_RECORDS, 4_096);
        log.rotate().unwrap();
    }
    log.truncate_before(log.next_lsn()).unwrap();
    log
}

/// A log with durable records.
fn filled(fill: impl Fn(&Log)) -> Log {
    let log = new_log();
    fill(&log);
    log.sync().unwrap();
    log
}

fn fill(log: &Log, records: u64, len: usize) {
    let payload = vec![0x5a; len];
    for _ in 0..records {
        black_box(log.append(&record(0, black_box(&payload))).unwrap());
    }
}

/// Records of a hundred tenants in turn, so that no two in a row are alike.
fn fill_mixed(log: &Log, records: u64, len: usize) {
    let payload = vec![0x5a; len];
    for number in 0..records {
        black_box(
            log.append(&record(number % 100, black_box(&payload)))
                .unwrap(),
        );
    }
}

fn record(tenant: u64, payload: &[u8]) -> Record<'_> {
    let scope = Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(1));
    Record::typed(RecordKind::Put, scope, CollectionTag::of("orders"), payload)
}

fn count(log: &Log, options: ReadOptions) -> u64 {
    let mut records = log.read(options).unwrap();
    let mut count = 0;
    while let Some(view) = records.next().unwrap() {
        black_box(view.payload);
        count += 1;
    }
    count
}
