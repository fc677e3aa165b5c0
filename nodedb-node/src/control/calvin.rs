//! Calvin progress: for every vshard, which transactions were applied.

use std::collections::{BTreeMap, BTreeSet};

use nodedb_wal::payload::{CalvinApplied, CalvinSeal};
use nodedb_wal::types::{Epoch, VshardId};

use super::calvin_digest::EpochTally;

/// A transaction's place in the sequence: its epoch, and its position in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CalvinPosition {
    /// The epoch it was sequenced in.
    pub epoch: Epoch,
    /// Its place in the epoch, from 0 on.
    pub position: u32,
}

/// What was applied on one vshard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VshardProgress {
    /// Every transaction of this epoch and those before it was applied; [`Epoch::NONE`] when no
    /// epoch ended yet.
    pub watermark: Epoch,
    /// The seal of the watermark's epoch.
    pub seal: Option<CalvinSeal>,
    /// The transactions applied in later epochs.
    pub applied: BTreeSet<CalvinPosition>,
    /// What they come to, for each of those epochs.
    pub tallies: BTreeMap<Epoch, EpochTally>,
}

impl VshardProgress {
    /// Whether the transaction at this place was applied.
    #[must_use]
    pub fn is_applied(&self, at: CalvinPosition) -> bool {
        at.epoch <= self.watermark || self.applied.contains(&at)
    }

    /// Notes that a transaction was applied, the next one in the log. One that is applied already
    /// changes nothing.
    pub fn apply(&mut self, applied: &CalvinApplied) {
        let at = CalvinPosition::of(applied);
        if at.epoch > self.watermark && self.applied.insert(at) {
            self.tallies.entry(at.epoch).or_default().add(applied);
        }
    }

    /// Notes that an epoch ended: what was applied up to it needs no marks any more.
    pub fn seal(&mut self, seal: &CalvinSeal) {
        if seal.epoch > self.watermark {
            self.watermark = seal.epoch;
            self.seal = Some(*seal);
            self.applied.retain(|at| at.epoch > seal.epoch);
            self.tallies.retain(|epoch, _| *epoch > seal.epoch);
        }
    }
}

impl CalvinPosition {
    /// The place of a transaction that was applied.
    #[must_use]
    pub fn of(applied: &CalvinApplied) -> Self {
        Self {
            epoch: applied.epoch,
            position: applied.position,
        }
    }
}

/// What was applied on every vshard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CalvinProgress {
    by_vshard: BTreeMap<VshardId, VshardProgress>,
}

impl CalvinProgress {
    /// Notes that a transaction was applied.
    pub fn apply(&mut self, applied: &CalvinApplied) {
        self.by_vshard
            .entry(applied.vshard)
            .or_default()
            .apply(applied);
    }

    /// The progress of a vshard, to be filled in from where it was kept.
    pub(crate) fn restore(&mut self, vshard: VshardId) -> &mut VshardProgress {
        self.by_vshard.entry(vshard).or_default()
    }

    /// Notes that an epoch ended: what was applied up to it needs no marks any more.
    pub fn seal(&mut self, seal: &CalvinSeal) {
        self.by_vshard.entry(seal.vshard).or_default().seal(seal);
    }

    /// What was applied on a vshard; nothing when no transaction was.
    #[must_use]
    pub fn find(&self, vshard: VshardId) -> Option<&VshardProgress> {
        self.by_vshard.get(&vshard)
    }

    /// Whether a transaction was applied on a vshard.
    #[must_use]
    pub fn is_applied(&self, vshard: VshardId, at: CalvinPosition) -> bool {
        self.find(vshard)
            .is_some_and(|progress| progress.is_applied(at))
    }

    /// All vshards, in order.
    pub fn iter(&self) -> impl Iterator<Item = (VshardId, &VshardProgress)> {
        self.by_vshard
            .iter()
            .map(|(vshard, progress)| (*vshard, progress))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VSHARD: VshardId = VshardId::new(3);

    fn applied(epoch: u64, position: u32) -> CalvinApplied {
        CalvinApplied {
            epoch: Epoch::new(epoch),
            position,
            vshard: VSHARD,
            records: 2,
            digest: epoch ^ u64::from(position),
        }
    }

    fn seal(epoch: u64) -> CalvinSeal {
        CalvinSeal {
            epoch: Epoch::new(epoch),
            vshard: VSHARD,
            transactions: 0,
            records: 0,
            digest: 0,
        }
    }

    fn at(epoch: u64, position: u32) -> CalvinPosition {
        CalvinPosition {
            epoch: Epoch::new(epoch),
            position,
        }
    }

    #[test]
    fn exactly_what_was_applied_is_applied() {
        let mut progress = CalvinProgress::default();
        for mark in [applied(1, 0), applied(1, 2), applied(2, 0)] {
            progress.apply(&mark);
        }
        let cases = [
            (1, 0, true),
            (1, 1, false),
            (1, 2, true),
            (2, 0, true),
            (2, 1, false),
        ];
        for (epoch, position, expected) in cases {
            let at = at(epoch, position);
            assert_eq!(progress.is_applied(VSHARD, at), expected, "{at:?}");
            assert!(!progress.is_applied(VshardId::new(4), at));
        }
    }

    #[test]
    fn an_epoch_is_tallied_in_the_order_of_the_log_and_a_mark_that_comes_again_is_not_counted() {
        let tally = |marks: &[CalvinApplied]| {
            let mut progress = CalvinProgress::default();
            marks.iter().for_each(|mark| progress.apply(mark));
            progress.find(VSHARD).unwrap().tallies[&Epoch::new(1)]
        };
        let [a, b] = [applied(1, 0), applied(1, 1)];
        let both = tally(&[a, b]);
        assert_eq!((both.transactions, both.records), (2, 4));
        assert_eq!(tally(&[a, b, a]), both);
        assert_eq!(tally(&[a, applied(2, 0), b]), both);
        assert_ne!(tally(&[b, a]).digest, both.digest);
        assert_ne!(tally(&[a]).digest, both.digest);
        let mut other = b;
        other.digest += 1;
        assert_ne!(tally(&[a, other]).digest, both.digest);
    }

    #[test]
    fn a_seal_stands_for_the_marks_of_its_epoch_and_of_those_before() {
        let mut progress = CalvinProgress::default();
        for mark in [applied(1, 0), applied(2, 0), applied(3, 1)] {
            progress.apply(&mark);
        }
        progress.seal(&seal(2));
        progress.seal(&seal(1));
        progress.apply(&applied(1, 7));
        let vshard = progress.find(VSHARD).unwrap();
        assert_eq!(vshard.watermark, Epoch::new(2));
        assert_eq!(vshard.applied, BTreeSet::from([at(3, 1)]));
        let tallied: Vec<_> = vshard.tallies.keys().copied().collect();
        assert_eq!(tallied, [Epoch::new(3)]);
        assert!(progress.is_applied(VSHARD, at(2, 9)));
        assert!(!progress.is_applied(VSHARD, at(3, 0)));
    }
}
