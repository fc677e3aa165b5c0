//! Fairness: what tenants wait for their commits while one of them pushes ten times its share, or a
//! stream without end, beside what they wait while everybody keeps to his share.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nodedb_wal::types::{DatabaseId, TenantId, VshardId};
use nodedb_wal::{Log, Record, Scope};

use super::figures::{Group, Metric, Sample};
use super::latency::Latency;
use super::logs::settled;
use super::place::Place;
use crate::cli::error::CliError;
use crate::cli::text;

/// Tenants that commit one record after another, each on a thread of its own.
const TENANTS: u64 = 8;
const PAYLOAD_BYTES: usize = 4 << 10;
/// Threads of the one that pushes, where it commits too.
const PUSHING_THREADS: u64 = 10;

/// What the first tenant does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Push {
    /// What the others do.
    Share,
    /// The same on ten times as many threads.
    TenTimes,
    /// Appends as fast as it can, and commits nothing.
    Stream,
}

impl Push {
    const ALL: [Self; 3] = [Self::Share, Self::TenTimes, Self::Stream];

    /// Threads that commit for the first tenant.
    const fn committers(self) -> u64 {
        match self {
            Self::Share => 1,
            Self::TenTimes => PUSHING_THREADS,
            Self::Stream => 0,
        }
    }
}

/// The row of what the other tenants wait.
pub(super) fn row(push: Push, is_fair: bool) -> String {
    let what = match push {
        Push::Share => "all at their share",
        Push::TenTimes => "one at 10 times its share",
        Push::Stream => "one streaming",
    };
    let how = if is_fair { "" } else { ", shares off" };
    format!("{what}{how}")
}

pub(super) fn fairness(place: &Place) -> Result<Vec<Sample>, CliError> {
    let mut samples: Vec<Sample> = Vec::new();
    for is_fair in [true, false] {
        let mut base = None;
        for push in Push::ALL {
            let sample = measure(place, push, is_fair)?;
            base = base.or(sample.figure(Metric::P99Micros));
            samples.push(sample.with_ratio(Metric::P99RatioToShare, Metric::P99Micros, base));
        }
    }
    Ok(samples)
}

fn measure(place: &Place, push: Push, is_fair: bool) -> Result<Sample, CliError> {
    let spot = place.spot("tenants")?;
    let config = match is_fair {
        true => spot.config(),
        false => spot.config().shared_write_bytes(usize::MAX),
    };
    let log = settled(config)?;
    let run = Run {
        log: &log,
        place,
        is_over: AtomicBool::new(false),
        barrier: Barrier::new(1),
    };
    let others = run.drive(push)?;
    let stats = log.stats();
    log.close()?;
    let bytes = text::quotient(stats.bytes_written, stats.writes);
    Ok(Sample::new(Group::Tenants, row(push, is_fair))
        .with(
            Metric::PerSecond,
            text::per_second(others.count(), place.time),
        )
        .with(Metric::KibPerWrite, bytes / 1024.0)
        .with_latency(others))
}

struct Run<'r> {
    log: &'r Log,
    place: &'r Place,
    is_over: AtomicBool,
    barrier: Barrier,
}

impl Run<'_> {
    /// Gives back how long the commits of the other tenants took.
    fn drive(mut self, push: Push) -> Result<Latency, CliError> {
        let threads = push.committers() + TENANTS - 1 + u64::from(push == Push::Stream);
        self.barrier = Barrier::new(usize::try_from(threads).unwrap_or(1));
        let run = &self;
        std::thread::scope(|scope| {
            let pushing: Vec<_> = (0..push.committers())
                .map(|_| scope.spawn(move || run.commit(1)))
                .collect();
            let streaming = (push == Push::Stream).then(|| scope.spawn(move || run.stream(1)));
            let others: Vec<_> = (2..=TENANTS)
                .map(|tenant| scope.spawn(move || run.commit(tenant)))
                .collect();
            let mut latency = Latency::exact();
            let mut outcome = Ok(());
            for thread in others {
                match joined(thread) {
                    Ok(one) => latency.merge(&one),
                    Err(error) => outcome = Err(error),
                }
            }
            run.is_over.store(true, Ordering::Release);
            for thread in pushing {
                outcome = outcome.and(joined(thread).map(drop));
            }
            if let Some(thread) = streaming {
                outcome = outcome.and(joined(thread));
            }
            outcome.map(|()| latency)
        })
    }

    fn record(&self, tenant: u64, number: usize) -> Record<'_> {
        let record = self.place.content.record(number, PAYLOAD_BYTES);
        let scope = Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(1));
        Record { scope, ..record }
    }

    /// One tenant's thread that commits each record; how long that took, after the warm-up.
    fn commit(&self, tenant: u64) -> Result<Latency, CliError> {
        let mut latency = Latency::exact();
        self.barrier.wait();
        let warm = Instant::now() + self.place.warm_up();
        let over = warm + self.place.time;
        let mut number = usize::try_from(tenant << 10).unwrap_or(0);
        let mut started = Instant::now();
        while started < over || latency.count() == 0 {
            let lsn = self.log.append(&self.record(tenant, number))?;
            self.log.commit(lsn)?;
            let now = Instant::now();
            if now >= warm {
                latency.record(now - started);
            }
            (number, started) = (number + 1, now);
        }
        Ok(latency)
    }

    /// One tenant's thread that appends until the others are done.
    fn stream(&self, tenant: u64) -> Result<(), CliError> {
        self.barrier.wait();
        let mut number = 0;
        while !self.is_over.load(Ordering::Acquire) {
            self.log.append(&self.record(tenant, number))?;
            number += 1;
        }
        Ok(())
    }
}

fn joined<T>(
    thread: std::thread::ScopedJoinHandle<'_, Result<T, CliError>>,
) -> Result<T, CliError> {
    match thread.join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
