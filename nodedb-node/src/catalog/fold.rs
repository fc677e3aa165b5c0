//! Folding: bringing the catalog up to date with the log, a bounded number of control records in
//! each transaction. After a crash in between, the next fold goes on where the last transaction
//! ended.

use nodedb_wal::types::{LogId, Lsn, LsnRange};
use nodedb_wal::{ReadOptions, RecordView, Records};
use redb::WriteTransaction;

use super::store::{Catalog, Lasting, Progress};
use super::{audit_tables, consumer_tables, control_tables, meta, surrogate_tables};
use crate::control::{AuditChain, ControlRecord, ControlState};
use crate::error::Result;
use crate::replay::ReplaySource;

/// Control records in one transaction.
const RECORDS_MAX: usize = 8_192;

/// Control records that are folded for now, at most: what a crash can have folded again.
const PASSING_MAX: u64 = 65_536;

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
    /// not read where segments are sealed. When it returns, what it took in is there for good.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableControl`](crate::Error::UndecodableControl): a control record cannot be
    /// understood; everything before it is in the catalog. The log could not be read, or the catalog
    /// not written.
    pub fn fold(&self, source: &dyn ReplaySource) -> Result<Folded> {
        let mut progress = self.progress().lock();
        let folded = self.fold_lasting(&mut progress, source, Lasting::ForGood)?;
        if progress.lasting < progress.facts.applied {
            // All that was folded for now, as there is nothing new.
            let applied = progress.facts.applied;
            self.fold_chunk(&mut progress, &[], applied, Lasting::ForGood)?;
        }
        Ok(folded)
    }

    /// The same without a wait for the disk: a crash may take away what this took in, to be folded
    /// again from the log, which must not be truncated past [`Catalog::applied_for_good`]. Of 65,536
    /// control records that were taken in so, all are made to stay.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`].
    pub fn fold_for_now(&self, source: &dyn ReplaySource) -> Result<Folded> {
        let mut progress = self.progress().lock();
        self.fold_lasting(&mut progress, source, Lasting::ForNow)
    }

    fn fold_lasting(
        &self,
        progress: &mut Progress,
        source: &dyn ReplaySource,
        lasting: Lasting,
    ) -> Result<Folded> {
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
                self.fold_chunk(progress, &chunk, applied, lasting)?;
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
        progress.note_lasting();
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
        lasting: Lasting,
    ) -> Result<()> {
        let passing = progress.passing + chunk.len() as u64;
        let lasting = match lasting {
            Lasting::ForNow if passing < PASSING_MAX => Lasting::ForNow,
            Lasting::ForNow | Lasting::ForGood => Lasting::ForGood,
        };
        self.state_of(progress)?;
        let Some(mut state) = progress.state.take() else {
            return Ok(());
        };
        let log = progress.facts.log.unwrap_or(LogId::new(0));
        let written = self.write_lasting("fold into", lasting, |transaction| {
            fold_records(transaction, &mut state, chunk)?;
            audit_records(transaction, AuditChain::of(log), chunk)?;
            meta::set_applied(&mut transaction.open_table(meta::META)?, applied)
        });
        self.bindings().look_again();
        written?;
        progress.facts.applied = applied;
        progress.state = Some(state);
        match lasting {
            Lasting::ForGood => progress.note_lasting(),
            Lasting::ForNow => progress.passing = passing,
        }
        Ok(())
    }
}

impl Progress {
    /// Notes that everything is there for good.
    fn note_lasting(&mut self) {
        self.lasting = self.facts.applied;
        self.passing = 0;
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
    for record in chunk {
        state.apply(record);
        control.save(state, record)?;
        consumers.save(state, record)?;
    }
    surrogate_tables::open(transaction)?.save(chunk)
}
