//! The filters in the order they are asked, and what each record comes to.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::collection_of;

use super::{EpochFilter, ScopeFilter, Tombstones};
use crate::error::{Error, Result};

/// What is done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::replay) enum Decision {
    /// The sink gets it.
    Apply,
    /// The sink does not get it.
    Skip(SkipReason),
}

/// Why a record that the reader delivered is withheld: the first filter that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::replay) enum SkipReason {
    OutsidePlan,
    Epoch,
    Tombstone,
}

/// Everything that decides over a record.
#[derive(Clone, Debug, Default)]
pub(in crate::replay) struct Filters {
    pub(in crate::replay) scope: ScopeFilter,
    pub(in crate::replay) epoch: EpochFilter,
    pub(in crate::replay) tombstones: Tombstones,
}

impl Filters {
    /// What is done with the record.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableRecord`] when the record may belong to a dropped collection and
    /// its payload does not tell.
    pub(in crate::replay) fn decide(
        &self,
        header: &RecordHeader,
        payload: &[u8],
    ) -> Result<Decision> {
        let decision = if !self.scope.admits(header.scope) {
            Decision::Skip(SkipReason::OutsidePlan)
        } else if !self.epoch.admits(header.epoch) {
            Decision::Skip(SkipReason::Epoch)
        } else if self.is_hidden(header, payload)? {
            Decision::Skip(SkipReason::Tombstone)
        } else {
            Decision::Apply
        };
        Ok(decision)
    }

    fn is_hidden(&self, header: &RecordHeader, payload: &[u8]) -> Result<bool> {
        let Some(kind) = header.kind.known().filter(|kind| !kind.is_control()) else {
            return Ok(false);
        };
        let names = |dropped: &str| {
            collection_of(kind, payload).map(|name| name.as_deref() == Some(dropped))
        };
        self.tombstones
            .hides(header, names)
            .map_err(|source| Error::UndecodableRecord {
                lsn: header.lsn,
                source,
            })
    }
}
