//! The catalog's entries and the log's, side by side in order of LSN.

use nodedb_wal::Records;
use nodedb_wal::types::Lsn;

use super::filter::AuditFilter;
use crate::catalog::{AuditRow, Catalog};
use crate::control::audit_entry_bytes;
use crate::error::Result;
use crate::replay::ReplaySource;

/// Rows that are read at a time.
const PAGE_ROWS: usize = 512;

/// What the two hold at one LSN.
#[derive(Debug)]
pub(super) struct At {
    pub(super) lsn: Lsn,
    pub(super) row: Option<AuditRow>,
    /// The entry's bytes.
    pub(super) record: Option<Vec<u8>>,
    /// Whether the catalog has come this far.
    pub(super) is_in_catalog: bool,
    /// Whether the log still reaches back this far.
    pub(super) is_in_log: bool,
}

#[derive(Debug)]
pub(super) struct Sides<'t> {
    catalog: Option<&'t Catalog>,
    applied: Lsn,
    page: std::vec::IntoIter<AuditRow>,
    row: Option<AuditRow>,
    /// The last row that was read.
    read_to: Lsn,
    start: Lsn,
    last: Lsn,
    records: Option<Records>,
    record: Option<(Lsn, Vec<u8>)>,
}

impl<'t> Sides<'t> {
    pub(super) fn open(catalog: Option<&'t Catalog>, source: &dyn ReplaySource) -> Result<Self> {
        let (start, last) = (source.start_lsn(), source.last_lsn());
        let applied = catalog.map_or(Lsn::ZERO, Catalog::applied);
        let options = AuditFilter::default().options(start, last);
        let records = if start <= last {
            Some(source.read(options)?)
        } else {
            None
        };
        Ok(Self {
            catalog,
            applied,
            page: Vec::new().into_iter(),
            row: None,
            read_to: Lsn::ZERO,
            start,
            last,
            records,
            record: None,
        })
    }

    pub(super) fn bytes_read(&self) -> u64 {
        let records = self.records.as_ref();
        records.map_or(0, |records| records.stats().bytes_read)
    }

    /// What comes next on either side.
    pub(super) fn next(&mut self) -> Result<Option<At>> {
        if self.row.is_none() {
            self.row = self.next_row()?;
        }
        if self.record.is_none() {
            self.record = self.next_record()?;
        }
        let row_lsn = self.row.as_ref().map(|row| row.lsn);
        let record_lsn = self.record.as_ref().map(|(lsn, _)| *lsn);
        let Some(lsn) = row_lsn.into_iter().chain(record_lsn).min() else {
            return Ok(None);
        };
        Ok(Some(At {
            lsn,
            row: self.row.take_if(|row| row.lsn == lsn),
            record: self
                .record
                .take_if(|(at, _)| *at == lsn)
                .map(|(_, bytes)| bytes),
            is_in_catalog: self.catalog.is_some() && lsn <= self.applied,
            is_in_log: self.start <= lsn && lsn <= self.last,
        }))
    }

    fn next_row(&mut self) -> Result<Option<AuditRow>> {
        let Some(catalog) = self.catalog else {
            return Ok(None);
        };
        if self.page.len() == 0 {
            let rows = catalog.audit_rows(self.read_to, Lsn::MAX, PAGE_ROWS)?;
            self.read_to = rows.last().map_or(self.read_to, |row| row.lsn);
            self.page = rows.into_iter();
        }
        Ok(self.page.next())
    }

    fn next_record(&mut self) -> Result<Option<(Lsn, Vec<u8>)>> {
        let Some(records) = &mut self.records else {
            return Ok(None);
        };
        let record = records.next()?;
        Ok(record.map(|record| {
            let bytes = audit_entry_bytes(&record.header, record.payload);
            (record.lsn(), bytes)
        }))
    }
}
