//! Logs to measure on: filling one, and the files one is made of.

use std::path::Path;
use std::time::{Duration, Instant};

use nodedb_wal::{Config, Log, Reader, Record, RecordKind, Scope};

use super::content::Content;
use super::raw_reads::Files;
use crate::cli::error::CliError;

/// How many records of `len` bytes make up `payload_bytes`, at least one.
pub(super) fn records_in(payload_bytes: u64, len: usize) -> usize {
    let records = payload_bytes / len as u64;
    usize::try_from(records).unwrap_or(usize::MAX).max(1)
}

/// Opens a new log as it is once it has run for a while: its segment was filled with zeros ahead,
/// and nothing is being made ready behind it.
pub(super) fn settled(config: Config) -> Result<Log, CliError> {
    let log = Log::open(config)?;
    log.append(&Record::raw(RecordKind::Noop, Scope::default(), b""))?;
    log.rotate()?;
    Ok(log)
}

/// Appends `records` records of `len` bytes each, from record `first` on. Nothing is durable yet.
pub(super) fn append(
    log: &Log,
    content: &Content,
    first: usize,
    records: usize,
    len: usize,
) -> Result<(), CliError> {
    for number in first..first + records {
        log.append(&content.record(number, len))?;
    }
    Ok(())
}

/// Appends the same and makes it durable; how long that took.
pub(super) fn stream(
    log: &Log,
    content: &Content,
    records: usize,
    len: usize,
) -> Result<Duration, CliError> {
    let started = Instant::now();
    append(log, content, 0, records, len)?;
    log.sync()?;
    Ok(started.elapsed())
}

/// The segment files of the log in `directory`.
pub(super) fn segment_files(directory: &Path) -> Result<Files<'_>, CliError> {
    let segments = Reader::open(directory)?.segments()?;
    let names = segments.iter().filter_map(|segment| {
        let name = segment.path.file_name()?;
        name.to_str().map(str::to_owned)
    });
    Ok(Files {
        directory,
        names: names.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_a_record() {
        assert_eq!(records_in(1 << 20, 256), 4_096);
        assert_eq!(records_in(1, 256), 1);
    }
}
