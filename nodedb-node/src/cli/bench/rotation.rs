//! Commit latency while segments rotate often, beside that of one long segment.

use std::time::Duration;

use nodedb_wal::Config;

use super::commit::{Load, drive, row_name};
use super::figures::{Group, Metric, Sample, whole_size};
use super::logs::settled;
use super::place::Place;
use crate::cli::error::CliError;
use crate::cli::text;

const SHORT_BYTES: u64 = 1 << 20;
/// A segment is made so long for each second that it does not get half full: from there on the log
/// makes the next one ready.
const LONG_BYTES_PER_SECOND: u64 = 192 << 20;

/// Threads and payloads such that short segments rotate a few times in a thousand commits.
const LOADS: [(usize, usize); 2] = [(1, 4 << 10), (16, 256)];

pub(super) fn with_and_without(place: &Place) -> Result<Vec<Sample>, CliError> {
    let mut samples = Vec::new();
    let seconds = place.time.as_secs() + 1;
    let long_bytes = (seconds * LONG_BYTES_PER_SECOND).min(Config::SEGMENT_BYTES_MAX);
    for (threads, payload_bytes) in LOADS {
        let long = run(place, threads, payload_bytes, long_bytes)?;
        let short = run(place, threads, payload_bytes, SHORT_BYTES)?;
        let base = long.figure(Metric::P999Micros);
        let short = short.with_ratio(Metric::P999RatioToNoRotation, Metric::P999Micros, base);
        samples.extend([long, short]);
    }
    Ok(samples)
}

/// The row of so many threads with payloads and segments of such lengths.
pub(super) fn row(threads: usize, payload_bytes: usize, rotates: bool) -> String {
    let how = if rotates {
        "1 MiB segments"
    } else {
        "one segment"
    };
    let payload = whole_size(payload_bytes as u64);
    format!("{}, {payload}, {how}", row_name(threads))
}

fn run(
    place: &Place,
    threads: usize,
    payload_bytes: usize,
    segment_bytes: u64,
) -> Result<Sample, CliError> {
    let spot = place.spot("rotation")?;
    let log = settled(spot.config().segment_bytes(segment_bytes))?;
    let load = Load {
        threads,
        payload_bytes,
        warm_up: place.warm_up(),
        time: place.time,
    };
    let ran = drive(&log, &place.content, load)?;
    log.close()?;
    let rotations = text::per_second(ran.rotations, Duration::from_secs(1));
    let name = row(threads, payload_bytes, segment_bytes == SHORT_BYTES);
    let sample = ran.sample(Group::Rotation, name);
    Ok(sample.with(Metric::Rotations, rotations))
}
