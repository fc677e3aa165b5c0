//! Aborted writes: records whose operation did not happen after all.

use std::collections::BTreeSet;

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{Lsn, RecordKind};

/// The records that `WriteAborted` records name. The default is none.
///
/// An abort counts wherever it stands, and in whatever epoch: an operation that was aborted has at
/// no time happened. It withholds data only: what a control record said, the catalog has taken in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AbortedWrites {
    lsns: BTreeSet<Lsn>,
}

impl AbortedWrites {
    /// Whether the record is withheld.
    #[must_use]
    pub fn hides(&self, header: &RecordHeader) -> bool {
        let is_control = header.kind.known().is_some_and(RecordKind::is_control);
        !is_control && self.lsns.contains(&header.lsn)
    }
}

impl From<BTreeSet<Lsn>> for AbortedWrites {
    fn from(lsns: BTreeSet<Lsn>) -> Self {
        Self { lsns }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::header;
    use super::*;

    #[test]
    fn exactly_the_named_records_are_withheld() {
        let aborted = AbortedWrites::from(BTreeSet::from([Lsn::new(2), Lsn::new(5)]));
        for (lsn, hidden) in [(1, false), (2, true), (3, false), (5, true), (6, false)] {
            let header = header(RecordKind::Put, lsn);
            assert_eq!(aborted.hides(&header), hidden, "{lsn}");
        }
    }

    #[test]
    fn a_control_record_stays() {
        let aborted = AbortedWrites::from(BTreeSet::from([Lsn::new(2)]));
        assert!(!aborted.hides(&header(RecordKind::CollectionTombstoned, 2)));
        assert!(aborted.hides(&header(RecordKind::Transaction, 2)));
    }
}
