//! A batch that is held until its end, because what comes last in it says which Calvin transaction
//! what came before belongs to.

use std::collections::HashMap;
use std::ops::Range;

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::{CalvinApplied, Payload as _};
use nodedb_wal::types::RecordKind;

use crate::control::CalvinPosition;
use crate::error::{Error, Result};

/// The records of a batch so far.
#[derive(Debug, Default)]
pub(super) struct HeldBatch {
    records: Vec<(RecordHeader, Range<usize>)>,
    payloads: Vec<u8>,
}

impl HeldBatch {
    /// Whether a batch has begun.
    pub(super) fn is_open(&self) -> bool {
        !self.records.is_empty()
    }

    /// Adds the next record.
    pub(super) fn push(&mut self, header: &RecordHeader, payload: &[u8]) {
        let start = self.payloads.len();
        self.payloads.extend_from_slice(payload);
        self.records.push((*header, start..self.payloads.len()));
    }

    /// The records in order.
    pub(super) fn records(&self) -> impl Iterator<Item = (&RecordHeader, &[u8])> {
        self.records
            .iter()
            .map(|(header, at)| (header, &self.payloads[at.clone()]))
    }

    /// Drops the records and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.payloads.clear();
    }

    /// For each record the transaction it belongs to: that of the first `CalvinApplied` of its
    /// vshard and epoch behind it. Nothing where there is none.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableControl`]: a `CalvinApplied` cannot be understood.
    pub(super) fn marks(&self) -> Result<Vec<Option<CalvinPosition>>> {
        let mut behind = HashMap::new();
        let mut marks = vec![None; self.records.len()];
        for (mark, (header, at)) in marks.iter_mut().zip(&self.records).rev() {
            if header.kind == RecordKind::CalvinApplied.code() {
                let applied = decode(header, &self.payloads[at.clone()])?;
                let at = CalvinPosition {
                    epoch: applied.epoch,
                    position: applied.position,
                };
                behind.insert((applied.vshard, at.epoch), at);
            } else {
                let key = (header.scope.vshard, header.epoch);
                *mark = behind.get(&key).copied();
            }
        }
        Ok(marks)
    }
}

fn decode(header: &RecordHeader, payload: &[u8]) -> Result<CalvinApplied> {
    let undecodable = |source| Error::UndecodableControl {
        lsn: header.lsn,
        kind: RecordKind::CalvinApplied,
        source,
    };
    if header.is_opaque() {
        return Err(undecodable(None));
    }
    CalvinApplied::decode(payload).map_err(|source| undecodable(Some(source)))
}

#[cfg(test)]
mod tests {
    use nodedb_wal::types::{
        CollectionTag, DatabaseId, Epoch, Lsn, RecordFlags, Scope, TenantId, Timestamp, VshardId,
    };

    use super::*;

    fn header(kind: RecordKind, vshard: u32, epoch: u64) -> RecordHeader {
        RecordHeader {
            payload_crc: 0,
            payload_len: 0,
            kind: kind.code(),
            flags: RecordFlags::BATCH_CONTINUES,
            lsn: Lsn::new(7),
            scope: Scope::new(TenantId::new(1), DatabaseId::new(1), VshardId::new(vshard)),
            collection: CollectionTag::NONE,
            epoch: Epoch::new(epoch),
            timestamp: Timestamp::from_nanos(0),
        }
    }

    fn write(batch: &mut HeldBatch, vshard: u32, epoch: u64) {
        batch.push(&header(RecordKind::Put, vshard, epoch), b"row");
    }

    fn mark(batch: &mut HeldBatch, vshard: u32, epoch: u64, position: u32) {
        let applied = CalvinApplied {
            epoch: Epoch::new(epoch),
            position,
            vshard: VshardId::new(vshard),
            records: 1,
            digest: 7,
        };
        let mut bytes = Vec::new();
        applied.encode(&mut bytes).unwrap();
        batch.push(&header(RecordKind::CalvinApplied, vshard, epoch), &bytes);
    }

    #[test]
    fn a_write_belongs_to_the_first_mark_of_its_vshard_and_epoch_behind_it() {
        let mut batch = HeldBatch::default();
        write(&mut batch, 1, 5);
        write(&mut batch, 2, 5);
        mark(&mut batch, 1, 5, 3);
        write(&mut batch, 1, 5);
        write(&mut batch, 1, 6);
        mark(&mut batch, 2, 5, 3);
        mark(&mut batch, 1, 5, 4);
        write(&mut batch, 1, 5);
        let position = |position: u32| Some((5, position));
        let found: Vec<_> = batch.marks().unwrap();
        let found: Vec<_> = found
            .into_iter()
            .map(|at| at.map(|at| (at.epoch.value(), at.position)))
            .collect();
        let expected = [
            position(3),
            position(3),
            None,
            position(4),
            None,
            None,
            None,
            None,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn a_mark_that_cannot_be_understood_is_an_error() {
        for flags in [RecordFlags::NONE, RecordFlags::OPAQUE] {
            let mut batch = HeldBatch::default();
            let raw = RecordHeader {
                flags,
                ..header(RecordKind::CalvinApplied, 1, 5)
            };
            batch.push(&raw, b"?");
            let error = batch.marks().unwrap_err();
            assert!(
                matches!(error, Error::UndecodableControl { lsn, .. } if lsn == Lsn::new(7)),
                "{error:?}"
            );
        }
    }
}
