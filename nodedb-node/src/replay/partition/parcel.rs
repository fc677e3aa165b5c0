//! Records on their way to a worker: many at once, because a queue's lock is not for each of them.

use std::mem::size_of;
use std::ops::Range;

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::Lsn;

use crate::error::Result;
use crate::replay::outlet::refused;
use crate::replay::{ReplayRecord, ReplaySink, ReplayTransaction};

/// Copies of records and transactions, in the order of the log.
#[derive(Debug, Default)]
pub(super) struct Parcel {
    items: Vec<Item>,
    payloads: Vec<u8>,
    /// Memory of the operations, in bytes.
    operation_bytes: usize,
}

/// A record or an operation; its payload is a part of [`Parcel::payloads`].
type Stored = (RecordHeader, Range<usize>);

#[derive(Debug)]
enum Item {
    Record(Stored),
    Transaction(RecordHeader, Vec<Stored>),
    Finish(Lsn),
}

impl Parcel {
    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many records there are.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.payloads.len() + self.items.len() * size_of::<Item>() + self.operation_bytes
    }

    pub(super) fn push(&mut self, record: &ReplayRecord<'_>) {
        let stored = self.store(record);
        self.items.push(Item::Record(stored));
    }

    pub(super) fn push_transaction(&mut self, transaction: &ReplayTransaction<'_>) {
        let operations = transaction.operations().iter();
        let operations: Vec<_> = operations.map(|record| self.store(record)).collect();
        self.operation_bytes += operations.len() * size_of::<Stored>();
        let header = *transaction.header();
        self.items.push(Item::Transaction(header, operations));
    }

    pub(super) fn push_finish(&mut self, through: Lsn) {
        self.items.push(Item::Finish(through));
    }

    fn store(&mut self, record: &ReplayRecord<'_>) -> Stored {
        let start = self.payloads.len();
        self.payloads.extend_from_slice(record.payload());
        (*record.header(), start..self.payloads.len())
    }

    /// Gives everything to the sink, unless `is_over` says between two records that there is no use
    /// any more.
    ///
    /// # Errors
    ///
    /// [`Error::Sink`](crate::Error::Sink).
    pub(super) fn deliver<S>(&self, sink: &mut S, mut is_over: impl FnMut() -> bool) -> Result<()>
    where
        S: ReplaySink + ?Sized,
    {
        for item in &self.items {
            if is_over() {
                return Ok(());
            }
            match item {
                Item::Record(stored) => {
                    let lsn = stored.0.lsn;
                    sink.apply(&self.lend(stored)).map_err(refused(lsn))?;
                }
                Item::Transaction(header, operations) => {
                    let operations: Vec<_> = operations.iter().map(|at| self.lend(at)).collect();
                    let transaction = ReplayTransaction::new(header, &operations);
                    let applied = sink.apply_transaction(&transaction);
                    applied.map_err(refused(header.lsn))?;
                }
                Item::Finish(through) => sink.finish(*through).map_err(refused(*through))?,
            }
        }
        Ok(())
    }

    fn lend<'p>(&'p self, (header, at): &'p Stored) -> ReplayRecord<'p> {
        ReplayRecord::new(header, &self.payloads[at.clone()])
    }
}
