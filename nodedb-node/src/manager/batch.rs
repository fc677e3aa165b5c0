//! Records that become durable all or none, collected before they are appended.

use std::ops::Range;

use nodedb_wal::payload::Payload;
use nodedb_wal::{CollectionTag, DatabaseId, Epoch, Record, RecordKind, Scope, TenantId, VshardId};

use super::Input;
use super::scratch::with_scratch;
use crate::error::Result;

/// Records that become durable all or none. They are encoded as they are pushed; nothing reaches
/// the log before [`WalManager::append_batch`](crate::WalManager::append_batch).
///
/// A batch that was cleared keeps its memory for the next one.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    epoch: Epoch,
    /// The payloads of all records, one behind the other.
    payloads: Vec<u8>,
    entries: Vec<Entry>,
}

/// A record whose payload is a part of [`Batch::payloads`].
#[derive(Clone, Debug)]
struct Entry {
    kind: RecordKind,
    scope: Scope,
    collection: CollectionTag,
    epoch: Epoch,
    payload: Range<usize>,
    opaque: bool,
}

impl Batch {
    /// An empty batch, outside every epoch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty batch whose records belong to `epoch`. A payload that speaks of an epoch itself is
    /// refused unless it is the same one.
    #[must_use]
    pub fn in_epoch(epoch: Epoch) -> Self {
        Self {
            epoch,
            ..Self::default()
        }
    }

    /// Adds a payload behind the others: a typed one, or raw bytes as a record of the kind, as in
    /// `batch.push::<Put>(tenant, vshard, database, bytes)`.
    ///
    /// # Errors
    ///
    /// [`Payload`](nodedb_wal::Error::Payload) when the payload breaks a rule of its kind, or
    /// [`EpochMismatch`](crate::Error::EpochMismatch). The batch is as it was then.
    pub fn push<'a, P: Payload + 'a>(
        &mut self,
        tenant: TenantId,
        vshard: VshardId,
        database: DatabaseId,
        payload: impl Into<Input<'a, P>>,
    ) -> Result<()> {
        let scope = Scope::new(tenant, database, vshard);
        with_scratch(|buffer| {
            let record = payload.into().record(scope, self.epoch, buffer)?;
            self.push_record(&record);
            Ok(())
        })
    }

    /// Adds a record as it is, whatever epoch it belongs to.
    pub fn push_record(&mut self, record: &Record<'_>) {
        let start = self.payloads.len();
        self.payloads.extend_from_slice(record.payload);
        self.entries.push(Entry {
            kind: record.kind,
            scope: record.scope,
            collection: record.collection,
            epoch: record.epoch,
            payload: start..self.payloads.len(),
            opaque: record.opaque,
        });
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Drops the records and keeps the memory and the epoch.
    pub fn clear(&mut self) {
        self.payloads.clear();
        self.entries.clear();
    }

    /// The records in order.
    pub(crate) fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.entries.iter().map(|entry| Record {
            kind: entry.kind,
            scope: entry.scope,
            collection: entry.collection,
            epoch: entry.epoch,
            payload: &self.payloads[entry.payload.clone()],
            opaque: entry.opaque,
        })
    }
}
