//! Which engines' records, each from its own first one on.

use nodedb_wal::types::{KindCode, Lsn, RecordKind};

use super::SkipReason;
use crate::replay::EngineFamily;

/// What each engine needs: nothing, or its records from an LSN on. The default is everything.
///
/// Records of no engine, control records above all, pass for whichever engine they are meant;
/// no-ops and kinds of the embedding database only while no engine is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineFilter {
    starts: [Option<Lsn>; EngineFamily::ALL.len()],
}

impl Default for EngineFilter {
    fn default() -> Self {
        Self {
            starts: [Some(Lsn::ZERO); EngineFamily::ALL.len()],
        }
    }
}

impl EngineFilter {
    /// No engine's records; see [`Self::with`].
    #[must_use]
    pub const fn none() -> Self {
        Self {
            starts: [None; EngineFamily::ALL.len()],
        }
    }

    /// The same, and the records of `family` from `first` on.
    #[must_use]
    pub fn with(mut self, family: EngineFamily, first: Lsn) -> Self {
        self.starts[family as usize] = Some(first);
        self
    }

    /// The first record that any engine needs; nothing when none needs any.
    #[must_use]
    pub fn first(&self) -> Option<Lsn> {
        self.starts.iter().flatten().min().copied()
    }

    /// Why the record of this kind is withheld, if it is.
    pub(super) fn withholds(&self, kind: KindCode, lsn: Lsn) -> Option<SkipReason> {
        let known = kind.known()?;
        if known.is_control() {
            return None;
        }
        let Some(family) = EngineFamily::of(known) else {
            let leaves_out = self.starts.contains(&None);
            return leaves_out.then_some(SkipReason::OutsidePlan);
        };
        match self.starts[family as usize] {
            None => Some(SkipReason::OutsidePlan),
            Some(first) if lsn < first => Some(SkipReason::BeforeCheckpoint),
            Some(_) => None,
        }
    }

    /// The kinds of record that can pass; nothing when all can.
    pub(in crate::replay) fn kinds(&self) -> Option<Vec<RecordKind>> {
        if !self.starts.contains(&None) {
            return None;
        }
        let wanted = |kind: &RecordKind| match EngineFamily::of(*kind) {
            Some(family) => self.starts[family as usize].is_some(),
            None => kind.is_control() || *kind == RecordKind::Transaction,
        };
        Some(RecordKind::ALL.iter().copied().filter(wanted).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_engine_has_a_start_of_its_own() {
        use RecordKind as Kind;
        use SkipReason::{BeforeCheckpoint, OutsidePlan};
        let filter = EngineFilter::none()
            .with(EngineFamily::KeyValue, Lsn::new(5))
            .with(EngineFamily::Crdt, Lsn::new(8));
        assert_eq!(filter.first(), Some(Lsn::new(5)));
        let cases = [
            (Kind::Put, 4, Some(BeforeCheckpoint)),
            (Kind::Put, 5, None),
            (Kind::Delete, 7, None),
            (Kind::CrdtDelta, 7, Some(BeforeCheckpoint)),
            (Kind::CrdtDelta, 8, None),
            (Kind::VectorPut, 9, Some(OutsidePlan)),
            (Kind::Noop, 9, Some(OutsidePlan)),
            (Kind::Checkpoint, 1, None),
        ];
        for (kind, lsn, expected) in cases {
            let found = filter.withholds(kind.code(), Lsn::new(lsn));
            assert_eq!(found, expected, "{kind} {lsn}");
        }
    }

    #[test]
    fn the_kinds_that_are_read_are_those_that_can_pass() {
        assert_eq!(EngineFilter::default().kinds(), None);
        let filter = EngineFilter::none().with(EngineFamily::KeyValue, Lsn::new(5));
        let kinds = filter.kinds().unwrap();
        assert!(kinds.contains(&RecordKind::Put) && kinds.contains(&RecordKind::Transaction));
        assert!(kinds.contains(&RecordKind::CollectionTombstoned));
        assert!(!kinds.contains(&RecordKind::CrdtDelta) && !kinds.contains(&RecordKind::Noop));
    }
}
