//! The filters in the order they are asked, and what each record comes to.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::{AnyPayload, PayloadError, collection_of};
use nodedb_wal::types::RecordKind;

use super::{
    AbortedWrites, CalvinGate, EngineFilter, EpochFilter, FlushedArrays, KindFilter, ScopeFilter,
    SkipReason, TimeWindow, Tombstones,
};
use crate::control::{ArrayName, CalvinPosition};
use crate::error::{Error, Result};

/// What is done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::replay) enum Decision {
    /// The sink gets it.
    Apply,
    /// The sink does not get it.
    Skip(SkipReason),
}

/// Everything that decides over a record.
#[derive(Clone, Debug, Default)]
pub(in crate::replay) struct Filters {
    pub(in crate::replay) scope: ScopeFilter,
    pub(in crate::replay) times: TimeWindow,
    pub(in crate::replay) kinds: KindFilter,
    pub(in crate::replay) engines: EngineFilter,
    pub(in crate::replay) epoch: EpochFilter,
    pub(in crate::replay) aborted: AbortedWrites,
    pub(in crate::replay) calvin: Option<CalvinGate>,
    pub(in crate::replay) tombstones: Tombstones,
    pub(in crate::replay) flushed: FlushedArrays,
}

impl Filters {
    /// What is done with a record of which `mark` says the Calvin transaction. Of a transaction that
    /// is to be applied, [`Self::decide_operation`] decides over each operation.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableRecord`] when the record may have to be withheld and its payload does
    /// not tell.
    pub(in crate::replay) fn decide(
        &self,
        header: &RecordHeader,
        payload: &[u8],
        mark: Option<CalvinPosition>,
    ) -> Result<Decision> {
        if let Some(reason) = self.outside(header).or_else(|| self.undone(header, mark)) {
            return Ok(Decision::Skip(reason));
        }
        if is_transaction(header) {
            return Ok(Decision::Apply);
        }
        self.decide_content(header, payload)
    }

    /// What is done with an operation of a transaction. Its header is the transaction's, with its
    /// own kind and collection.
    ///
    /// # Errors
    ///
    /// As [`Self::decide`].
    pub(in crate::replay) fn decide_operation(
        &self,
        header: &RecordHeader,
        payload: &[u8],
    ) -> Result<Decision> {
        if !self.kinds.admits_operation(header.kind) {
            return Ok(Decision::Skip(SkipReason::OutsidePlan));
        }
        if let Some(reason) = self.engines.withholds(header.kind, header.lsn) {
            return Ok(Decision::Skip(reason));
        }
        self.decide_content(header, payload)
    }

    /// Why the record is not of the plan, if it is not.
    fn outside(&self, header: &RecordHeader) -> Option<SkipReason> {
        let is_wanted = self.scope.admits(header.scope) && self.times.admits(header.timestamp);
        if !is_wanted {
            return Some(SkipReason::OutsidePlan);
        }
        if is_transaction(header) {
            let looks = self.kinds.looks_into_transactions();
            return (!looks).then_some(SkipReason::OutsidePlan);
        }
        if !self.kinds.admits(header.kind) {
            return Some(SkipReason::OutsidePlan);
        }
        self.engines.withholds(header.kind, header.lsn)
    }

    /// Why the record has not happened as of the plan, if it has not.
    fn undone(&self, header: &RecordHeader, mark: Option<CalvinPosition>) -> Option<SkipReason> {
        let gate = self.calvin.as_ref();
        if !self.epoch.admits(header.epoch) {
            Some(SkipReason::Epoch)
        } else if self.aborted.hides(header) {
            Some(SkipReason::Aborted)
        } else if gate.is_some_and(|gate| !gate.admits(header, mark)) {
            Some(SkipReason::Calvin)
        } else {
            None
        }
    }

    fn decide_content(&self, header: &RecordHeader, payload: &[u8]) -> Result<Decision> {
        let Some(kind) = header.kind.known().filter(|kind| !kind.is_control()) else {
            return Ok(Decision::Apply);
        };
        let undecodable = |source| Error::UndecodableRecord {
            lsn: header.lsn,
            source,
        };
        let names = |dropped: &str| {
            collection_of(kind, payload).map(|name| name.as_deref() == Some(dropped))
        };
        if self.tombstones.hides(header, names).map_err(undecodable)? {
            return Ok(Decision::Skip(SkipReason::Tombstone));
        }
        let array = || array_of(header, kind, payload);
        if self.flushed.hides(header, array).map_err(undecodable)? {
            return Ok(Decision::Skip(SkipReason::Flushed));
        }
        Ok(Decision::Apply)
    }
}

/// Whether the record is a transaction whose operations can be looked at.
fn is_transaction(header: &RecordHeader) -> bool {
    header.kind == RecordKind::Transaction.code() && !header.is_opaque()
}

/// The array that a record's payload names.
fn array_of(
    header: &RecordHeader,
    kind: RecordKind,
    payload: &[u8],
) -> Result<Option<ArrayName>, PayloadError> {
    let (collection, array) = match AnyPayload::decode(kind, payload)? {
        AnyPayload::ArrayPut(cells) => (cells.collection, cells.array),
        AnyPayload::ArrayDelete(cells) => (cells.collection, cells.array),
        _ => return Ok(None),
    };
    Ok(Some(ArrayName {
        tenant: header.scope.tenant,
        database: header.scope.database,
        collection,
        array,
    }))
}
