//! Replay: every record of a log, read through a reader, cold and warm; and a scan that keeps one
//! record in a hundred.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nodedb_wal::{Log, ReadOptions, Reader};

use super::content::RARE;
use super::figures::{Group, Metric, Sample, whole_size};
use super::logs::{records_in, segment_files, stream};
use super::machine::Peak;
use super::place::Place;
use super::raw_reads::{Files, Reading};
use crate::cli::error::CliError;
use crate::cli::text;

/// What the page cache holds of a log when it is replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cache {
    Cold,
    Warm,
}

/// The row of a replay of payloads of so many bytes.
pub(super) fn row(payload_bytes: usize, cache: Cache) -> String {
    let cache = match cache {
        Cache::Cold => "cold",
        Cache::Warm => "warm",
    };
    format!("{}, {cache}", whole_size(payload_bytes as u64))
}

/// The row of a scan.
pub(super) fn scan_row(payload_bytes: usize) -> String {
    format!("{}, warm, 1 % kept", whole_size(payload_bytes as u64))
}

/// Reads the log of this payload cold and warm, with raw reads of its files before and after; the best
/// of those is what it is compared with.
pub(super) fn cold_and_warm(place: &Place, payload_bytes: usize) -> Result<Vec<Sample>, CliError> {
    let directory = log_of(place, payload_bytes)?;
    let files = segment_files(&directory)?;
    let direct = files.read_rate(Reading::Direct)?;
    let before = files.read_rate(Reading::Cold)?;
    files.drop_from_cache()?;
    let cold = read(&directory, ReadOptions::all())?;
    let raw_cold = files.read_rate(Reading::Cold)?.max(before).max(direct);
    let warm_up = files.read_rate(Reading::Warm)?;
    let warm = read(&directory, ReadOptions::all())?;
    let raw_warm = files.read_rate(Reading::Warm)?.max(warm_up);
    Ok(vec![
        cold.sample(row(payload_bytes, Cache::Cold), raw_cold),
        warm.sample(row(payload_bytes, Cache::Warm), raw_warm),
    ])
}

/// Keeps the records of one tenant, one in a hundred, of a log in the page cache.
pub(super) fn scan(place: &Place, payload_bytes: usize) -> Result<Vec<Sample>, CliError> {
    let directory = log_of(place, payload_bytes)?;
    let files: Files<'_> = segment_files(&directory)?;
    let _warm_up = files.read_rate(Reading::Warm)?;
    let replayed = read(&directory, ReadOptions::all().tenant(RARE))?;
    // Per second of all records of the log, kept or not.
    let records = records_in(place.payload_bytes, payload_bytes) as u64;
    let sample = Sample::new(Group::Replay, scan_row(payload_bytes))
        .with(Metric::PerSecond, text::per_second(records, replayed.took))
        .with_some(Metric::PeakMib, replayed.peak);
    Ok(vec![sample])
}

struct Replayed {
    records: u64,
    payload_bytes: u64,
    took: Duration,
    peak: Option<f64>,
}

impl Replayed {
    fn sample(&self, name: String, raw: f64) -> Sample {
        let own = Metric::GigabytesPerSecond;
        Sample::new(Group::Replay, name)
            .with(Metric::PerSecond, text::per_second(self.records, self.took))
            .with(own, text::per_second(self.payload_bytes, self.took) / 1e9)
            .with_ratio(Metric::RatioToRawRead, own, Some(raw))
            .with_some(Metric::PeakMib, self.peak)
    }
}

/// Reads the log; opening it is measured elsewhere.
fn read(directory: &Path, options: ReadOptions) -> Result<Replayed, CliError> {
    let reader = Reader::open(directory)?;
    let peak = Peak::start();
    let started = Instant::now();
    let mut stream = reader.read(options)?;
    let (mut records, mut payload_bytes) = (0, 0);
    while let Some(record) = stream.next()? {
        records += 1;
        payload_bytes += black_box(record.payload).len() as u64;
    }
    Ok(Replayed {
        records,
        payload_bytes,
        took: started.elapsed(),
        peak: peak.mib(),
    })
}

/// The log of payloads of so many bytes: made by the first who asks, kept for later rounds.
fn log_of(place: &Place, payload_bytes: usize) -> Result<PathBuf, CliError> {
    let (directory, is_new) = place.lasting(&format!("replay-{payload_bytes}"))?;
    if is_new {
        let log = Log::open(nodedb_wal::Config::new(&directory))?;
        let records = records_in(place.payload_bytes, payload_bytes);
        stream(&log, &place.content, records, payload_bytes)?;
        log.close()?;
    }
    Ok(directory)
}
