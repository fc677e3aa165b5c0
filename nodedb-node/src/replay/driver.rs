//! Carries a plan out: tombstones first, found through the footers of sealed segments; then one
//! streaming pass in bounded memory.

use std::time::Instant;

use nodedb_wal::RecordView;
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{Lsn, LsnRange};

use super::filters::{Decision, Filters};
use super::{
    ReplayPlan, ReplayProgress, ReplayRecord, ReplayReport, ReplaySink, ReplaySource, Tombstones,
};
use crate::control::ControlRecord;
use crate::error::{Error, Result};

/// Records between two calls of the progress callback.
const PROGRESS_RECORDS: u64 = 1024;

/// Delivers the records of `plan` to `sink`, up to the last one that was durable when it began.
///
/// `progress` is called now and then, and once at the end.
///
/// # Errors
///
/// [`Error`] says at which record it stopped, and why. A damaged log, an unknown required
/// kind, an undecodable tombstone and a sink that fails all stop it: a state built from a part of
/// the log is not handed out as a whole one.
pub fn replay(
    source: &dyn ReplaySource,
    plan: &ReplayPlan,
    sink: &mut dyn ReplaySink,
    progress: &mut dyn FnMut(&ReplayProgress),
) -> Result<ReplayReport> {
    let started = Instant::now();
    let range = LsnRange {
        first: source.start_lsn(),
        last: source.last_lsn(),
    };
    let first = first_wanted(plan, range.first)?;
    let mut report = ReplayReport::default();
    if range.first <= range.last {
        report.range = Some(range);
        report.skipped.before_start = distance(range.first, first.min(range.last.next()));
        let filters = Filters {
            scope: plan.scope_filter(),
            epoch: plan.epoch_filter(),
            tombstones: find_tombstones(source, plan, range.last, &mut report)?,
        };
        let wanted = LsnRange { first, ..range };
        if wanted.first <= wanted.last {
            deliver(source, plan, wanted, &filters, sink, progress, &mut report)?;
        }
    }
    report.duration = started.elapsed();
    Ok(report)
}

/// Where the plan starts in a log whose oldest record is `start`.
fn first_wanted(plan: &ReplayPlan, start: Lsn) -> Result<Lsn> {
    match plan.first_lsn() {
        Lsn::ZERO => Ok(start),
        lsn if lsn < start => Err(nodedb_wal::Error::Truncated { lsn, start }.into()),
        lsn => Ok(lsn),
    }
}

/// Reads the tombstones of the whole log, also those before the plan's first LSN.
fn find_tombstones(
    source: &dyn ReplaySource,
    plan: &ReplayPlan,
    last: Lsn,
    report: &mut ReplayReport,
) -> Result<Tombstones> {
    let mut tombstones = Tombstones::default();
    let mut records = source.read(plan.tombstone_read().until(last))?;
    while let Some(RecordView {
        header, payload, ..
    }) = records.next()?
    {
        let admitted = plan.epoch_filter().admits(header.epoch);
        let record = ControlRecord::decode(&header, payload)?.filter(|_| admitted);
        if let Some(AnyPayload::CollectionTombstoned(dropped)) = record.map(|r| r.payload) {
            let scope = header.scope;
            tombstones.insert(
                scope.tenant,
                scope.database,
                &dropped.collection,
                dropped.purge_lsn,
            );
        }
    }
    report.tombstones = tombstones.len() as u64;
    report.bytes_read += records.stats().bytes_read;
    Ok(tombstones)
}

/// Streams the records of `wanted` through the filters into the sink.
///
/// LSNs are dense, so a record that the reader did not deliver shows as a gap.
fn deliver(
    source: &dyn ReplaySource,
    plan: &ReplayPlan,
    wanted: LsnRange,
    filters: &Filters,
    sink: &mut dyn ReplaySink,
    progress: &mut dyn FnMut(&ReplayProgress),
    report: &mut ReplayReport,
) -> Result<()> {
    let mut records = source.read(plan.record_read(wanted.first).until(wanted.last))?;
    let mut expected = wanted.first;
    let mut passed_over = 0;
    let mut delivered: u64 = 0;
    while let Some(RecordView {
        header, payload, ..
    }) = records.next()?
    {
        assert!(header.lsn >= expected, "the reader delivers in LSN order");
        passed_over += distance(expected, header.lsn);
        expected = header.lsn.next();
        let decision = filters.decide(&header, payload)?;
        if decision == Decision::Apply {
            apply(sink, &ReplayRecord::new(&header, payload))?;
        }
        report.count(&header, decision);
        delivered += 1;
        if delivered.is_multiple_of(PROGRESS_RECORDS) {
            progress(&progress_at(wanted, header.lsn, report));
        }
    }
    passed_over += distance(expected, wanted.last.next());
    let stats = records.stats();
    let unknown = stats.records_unknown.min(passed_over);
    report.skipped.unknown_optional = unknown;
    report.skipped.outside_plan += passed_over - unknown;
    report.bytes_read += stats.bytes_read;
    report.segments_read = stats.segments_read;
    report.segments_skipped = stats.segments_skipped;
    progress(&progress_at(wanted, wanted.last, report));
    Ok(())
}

fn apply(sink: &mut dyn ReplaySink, record: &ReplayRecord<'_>) -> Result<()> {
    sink.apply(record).map_err(|source| Error::Sink {
        lsn: record.lsn(),
        source,
    })
}

fn progress_at(wanted: LsnRange, at: Lsn, report: &ReplayReport) -> ReplayProgress {
    ReplayProgress {
        first: wanted.first,
        last: wanted.last,
        at,
        applied: report.applied,
    }
}

/// How many records are from `first` up to but not including `end`.
fn distance(first: Lsn, end: Lsn) -> u64 {
    end.value().saturating_sub(first.value())
}
