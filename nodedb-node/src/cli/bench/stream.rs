//! Bulk load: append, append, append, and one sync at the end.

use std::time::Instant;

use nodedb_wal::{Log, Reader};

use super::figures::{Group, Metric, Sample, whole_size};
use super::logs::{append, records_in, stream};
use super::machine::Peak;
use super::place::Place;
use crate::cli::error::CliError;
use crate::cli::text;

/// What two threads append, and what their rate is compared with.
pub(super) const SHARED_BYTES: usize = 256;

/// The row of one thread and payloads of so many bytes.
pub(super) fn row(payload_bytes: usize) -> String {
    format!("1 thread, {}", whole_size(payload_bytes as u64))
}

pub(super) const TWO_THREADS: &str = "2 threads, 256 B";

pub(super) fn one_thread(place: &Place, payload_bytes: usize) -> Result<Vec<Sample>, CliError> {
    let spot = place.spot("stream")?;
    let log = Log::open(spot.config())?;
    let records = records_in(place.payload_bytes, payload_bytes);
    let peak = Peak::start();
    let took = stream(&log, &place.content, records, payload_bytes)?;
    let peak = peak.mib();
    log.close()?;
    let on_disk = Reader::open(spot.path())?.total_size_bytes();
    let payload = (records * payload_bytes) as u64;
    let sample = Sample::new(Group::Stream, row(payload_bytes))
        .with(Metric::PerSecond, text::per_second(records as u64, took))
        .with(
            Metric::GigabytesPerSecond,
            text::per_second(payload, took) / 1e9,
        )
        .with(
            Metric::DiskPerPayload,
            super::commit::ratio(on_disk, payload),
        )
        .with_some(Metric::PeakMib, peak);
    Ok(vec![sample])
}

/// Two threads into one log, half of it each.
pub(super) fn two_threads(place: &Place) -> Result<Vec<Sample>, CliError> {
    let spot = place.spot("stream")?;
    let log = Log::open(spot.config())?;
    let each = records_in(place.payload_bytes / 2, SHARED_BYTES);
    let peak = Peak::start();
    let started = Instant::now();
    std::thread::scope(|scope| {
        let half = |first| append(&log, &place.content, first, each, SHARED_BYTES);
        let other = scope.spawn(move || half(each));
        half(0)?;
        match other.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    log.sync()?;
    let took = started.elapsed();
    let peak = peak.mib();
    log.close()?;
    let records = 2 * each as u64;
    let payload = records * SHARED_BYTES as u64;
    let sample = Sample::new(Group::Stream, TWO_THREADS)
        .with(Metric::PerSecond, text::per_second(records, took))
        .with(
            Metric::GigabytesPerSecond,
            text::per_second(payload, took) / 1e9,
        )
        .with_some(Metric::PeakMib, peak);
    Ok(vec![sample])
}
