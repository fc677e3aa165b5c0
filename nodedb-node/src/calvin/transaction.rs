//! The writes of one transaction on one vshard, collected before they are appended.

use nodedb_wal::payload::{CalvinApplied, Payload};
use nodedb_wal::types::{DatabaseId, Record, TenantId, VshardId};

use crate::control::{CalvinPosition, TransactionDigest};
use crate::error::Result;
use crate::manager::{Batch, Input};

/// The writes of a transaction on one vshard. They go into the log together with the mark that the
/// transaction was applied, or not at all.
#[derive(Debug)]
pub struct CalvinTransaction {
    vshard: VshardId,
    at: CalvinPosition,
    batch: Batch,
}

impl CalvinTransaction {
    pub(super) fn new(vshard: VshardId, at: CalvinPosition) -> Self {
        Self {
            vshard,
            at,
            batch: Batch::in_epoch(at.epoch),
        }
    }

    /// The vshard it is applied on.
    #[must_use]
    pub fn vshard(&self) -> VshardId {
        self.vshard
    }

    /// Its place in the sequence.
    #[must_use]
    pub fn position(&self) -> CalvinPosition {
        self.at
    }

    /// Adds a write behind the others. It belongs to the transaction's vshard and epoch.
    ///
    /// # Errors
    ///
    /// As [`Batch::push`]. The transaction is as it was then.
    pub fn push<'a, P: Payload + 'a>(
        &mut self,
        tenant: TenantId,
        database: DatabaseId,
        payload: impl Into<Input<'a, P>>,
    ) -> Result<()> {
        self.batch.push(tenant, self.vshard, database, payload)
    }

    /// Adds a record as a write behind the others, for kinds of the embedding database, and records
    /// that are encoded already. Its vshard and epoch become the transaction's.
    pub fn push_record(&mut self, record: &Record<'_>) {
        let mut record = record.in_epoch(self.at.epoch);
        record.scope.vshard = self.vshard;
        self.batch.push_record(&record);
    }

    /// How many writes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.len()
    }

    /// Whether there is none: then only the mark is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Adds the mark. The batch is complete then.
    pub(super) fn finish(mut self) -> Result<(CalvinApplied, Batch)> {
        let mut digest = TransactionDigest::default();
        for record in self.batch.records() {
            digest.add(&record);
        }
        let applied = CalvinApplied {
            epoch: self.at.epoch,
            position: self.at.position,
            vshard: self.vshard,
            // More than these do not fit into a segment.
            records: u32::try_from(self.batch.len()).unwrap_or(u32::MAX),
            digest: digest.value(),
        };
        let (tenant, database) = (NO_TENANT, NO_DATABASE);
        self.batch.push(tenant, self.vshard, database, &applied)?;
        Ok((applied, self.batch))
    }
}

/// Whose marks and seals are: a transaction may write for many tenants.
pub(super) const NO_TENANT: TenantId = TenantId::new(0);
pub(super) const NO_DATABASE: DatabaseId = DatabaseId::new(0);
