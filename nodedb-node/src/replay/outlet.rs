//! Where the stream hands over what passed the filters: to a sink, or to workers that have one
//! each.

use nodedb_wal::types::Lsn;

use super::{ReplayRecord, ReplaySink, ReplayTransaction, SinkError};
use crate::error::{Error, Result};

/// Takes what passed the filters, in the order of the log.
pub(super) trait Outlet {
    fn record(&mut self, record: &ReplayRecord<'_>) -> Result<()>;

    fn transaction(&mut self, transaction: &ReplayTransaction<'_>) -> Result<()>;

    /// Everything up to and with `through` was handed over.
    fn finish(&mut self, through: Lsn) -> Result<()>;
}

/// Straight into one sink.
pub(super) struct Direct<'s>(pub(super) &'s mut dyn ReplaySink);

impl Outlet for Direct<'_> {
    fn record(&mut self, record: &ReplayRecord<'_>) -> Result<()> {
        self.0.apply(record).map_err(refused(record.lsn()))
    }

    fn transaction(&mut self, transaction: &ReplayTransaction<'_>) -> Result<()> {
        let applied = self.0.apply_transaction(transaction);
        applied.map_err(refused(transaction.lsn()))
    }

    fn finish(&mut self, through: Lsn) -> Result<()> {
        self.0.finish(through).map_err(refused(through))
    }
}

/// A sink's refusal of the record `lsn`.
pub(super) fn refused(lsn: Lsn) -> impl FnOnce(SinkError) -> Error {
    move |source| Error::Sink { lsn, source }
}
