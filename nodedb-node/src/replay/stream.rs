//! The pass over the records: each goes through the filters and on, or is counted under the reason
//! it does not.

use std::time::Instant;

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{Lsn, LsnRange, RecordKind};
use nodedb_wal::{RecordView, Records};

use super::batch::HeldBatch;
use super::filters::{Decision, Filters};
use super::itinerary::distance;
use super::outlet::Outlet;
use super::transaction::Opened;
use super::{ReplayProgress, ReplayRecord, ReplayReport, ReplayTransaction};
use crate::control::{CalvinPosition, ControlRecord};
use crate::error::Result;

/// Records between two calls of the progress callback.
const PROGRESS_RECORDS: u64 = 1024;

/// A pass over the records of `wanted`.
pub(super) struct Stream<'a> {
    pub(super) wanted: LsnRange,
    pub(super) filters: &'a Filters,
    pub(super) outlet: &'a mut dyn Outlet,
    pub(super) progress: &'a mut dyn FnMut(&ReplayProgress),
    pub(super) report: &'a mut ReplayReport,
    pub(super) started: Instant,
}

impl Stream<'_> {
    /// Streams the records through the filters into the outlet.
    ///
    /// LSNs are dense, so a record that the reader did not deliver shows as a gap.
    pub(super) fn deliver(mut self, mut records: Records) -> Result<()> {
        let mut expected = self.wanted.first;
        let mut passed_over = 0;
        let mut delivered: u64 = 0;
        let mut held = HeldBatch::default();
        while let Some(RecordView {
            header, payload, ..
        }) = records.next()?
        {
            assert!(header.lsn >= expected, "the reader delivers in LSN order");
            passed_over += distance(expected, header.lsn);
            expected = header.lsn.next();
            if self.filters.calvin.is_some() {
                self.take_in_batch(&mut held, &header, payload)?;
            } else {
                self.take(&header, payload, None)?;
            }
            delivered += 1;
            if delivered.is_multiple_of(PROGRESS_RECORDS) {
                self.tell(header.lsn);
            }
        }
        // A batch that the plan's last record cut in two.
        self.release(&mut held)?;
        passed_over += distance(expected, self.wanted.last.next());
        let stats = records.stats();
        let unknown = stats.records_unknown.min(passed_over);
        self.report.skipped.unknown_optional += unknown;
        self.report.skipped.outside_plan += passed_over - unknown;
        self.report.bytes_read += stats.bytes_read;
        self.report.segments_read = stats.segments_read;
        self.report.segments_skipped = stats.segments_skipped;
        self.tell(self.wanted.last);
        Ok(())
    }

    /// Takes a record, once the batch that it is in has come to its end.
    fn take_in_batch(
        &mut self,
        held: &mut HeldBatch,
        header: &RecordHeader,
        payload: &[u8],
    ) -> Result<()> {
        if !held.is_open() && !header.batch_continues() {
            return self.take(header, payload, None);
        }
        held.push(header, payload);
        if header.batch_continues() {
            return Ok(());
        }
        self.release(held)
    }

    fn release(&mut self, held: &mut HeldBatch) -> Result<()> {
        for ((header, payload), mark) in held.records().zip(held.marks()?) {
            self.take(header, payload, mark)?;
        }
        held.clear();
        Ok(())
    }

    fn take(
        &mut self,
        header: &RecordHeader,
        payload: &[u8],
        mark: Option<CalvinPosition>,
    ) -> Result<()> {
        // One that cannot be understood stops the replay, whether or not it is delivered.
        ControlRecord::decode(header, payload)?;
        let mut decision = self.filters.decide(header, payload, mark)?;
        if decision == Decision::Apply {
            if header.kind == RecordKind::Transaction.code() && !header.is_opaque() {
                decision = self.take_transaction(header, payload)?;
            } else {
                self.outlet.record(&ReplayRecord::new(header, payload))?;
            }
        }
        self.report.count(header, decision);
        Ok(())
    }

    fn take_transaction(&mut self, header: &RecordHeader, payload: &[u8]) -> Result<Decision> {
        let opened = Opened::open(self.filters, header, payload)?;
        let decision = opened.decision();
        if decision == Decision::Apply {
            let operations: Vec<_> = opened
                .operations
                .iter()
                .map(|(header, payload)| ReplayRecord::new(header, payload))
                .collect();
            let transaction = ReplayTransaction::new(header, &operations);
            self.outlet.transaction(&transaction)?;
        }
        self.report
            .count_operations(opened.operations.len(), &opened.withheld);
        Ok(decision)
    }

    fn tell(&mut self, at: Lsn) {
        (self.progress)(&ReplayProgress {
            first: self.wanted.first,
            last: self.wanted.last,
            at,
            applied: self.report.applied,
            elapsed: self.started.elapsed(),
        });
    }
}
