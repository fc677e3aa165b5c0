//! Opening: how long until a log is open, and until a record appended to it is durable, whatever the
//! last process did.

use std::path::{Path, PathBuf};
use std::time::Instant;

use nodedb_wal::{Config, Log};

use super::figures::{Group, Metric, Sample, whole_size};
use super::logs::{records_in, segment_files, stream};
use super::machine::Peak;
use super::place::Place;
use crate::cli::error::CliError;
use crate::cli::text;

const PAYLOAD_BYTES: usize = 256;
/// How much is written before each crash: most of a segment of the length it comes with, so that
/// there is about as much to look at as there can be.
const CRASH_BYTES: u64 = 40 << 20;

/// How the last process left the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// Everything durable, nothing closed.
    Crashed,
    Closed,
}

/// The row of a log of so much payload.
pub(super) fn row(payload_bytes: u64, left: Left) -> String {
    let how = match left {
        Left::Crashed => "after a crash",
        Left::Closed => "after a close",
    };
    format!("{}, {how}", whole_size(payload_bytes))
}

/// Opens a log of `times` the size of other workloads' after a crash, then after a close.
pub(super) fn crashed_and_closed(place: &Place, times: u64) -> Result<Vec<Sample>, CliError> {
    let payload_bytes = place.payload_bytes * times;
    let directory = log_of(place, payload_bytes)?;
    crash(place, &directory, CRASH_BYTES.min(place.payload_bytes))?;
    let crashed = open(place, &directory, row(payload_bytes, Left::Crashed))?;
    let closed = open(place, &directory, row(payload_bytes, Left::Closed))?;
    Ok(vec![crashed, closed])
}

/// Opens, appends one record, and closes.
fn open(place: &Place, directory: &Path, name: String) -> Result<Sample, CliError> {
    segment_files(directory)?.drop_from_cache()?;
    let peak = Peak::start();
    let started = Instant::now();
    let log = Log::open(Config::new(directory))?;
    let opened = started.elapsed();
    let lsn = log.append(&place.content.record(0, PAYLOAD_BYTES))?;
    log.commit(lsn)?;
    let durable = started.elapsed();
    let peak = peak.mib();
    let read = super::commit::ratio(log.recovery().bytes_read, 1 << 20);
    log.close()?;
    Ok(Sample::new(Group::Open, name)
        .with(Metric::OpenMillis, text::millis(opened))
        .with(Metric::FirstDurableMillis, text::millis(durable))
        .with(Metric::ReadMib, read)
        .with_some(Metric::PeakMib, peak))
}

/// Appends `payload_bytes`, makes them durable, and goes away without closing.
fn crash(place: &Place, directory: &Path, payload_bytes: u64) -> Result<(), CliError> {
    let log = Log::open(Config::new(directory))?;
    let records = records_in(payload_bytes, PAYLOAD_BYTES);
    stream(&log, &place.content, records, PAYLOAD_BYTES)?;
    Ok(())
}

/// The log of so much payload: made by the first who asks, kept for later rounds.
fn log_of(place: &Place, payload_bytes: u64) -> Result<PathBuf, CliError> {
    let (directory, is_new) = place.lasting(&format!("open-{payload_bytes}"))?;
    if is_new {
        crash(place, &directory, payload_bytes)?;
    }
    Ok(directory)
}
