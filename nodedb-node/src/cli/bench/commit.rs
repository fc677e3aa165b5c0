//! Blocking commits: threads that each append one record and wait until it is durable, over and over.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use nodedb_wal::{Histogram, Log};

use super::content::Content;
use super::figures::{Group, Metric, Sample};
use super::latency::Latency;
use super::logs::settled;
use super::machine::Peak;
use super::place::Place;
use super::raw_writes::Pace;
use crate::cli::error::CliError;
use crate::cli::stats::micros;
use crate::cli::text;

pub(super) const PAYLOAD_BYTES: usize = 256;
/// From so many threads on, each keeps its latencies coarsely.
const THREADS_MANY: usize = 32;

/// Who commits what, and for how long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) threads: usize,
    pub(super) payload_bytes: usize,
    pub(super) warm_up: Duration,
    pub(super) time: Duration,
}

/// What came of a load, its warm-up left out.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) latency: Latency,
    pub(super) took: Duration,
    /// Records a write carried, warm-up included.
    pub(super) records_per_write: f64,
    /// How long the log's writes took, warm-up included.
    pub(super) write_nanos: Histogram,
    /// Segments started, warm-up included.
    pub(super) rotations: u64,
}

/// The row of so many threads.
pub(super) fn row_name(threads: usize) -> String {
    match threads {
        1 => "1 thread".to_owned(),
        _ => format!("{threads} threads"),
    }
}

pub(super) fn threads(place: &Place, threads: usize) -> Result<Vec<Sample>, CliError> {
    let (spot, raw) = (place.spot("commit")?, place.spot("raw-pace")?);
    let pace = Pace::before(place, &raw)?;
    let log = settled(spot.config())?;
    let peak = Peak::start();
    let load = Load {
        threads,
        payload_bytes: PAYLOAD_BYTES,
        warm_up: place.warm_up(),
        time: place.time,
    };
    let ran = drive(&log, &place.content, load)?;
    let peak = peak.mib();
    log.close()?;
    let sample = ran.sample(Group::Commit, row_name(threads));
    let sample = pace.after(sample)?;
    Ok(vec![sample.with_some(Metric::PeakMib, peak)])
}

impl Ran {
    pub(super) fn sample(self, group: Group, name: String) -> Sample {
        let rate = text::per_second(self.latency.count(), self.took);
        Sample::new(group, name)
            .with(Metric::PerSecond, rate)
            .with(Metric::RecordsPerWrite, self.records_per_write)
            .with(Metric::WriteP50Micros, micros(self.write_nanos.at(0.5)))
            .with(Metric::WriteP99Micros, micros(self.write_nanos.at(0.99)))
            .with_latency(self.latency)
    }
}

/// Puts `load` on the log.
pub(super) fn drive(log: &Log, content: &Content, load: Load) -> Result<Ran, CliError> {
    let before = log.stats();
    let barrier = Barrier::new(load.threads);
    let work = |thread| commit_until_over(log, content, load, thread, &barrier);
    let done = std::thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..load.threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect::<Result<Vec<Done>, CliError>>()
    })?;
    let mut latency = Latency::exact();
    let mut took = load.time;
    for part in &done {
        latency.merge(&part.latency);
        took = took.max(part.took);
    }
    let after = log.stats();
    Ok(Ran {
        latency,
        took,
        records_per_write: ratio(after.records - before.records, after.writes - before.writes),
        rotations: after.rotations - before.rotations,
        write_nanos: after.write_nanos,
    })
}

/// What one thread did after the warm-up.
struct Done {
    latency: Latency,
    took: Duration,
}

fn commit_until_over(
    log: &Log,
    content: &Content,
    load: Load,
    thread: usize,
    barrier: &Barrier,
) -> Result<Done, CliError> {
    let mut latency = if load.threads < THREADS_MANY {
        Latency::exact()
    } else {
        Latency::coarse()
    };
    barrier.wait();
    let warm = Instant::now() + load.warm_up;
    let over = warm + load.time;
    // Each thread's records start elsewhere in the content.
    let mut number = thread << 10;
    let mut started = Instant::now();
    // At least one, however long it takes.
    while started < over || latency.count() == 0 {
        let lsn = log.append(&content.record(number, load.payload_bytes))?;
        log.commit(lsn)?;
        let now = Instant::now();
        if now >= warm {
            latency.record(now - started);
        }
        (number, started) = (number + 1, now);
    }
    let took = started - warm;
    Ok(Done { latency, took })
}

/// `count` per `of`; 0 of nothing.
pub(super) fn ratio(count: u64, of: u64) -> f64 {
    text::per_second(count, Duration::from_secs(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_to_nothing_is_nothing() {
        assert!((ratio(7, 2) - 3.5).abs() < 1e-12);
        assert!(ratio(7, 0).abs() < 1e-12);
    }

    #[test]
    fn every_thread_commits_and_is_counted() {
        let directory = tempfile::tempdir().unwrap();
        let config = nodedb_wal::Config::new(directory.path()).segment_bytes(1 << 20);
        let log = Log::open(config).unwrap();
        let load = Load {
            threads: 5,
            payload_bytes: 64,
            warm_up: Duration::ZERO,
            time: Duration::from_millis(20),
        };
        let ran = drive(&log, &Content::new(1), load).unwrap();
        assert_eq!(ran.latency.count(), log.stats().records);
        assert!(ran.latency.count() >= 5);
        log.close().unwrap();
    }
}
