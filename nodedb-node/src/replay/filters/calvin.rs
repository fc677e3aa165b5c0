//! The Calvin gate: writes of a transaction that was not applied to its end.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{Epoch, RecordKind};

use crate::control::{CalvinPosition, CalvinProgress};

/// Lets a Calvin transaction's writes pass when its `CalvinApplied` is there, exactly for its
/// vshard, epoch and position.
///
/// A record header tells vshard and epoch. The position is told by the batch: a write belongs to
/// the first `CalvinApplied` of its vshard and epoch behind it in its own batch, which is durable
/// with it or not at all. A write in an epoch whose batch has none belongs to no transaction that
/// was applied, and is withheld. Records outside every epoch, and control records, always pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalvinGate {
    applied: CalvinProgress,
}

impl CalvinGate {
    /// The gate for what was applied.
    #[must_use]
    pub fn new(applied: CalvinProgress) -> Self {
        Self { applied }
    }

    /// Whether the record passes. `mark` is the place of the transaction it belongs to.
    #[must_use]
    pub fn admits(&self, header: &RecordHeader, mark: Option<CalvinPosition>) -> bool {
        let is_control = header.kind.known().is_some_and(RecordKind::is_control);
        let vshard = header.scope.vshard;
        is_control
            || header.epoch == Epoch::NONE
            || mark
                .is_some_and(|at| at.epoch == header.epoch && self.applied.is_applied(vshard, at))
    }
}

#[cfg(test)]
mod tests {
    use nodedb_wal::payload::CalvinApplied;
    use nodedb_wal::types::{DatabaseId, Scope, TenantId, VshardId};

    use super::super::testing::header;
    use super::*;

    fn write(kind: RecordKind, vshard: u32, epoch: u64) -> RecordHeader {
        RecordHeader {
            scope: Scope::new(TenantId::new(1), DatabaseId::new(1), VshardId::new(vshard)),
            epoch: Epoch::new(epoch),
            ..header(kind, 1)
        }
    }

    #[test]
    fn exactly_the_writes_of_what_was_applied_pass() {
        let mut applied = CalvinProgress::default();
        applied.apply(&CalvinApplied {
            epoch: Epoch::new(4),
            position: 2,
            vshard: VshardId::new(7),
            records: 1,
            digest: 7,
        });
        let gate = CalvinGate::new(applied);
        let at = |epoch, position| {
            let epoch = Epoch::new(epoch);
            Some(CalvinPosition { epoch, position })
        };
        use RecordKind::{CalvinSeal, Put, Transaction};
        let cases = [
            (Put, 7, 4, at(4, 2), true),
            (Transaction, 7, 4, at(4, 2), true),
            (Put, 7, 4, at(4, 1), false),
            (Put, 7, 4, at(4, 3), false),
            (Put, 8, 4, at(4, 2), false),
            (Put, 7, 5, at(5, 2), false),
            (Put, 7, 5, at(4, 2), false),
            (Put, 7, 4, None, false),
            (Put, 7, 0, None, true),
            (CalvinSeal, 7, 4, None, true),
        ];
        for (kind, vshard, epoch, mark, passes) in cases {
            let header = write(kind, vshard, epoch);
            assert_eq!(gate.admits(&header, mark), passes, "{header:?} {mark:?}");
        }
    }
}
