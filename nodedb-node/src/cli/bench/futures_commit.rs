//! Commits as futures: ten thousand outstanding at a time, on one thread and without a runtime.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::executor::block_on;
use futures::stream::FuturesUnordered;
use nodedb_wal::Log;

use super::commit::{PAYLOAD_BYTES, Ran, ratio};
use super::content::Content;
use super::figures::{Group, Metric, Sample};
use super::latency::Latency;
use super::logs::settled;
use super::machine::Peak;
use super::place::Place;
use super::raw_writes::Pace;
use crate::cli::error::CliError;
use crate::cli::text;

const OUTSTANDING: usize = 10_000;
/// One future in so many is timed: to read the clock for each would cost more than some commits.
const TIMED_EACH: usize = 16;

pub(super) const ROW: &str = "10,000 futures";

pub(super) fn outstanding(place: &Place) -> Result<Vec<Sample>, CliError> {
    let (spot, raw) = (place.spot("futures")?, place.spot("raw-pace")?);
    let pace = Pace::before(place, &raw)?;
    let log = settled(spot.config())?;
    let peak = Peak::start();
    let (ran, commits) = block_on(drive(&log, &place.content, place.warm_up(), place.time))?;
    let peak = peak.mib();
    log.close()?;
    let rate = text::per_second(commits, ran.took);
    let mut sample = ran.sample(Group::Commit, ROW.to_owned());
    // Only some of the commits are in the distribution.
    sample
        .figures
        .retain(|(metric, _)| *metric != Metric::PerSecond);
    let sample = pace.after(sample.with(Metric::PerSecond, rate))?;
    Ok(vec![sample.with_some(Metric::PeakMib, peak)])
}

/// Keeps [`OUTSTANDING`] commits outstanding; what came of it, and how many ended in time.
async fn drive(
    log: &Log,
    content: &Content,
    warm_up: Duration,
    time: Duration,
) -> Result<(Ran, u64), CliError> {
    let before = log.stats();
    let mut outstanding = FuturesUnordered::new();
    for number in 0..OUTSTANDING {
        outstanding.push(commit(log, content, number));
    }
    let warm = Instant::now() + warm_up;
    let over = warm + time;
    let (mut latency, mut commits, mut number) = (Latency::exact(), 0, OUTSTANDING);
    let mut now = Instant::now();
    while let Some(done) = outstanding.next().await {
        if let Some(took) = done? {
            now = Instant::now();
            if now >= warm {
                latency.record(took);
            }
        }
        commits += u64::from(now >= warm);
        if now >= over && latency.count() > 0 {
            break;
        }
        outstanding.push(commit(log, content, number));
        number += 1;
    }
    let after = log.stats();
    let ran = Ran {
        latency,
        took: now.saturating_duration_since(warm),
        records_per_write: ratio(after.records - before.records, after.writes - before.writes),
        rotations: after.rotations - before.rotations,
        write_nanos: after.write_nanos,
    };
    Ok((ran, commits))
}

/// Appends when it is first polled; how long it took, when it is one of those that are timed.
async fn commit(log: &Log, content: &Content, number: usize) -> Result<Option<Duration>, CliError> {
    let started = number.is_multiple_of(TIMED_EACH).then(Instant::now);
    let lsn = log.append(&content.record(number, PAYLOAD_BYTES))?;
    log.commit_async(lsn).await?;
    Ok(started.map(|started| started.elapsed()))
}
