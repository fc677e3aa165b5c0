//! The trail as a stream: from the catalog as far as that goes, from the log behind it.

use nodedb_wal::Records;
use nodedb_wal::types::Lsn;

use super::filter::AuditFilter;
use crate::catalog::{AuditRow, Catalog};
use crate::control::{AuditEntry, ControlRecord};
use crate::error::Result;
use crate::replay::ReplaySource;

/// Rows that are read at a time.
const PAGE_ROWS: usize = 512;

/// Entries of the audit trail, oldest first, in bounded memory.
///
/// Where it goes on is an LSN: entries are added behind it and never in front of it, and it stays
/// right when segments are dropped.
#[derive(Debug)]
pub struct AuditTrail<'t> {
    catalog: Option<&'t Catalog>,
    filter: AuditFilter,
    page: std::vec::IntoIter<AuditRow>,
    /// The last entry taken from the catalog, wanted or not.
    at: Lsn,
    /// The last record the catalog has seen, or the last durable one if that is before.
    applied: Lsn,
    /// What the catalog has not seen.
    records: Option<Records>,
    /// What is older is not shown.
    start: Lsn,
    last: Lsn,
}

impl<'t> AuditTrail<'t> {
    /// The entries behind `after` that `filter` wants, up to the last durable record of now. Without
    /// a catalog there are only those that the log still holds.
    ///
    /// # Errors
    ///
    /// The log could not be read.
    pub fn open(
        catalog: Option<&'t Catalog>,
        source: &dyn ReplaySource,
        filter: AuditFilter,
        after: Lsn,
    ) -> Result<Self> {
        let last = source.last_lsn();
        let applied = catalog.map_or(Lsn::ZERO, Catalog::applied).min(last);
        let start = match catalog {
            Some(_) => Lsn::FIRST,
            None => source.start_lsn(),
        };
        let from = applied.max(after).next().max(start);
        let records = if from <= last {
            Some(source.read(filter.options(from, last))?)
        } else {
            None
        };
        Ok(Self {
            catalog,
            filter,
            page: Vec::new().into_iter(),
            at: after,
            applied,
            records,
            start,
            last,
        })
    }

    /// The next entry; nothing when there is no more.
    ///
    /// # Errors
    ///
    /// [`AuditUnreadable`](crate::Error::AuditUnreadable),
    /// [`UndecodableControl`](crate::Error::UndecodableControl), or the catalog or the log could not
    /// be read.
    #[expect(clippy::should_implement_trait, reason = "it can fail")]
    pub fn next(&mut self) -> Result<Option<AuditEntry>> {
        if let Some(entry) = self.next_in_catalog()? {
            return Ok(Some(entry));
        }
        let Some(records) = &mut self.records else {
            return Ok(None);
        };
        while let Some(view) = records.next()? {
            let Some(record) = ControlRecord::decode(&view.header, view.payload)? else {
                continue;
            };
            if self.filter.wants(&record) {
                return Ok(Some(AuditEntry { record, link: None }));
            }
        }
        Ok(None)
    }

    /// The oldest record of which entries are shown: the first ever, unless there is no catalog and
    /// the log was truncated.
    #[must_use]
    pub fn start(&self) -> Lsn {
        self.start
    }

    /// The last record that was looked at, or will be: what is asked for next time comes behind it.
    #[must_use]
    pub fn last(&self) -> Lsn {
        self.last
    }

    /// Bytes read from the log's files so far.
    #[must_use]
    pub fn bytes_read(&self) -> u64 {
        let records = self.records.as_ref();
        records.map_or(0, |records| records.stats().bytes_read)
    }

    fn next_in_catalog(&mut self) -> Result<Option<AuditEntry>> {
        let Some(catalog) = self.catalog else {
            return Ok(None);
        };
        loop {
            for row in self.page.by_ref() {
                let entry = row.entry().ok_or_else(|| catalog.unreadable(row.lsn))?;
                if self.filter.wants(&entry.record) {
                    return Ok(Some(entry));
                }
            }
            let rows = match self.filter.kinds.as_slice() {
                _ if self.at >= self.applied => Vec::new(),
                [kind] => catalog.audit_rows_of(*kind, self.at, self.applied, PAGE_ROWS)?,
                _ => catalog.audit_rows(self.at, self.applied, PAGE_ROWS)?,
            };
            let Some(last) = rows.last() else {
                return Ok(None);
            };
            self.at = last.lsn;
            self.page = rows.into_iter();
        }
    }
}
