//! One log per core beside one log that all writers share, and the merge of the cores' logs.

mod alone;

use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use nodedb_wal::Log;
use nodedb_wal::percore::{CoreLogs, CoreReader, CoreWriter, CoresConfig, MergeOptions};

use super::content::Content;
use super::figures::{Group, Metric, Sample, whole_size};
use super::logs::{append, records_in};
use super::machine::Peak;
use super::place::Place;
use crate::cli::error::CliError;
use crate::cli::text;

/// Payloads of the rows, and what their workloads are called.
pub(super) const PAYLOADS: [(usize, &str); 3] = [(64, "64"), (256, "256"), (4 << 10, "4k")];
pub(super) const WRITERS: [usize; 2] = [1, 2];
/// Cores and payload of the merge.
const MERGED: (u32, usize) = (4, 64);
/// Records that each core gets in a row, when what is merged is written, and records of an epoch.
const IN_A_ROW: usize = 16;
const EPOCH: usize = 1 << 18;

/// As many records through as many writers into one log, and into one log for each.
pub(super) fn beside_shared(
    place: &Place,
    writers: usize,
    len: usize,
) -> Result<Vec<Sample>, CliError> {
    let each = records_in(place.payload_bytes / writers as u64, len);
    let shared = shared(place, writers, each, len)?;
    let own = per_core(place, writers, each, len)?;
    let records = (writers * each) as u64;
    let alone = alone::beside_shared(place, writers, len)?;
    let row = |log: &str, took: Duration, took_alone: Duration| {
        let people = if writers == 1 { "writer" } else { "writers" };
        let name = format!("{log}, {writers} {people}, {}", whole_size(len as u64));
        let payload = records * len as u64;
        Sample::new(Group::PerCore, name)
            .with(Metric::PerSecond, text::per_second(records, took))
            .with(
                Metric::PerWriterPerSecond,
                text::per_second(each as u64, took),
            )
            .with(
                Metric::AppendedPerSecond,
                text::per_second(alone.records, took_alone),
            )
            .with(
                Metric::GigabytesPerSecond,
                text::per_second(payload, took) / 1e9,
            )
    };
    let ratio = |shared: Duration, own: Duration| shared.as_secs_f64() / own.as_secs_f64();
    Ok(vec![
        row("one shared log", shared, alone.shared),
        row("one log each", own, alone.own)
            .with(Metric::RatioToShared, ratio(shared, own))
            .with(
                Metric::AppendedRatioToShared,
                ratio(alone.shared, alone.own),
            ),
    ])
}

fn shared(place: &Place, writers: usize, each: usize, len: usize) -> Result<Duration, CliError> {
    let spot = place.spot("shared")?;
    let log = Log::open(spot.config())?;
    let started = Instant::now();
    let mut owners: Vec<usize> = (0..writers).collect();
    together(&mut owners, &|number: &mut usize| {
        append(&log, &place.content, *number * each, each, len)?;
        log.sync()?;
        Ok(())
    })?;
    let took = started.elapsed();
    log.close()?;
    Ok(took)
}

fn per_core(place: &Place, writers: usize, each: usize, len: usize) -> Result<Duration, CliError> {
    let spot = place.spot("percore")?;
    let cores = u32::try_from(writers).unwrap_or(u32::MAX);
    let (logs, mut writers) = CoreLogs::open(CoresConfig::new(spot.config(), cores))?;
    let started = Instant::now();
    together(&mut writers, &|writer: &mut CoreWriter| {
        let first = writer.core() as usize * each;
        append_own(writer, &place.content, first, each, len)?;
        writer.sync()?;
        Ok(())
    })?;
    let took = started.elapsed();
    logs.close(writers)?;
    Ok(took)
}

fn append_own(
    writer: &mut CoreWriter,
    content: &Content,
    first: usize,
    records: usize,
    len: usize,
) -> Result<(), CliError> {
    for number in first..first + records {
        writer.append(&content.record(number, len))?;
    }
    Ok(())
}

/// Each of `owners` on a thread of its own; the first error of one.
fn together<T: Send>(
    owners: &mut [T],
    work: &(impl Fn(&mut T) -> Result<(), CliError> + Sync),
) -> Result<(), CliError> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = owners
            .iter_mut()
            .map(|owner| scope.spawn(move || work(owner)))
            .collect();
        let ended = threads.into_iter().map(joined);
        ended.fold(Ok(()), Result::and)
    })
}

/// What the thread ended with; its panic goes on in this one.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    match thread.join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Every record of several cores, written by turns, read back in order.
pub(super) fn merge(place: &Place) -> Result<Vec<Sample>, CliError> {
    let (cores, len) = MERGED;
    let spot = place.spot("merged")?;
    let records = records_in(place.payload_bytes, len);
    let (mut logs, mut writers) = CoreLogs::open(CoresConfig::new(spot.config(), cores))?;
    let mut number = 0;
    while number < records {
        let turn = number / IN_A_ROW % writers.len();
        let in_a_row = IN_A_ROW.min(records - number);
        append_own(&mut writers[turn], &place.content, number, in_a_row, len)?;
        number += in_a_row;
        if number.is_multiple_of(EPOCH) {
            logs.advance_epoch();
            logs.set_epoch_all(&mut writers)?;
        }
    }
    logs.close(writers)?;
    let reader = CoreReader::open(spot.path())?;
    let peak = Peak::start();
    let started = Instant::now();
    let mut merge = reader.merge(&MergeOptions::all())?;
    let mut payload = 0_u64;
    while let Some(merged) = merge.next()? {
        payload += merged.record.payload.len() as u64;
    }
    let took = started.elapsed();
    let peak = peak.mib();
    let found = merge.stats().records;
    if found != records as u64 {
        return Err(CliError::Refused(format!(
            "{records} records were written, and {found} merged"
        )));
    }
    let name = format!(
        "merge of {} records of {cores} cores, {}",
        text::count(found),
        whole_size(len as u64)
    );
    let sample = Sample::new(Group::PerCore, name)
        .with(Metric::PerSecond, text::per_second(found, took))
        .with(
            Metric::GigabytesPerSecond,
            text::per_second(payload, took) / 1e9,
        )
        .with_some(Metric::PeakMib, peak);
    Ok(vec![sample])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_log_take_every_record_and_the_merge_brings_them_back() {
        let home = tempfile::tempdir().unwrap();
        let place = Place::new(home.path().to_owned(), 0.1, 1);
        let rows = beside_shared(&place, 2, 4 << 10).unwrap();
        let names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "one shared log, 2 writers, 4 KiB",
                "one log each, 2 writers, 4 KiB"
            ]
        );
        let merged = merge(&place).unwrap();
        assert!(merged[0].name.starts_with("merge of 16,384 records"));
    }
}
