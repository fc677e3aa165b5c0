//! What opening costs behind a process that was killed inside a long batch. `OPEN_BATCH_MIB` sets how
//! long.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use nodedb_tests::watched::Watch;
use nodedb_wal::storage::{IoMode, OsStorage};
use nodedb_wal::*;

const BEFORE: u64 = 100;

fn config(directory: &Path) -> Config {
    Config::new(directory).segment_bytes(1 << 20)
}

fn batch_mib() -> u64 {
    let set = std::env::var("OPEN_BATCH_MIB").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(24)
}

/// A log with a few durable records, and behind them a batch of this length that was not finished; its
/// segment.
fn killed_inside(directory: &Path, payload: usize, bytes: u64) -> PathBuf {
    let log = Log::open(config(directory)).unwrap();
    let payload = vec![7; payload];
    let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
    for _ in 0..BEFORE {
        log.append(&Record::raw(RecordKind::Put, Scope::default(), b"before"))
            .unwrap();
    }
    log.sync().unwrap();
    let records = vec![record; usize::try_from(bytes).unwrap() / payload.len()];
    log.append_batch(&records).unwrap();
    let last = log.segments().unwrap().pop().unwrap();
    // The last part of the batch never came to the disk.
    drop(log);
    last.path
}

/// Opens the log, which has nothing of the batch: how long that took, and what it read.
fn open(directory: &Path, what: &str) -> (Duration, u64) {
    let watch = Watch::default();
    let storage = OsStorage::new(directory, IoMode::Direct);
    let config = Config::on(watch.over(Arc::new(storage))).segment_bytes(1 << 20);
    let began = Instant::now();
    let log = Log::open(config).unwrap();
    let took = began.elapsed();
    assert_eq!(log.recovery().last_lsn, Lsn::new(BEFORE), "{what}");
    let read = watch.bytes_read();
    let record = Record::raw(RecordKind::Put, Scope::default(), b"behind");
    assert_eq!(log.append(&record).unwrap(), Lsn::new(BEFORE + 1));
    log.close().unwrap();
    (took, read)
}

/// However long the batch, it is read a few times and no more, and what was there before it opens.
#[test]
fn opening_behind_a_batch_that_was_cut_off_reads_it_a_few_times_at_most() {
    let bytes = batch_mib() << 20;
    for payload in [400, 60_000] {
        for is_half in [false, true] {
            let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            let segment = killed_inside(directory.path(), payload, bytes);
            if is_half {
                // What the process had not come to is zeros, as the space was made ready.
                let file = File::options().write(true).open(&segment).unwrap();
                let len = file.metadata().unwrap().len();
                file.set_len(len / 2 / 4096 * 4096).unwrap();
                file.set_len(len).unwrap();
            }
            let part = if is_half { "half" } else { "all but the end" };
            let what = format!(
                "{part} of a batch of {} MiB, records of {payload} B",
                bytes >> 20
            );
            let (took, read) = open(directory.path(), &what);
            println!("{what}: opened in {took:.1?}, {} MiB read", read >> 20);
            assert!(read <= 6 * bytes + (32 << 20), "{what}: {read} bytes read");
        }
    }
}
