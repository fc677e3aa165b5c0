//! Orders in which threads go on, a log on the simulated disk, and what is asked of it.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Config, DurableLsn, Error, Log, Lsn, Reader, Record, RecordKind, Scope};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Runner, thread};

/// Orders of each case that everybody runs: half by chance alone, half with few switches.
pub(crate) const SCHEDULES: usize = 1000;

/// Switches at which a rare order may need a thread to be stopped.
const SWITCHES: usize = 4;

fn setting(name: &str, default: usize) -> usize {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Runs `case` in many orders.
pub(crate) fn check(name: &str, case: fn()) {
    let schedules = setting("INTERLEAVE_SCHEDULES", SCHEDULES);
    let tried = AtomicUsize::new(0);
    explore(schedules, &tried, case);
    println!("{name}: {} schedules", tried.load(Ordering::Relaxed));
}

pub(crate) fn explore(schedules: usize, tried: &AtomicUsize, case: fn()) {
    let seed = setting("INTERLEAVE_SEED", 1) as u64;
    let half = schedules.div_ceil(2);
    run(RandomScheduler::new_from_seed(seed, half), tried, case);
    let few_switches = PctScheduler::new_from_seed(seed, SWITCHES, half);
    run(few_switches, tried, case);
}

fn run(scheduler: impl Scheduler + 'static, tried: &AtomicUsize, case: fn()) {
    let mut config = shuttle::Config::new();
    // Blocks of 4 KiB lie on the stack.
    config.stack_size = 1 << 20;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        Runner::new(scheduler, config).run(move || {
            counted.fetch_add(1, Ordering::Relaxed);
            case();
        })
    }));
    tried.fetch_add(count.load(Ordering::Relaxed), Ordering::Relaxed);
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// A disk that lets the log have threads, and a log on it.
pub(crate) fn open(change: impl FnOnce(Config) -> Config) -> (SimDisk, Log) {
    let disk = SimDisk::new(1);
    disk.set_allows_threads(true);
    // The witness waits for time to pass, which it does not here.
    let config = Config::on(disk.storage())
        .segment_bytes(Config::SEGMENT_BYTES_MIN)
        .witness_after(None);
    let log = Log::open(change(config)).unwrap();
    (disk, log)
}

pub(crate) fn append(log: &Log, payload: &[u8]) -> Result<Lsn, Error> {
    log.append(&Record::raw(RecordKind::Put, Scope::default(), payload))
}

/// If the power went now, `lsn` would be found.
pub(crate) fn is_on_disk(disk: &SimDisk, lsn: Lsn) -> bool {
    let after = disk.fork();
    after.crash_keeping(&[]);
    after.restart();
    let reader = Reader::open_on(after.storage()).unwrap();
    reader.next_lsn() > lsn
}

pub(crate) fn check_durable(disk: &SimDisk, lsn: Lsn, durable: DurableLsn) {
    assert!(durable.lsn() >= lsn);
    assert!(
        is_on_disk(disk, durable.lsn()),
        "{durable} was acknowledged"
    );
}

/// Several threads, each of which does `work`; what it gives is collected.
pub(crate) fn in_threads<T: Send + 'static>(
    count: usize,
    work: impl Fn(usize) -> T + Send + Sync + 'static,
) -> Vec<T> {
    let work = Arc::new(work);
    let threads: Vec<_> = (0..count)
        .map(|number| {
            let work = Arc::clone(&work);
            thread::spawn(move || work(number))
        })
        .collect();
    let results = threads.into_iter().map(|thread| thread.join().unwrap());
    results.collect()
}

pub(crate) fn assert_dense(lsns: impl IntoIterator<Item = Lsn>) {
    let lsns: Vec<u64> = lsns.into_iter().map(Lsn::value).collect();
    let different: BTreeSet<u64> = lsns.iter().copied().collect();
    assert_eq!(
        different.len(),
        lsns.len(),
        "an LSN was given twice: {lsns:?}"
    );
    assert!(different.into_iter().eq(1..=lsns.len() as u64));
}
