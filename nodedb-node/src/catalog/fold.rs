//! Folding: bringing the catalog up to date with the log, a bounded number of control records in
//! each transaction. After a crash in between, the next fold goes on where the last transaction
//! ended.

use nodedb_wal::types::{LogId, Lsn, LsnRange};
use nodedb_wal::{ReadOptions, RecordView, Records};
use redb::WriteTransaction;

use super::store::{Catalog, Progress};
use super::{audit_tables, consumer_tables, control_tables, meta, surrogate_tables};
use crate::control::{AuditChain, ControlRecord, ControlState};
use crate::error::Result;
use crate::replay::ReplaySource;

/// Control records in one transaction.
const RECORDS_MAX: usize = 8_192;

/// What a fold did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Folded {
    /// The records that were new to the catalog; nothing when there were none.
    pub range: Option<LsnRange>,
    /// Control records among them.
    pub records: u64,
    /// Transactions that took.
    pub transactions: u64,
    /// Bytes read from the log's files.
    pub bytes_read: u64,
}

impl Catalog {
    /// Takes in what control records say up to the last durable record. The data between them is
    /// not read where segments are sealed. When it returns, [`Catalog::applied`] is durable.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableControl`](crate::Error::UndecodableControl): a control record cannot be
    /// understood; everything before it is in the catalog. The log could not be read, or the catalog
    /// not written.
    pub fn fold(&self, source: &dyn ReplaySource) -> Result<Folded> {
        let mut progress = self.progress().lock();
        let last = source.last_lsn();
        let first = progress.facts.applied.next();
        if last < first {
            return Ok(Folded::default());
        }
        let mut records = source.read(ReadOptions::from(first).control_only().until(last))?;
        let mut folded = Folded {
            range: Some(LsnRange { first, last }),
            ..Folded::default()
        };
        loop {
            let (chunk, stopped) = next_chunk(&mut records);
            let is_last = chunk.len() < RECORDS_MAX;
            let applied = match (is_last, &stopped, chunk.last()) {
                (true, None, _) => last,
                (_, _, Some(record)) => record.header.lsn,
                (_, Some(_), None) => progress.facts.applied,
                (false, None, None) => last,
            };
            if applied > progress.facts.applied {
                self.fold_chunk(&mut progress, &chunk, applied)?;
                folded.records += chunk.len() as u64;
                folded.transactions += 1;
            }
            if let Some(error) = stopped {
                return Err(error);
            }
            if is_last {
                folded.bytes_read = records.stats().bytes_read;
                return Ok(folded);
            }
        }
    }

    /// Drops tombstones, aborts and flushes that hide only records before `start`, which are gone
    /// from the log.
    ///
    /// # Errors
    ///
    /// The catalog could not be read or written.
    pub fn forget_before(&self, start: Lsn) -> Result<()> {
        let mut progress = self.progress().lock();
        self.state_of(&mut progress)?;
        self.write("clean up", |transaction| {
            control_tables::open(transaction)?.forget_before(start)
        })?;
        if let Some(state) = &mut progress.state {
            state.forget_before(start);
        }
        Ok(())
    }

    fn fold_chunk(
        &self,
        progress: &mut Progress,
        chunk: &[ControlRecord],
        applied: Lsn,
    ) -> Result<()> {
        self.state_of(progress)?;
        let Some(mut state) = progress.state.take() else {
            return Ok(());
        };
        let log = progress.facts.log.unwrap_or(LogId::new(0));
        self.write("fold into", |transaction| {
            fold_records(transaction, &mut state, chunk)?;
            audit_records(transaction, AuditChain::of(log), chunk)?;
            meta::set_applied(&mut transaction.open_table(meta::META)?, applied)
        })?;
        progress.facts.applied = applied;
        progress.state = Some(state);
        Ok(())
    }
}

/// Some control records, and the error that came behind them.
fn next_chunk(records: &mut Records) -> (Vec<ControlRecord>, Option<crate::Error>) {
    let mut chunk = Vec::new();
    while chunk.len() < RECORDS_MAX {
        match next_record(records) {
            Ok(Some(record)) => chunk.push(record),
            Ok(None) => break,
            Err(error) => return (chunk, Some(error)),
        }
    }
    (chunk, None)
}

fn next_record(records: &mut Records) -> Result<Option<ControlRecord>> {
    while let Some(RecordView {
        header, payload, ..
    }) = records.next()?
    {
        if let Some(record) = ControlRecord::decode(&header, payload)? {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

fn audit_records(
    transaction: &WriteTransaction,
    start: AuditChain,
    chunk: &[ControlRecord],
) -> Result<(), redb::Error> {
    let mut audit = audit_tables::open(transaction, start)?;
    let audited = chunk
        .iter()
        .filter(|record| ControlRecord::is_audited(record.header.kind));
    audited
        .into_iter()
        .try_for_each(|record| audit.save(record))
}

fn fold_records(
    transaction: &WriteTransaction,
    state: &mut ControlState,
    chunk: &[ControlRecord],
) -> Result<(), redb::Error> {
    let mut control = control_tables::open(transaction)?;
    let mut consumers = consumer_tables::open(transaction)?;
    let mut surrogates = surrogate_tables::open(transaction)?;
    for record in chunk {
        state.apply(record);
        control.save(state, record)?;
        consumers.save(state, record)?;
        surrogates.save(record)?;
    }
    Ok(())
}
