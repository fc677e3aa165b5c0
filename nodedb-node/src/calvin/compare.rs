//! Whether two replicas applied the same. Pure.

use std::collections::{BTreeMap, BTreeSet};

use nodedb_wal::payload::CalvinSeal;
use nodedb_wal::types::{Epoch, VshardId};

use crate::control::EpochTally;

/// What the seals of two replicas say of each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealComparison {
    /// Both applied the same transactions, with the same records, in the same order.
    Same,
    /// They are of two epochs or two vshards: nothing follows.
    Unrelated,
    /// They applied different numbers of transactions.
    Transactions,
    /// As many transactions, but different numbers of records.
    Records,
    /// As many transactions and records, but others, or in another order.
    Content,
}

/// What two replicas have sealed on one vshard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VshardComparison {
    /// The vshard.
    pub vshard: VshardId,
    /// The last epoch that we have sealed; [`Epoch::NONE`] when there is none.
    pub ours: Epoch,
    /// The last epoch that they have sealed.
    pub theirs: Epoch,
    /// Epochs that were compared: up to the lower of the two, those that either has sealed.
    pub compared: u64,
    /// The first of them in which the two differ, and in what.
    pub differs: Option<(Epoch, SealComparison)>,
}

/// The seals of one vshard.
type Seals = BTreeMap<Epoch, CalvinSeal>;

/// Compares everything that two replicas have sealed, vshard by vshard, in order. What only one of
/// them has sealed so far is not compared.
#[must_use]
pub fn compare_replicas(ours: &[CalvinSeal], theirs: &[CalvinSeal]) -> Vec<VshardComparison> {
    let (mut ours, mut theirs) = (by_vshard(ours), by_vshard(theirs));
    let vshards: BTreeSet<VshardId> = ours.keys().chain(theirs.keys()).copied().collect();
    let both = vshards.into_iter().map(|vshard| {
        let ours = ours.remove(&vshard).unwrap_or_default();
        let theirs = theirs.remove(&vshard).unwrap_or_default();
        compare_vshard(vshard, &ours, &theirs)
    });
    both.collect()
}

fn by_vshard(seals: &[CalvinSeal]) -> BTreeMap<VshardId, Seals> {
    let mut sorted = BTreeMap::<VshardId, Seals>::new();
    for seal in seals {
        let of_vshard = sorted.entry(seal.vshard).or_default();
        of_vshard.insert(seal.epoch, *seal);
    }
    sorted
}

fn compare_vshard(vshard: VshardId, ours: &Seals, theirs: &Seals) -> VshardComparison {
    let last = |seals: &Seals| seals.keys().next_back().copied().unwrap_or(Epoch::NONE);
    let both = last(ours).min(last(theirs));
    let sealed = ours.range(..=both).chain(theirs.range(..=both));
    let epochs: BTreeSet<Epoch> = sealed.map(|(epoch, _)| *epoch).collect();
    let differs = epochs.iter().find_map(|&epoch| {
        let of = |seals: &Seals| seals.get(&epoch).copied().unwrap_or(empty(vshard, epoch));
        let found = compare(&of(ours), &of(theirs));
        (found != SealComparison::Same).then_some((epoch, found))
    });
    VshardComparison {
        vshard,
        ours: last(ours),
        theirs: last(theirs),
        compared: epochs.len() as u64,
        differs,
    }
}

/// An epoch that has no seal where a later one has: it had no transaction, because it would have to be
/// sealed first.
fn empty(vshard: VshardId, epoch: Epoch) -> CalvinSeal {
    let tally = EpochTally::default();
    CalvinSeal {
        epoch,
        vshard,
        transactions: tally.transactions,
        records: tally.records,
        digest: tally.digest,
    }
}

/// Compares what two replicas applied in an epoch on a vshard.
#[must_use]
pub fn compare(ours: &CalvinSeal, theirs: &CalvinSeal) -> SealComparison {
    if (ours.epoch, ours.vshard) != (theirs.epoch, theirs.vshard) {
        SealComparison::Unrelated
    } else if ours.transactions != theirs.transactions {
        SealComparison::Transactions
    } else if ours.records != theirs.records {
        SealComparison::Records
    } else if ours.digest != theirs.digest {
        SealComparison::Content
    } else {
        SealComparison::Same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_thing_that_differs_is_told() {
        let seal = |[epoch, transactions, records, digest]: [u64; 4], vshard| CalvinSeal {
            epoch: Epoch::new(epoch),
            vshard: VshardId::new(vshard),
            transactions,
            records,
            digest,
        };
        let ours = seal([1, 2, 3, 4], 1);
        let cases = [
            ([1, 2, 3, 4], 1, SealComparison::Same),
            ([1, 2, 3, 4], 2, SealComparison::Unrelated),
            ([2, 2, 3, 4], 1, SealComparison::Unrelated),
            ([1, 9, 9, 9], 1, SealComparison::Transactions),
            ([1, 2, 9, 9], 1, SealComparison::Records),
            ([1, 2, 3, 9], 1, SealComparison::Content),
        ];
        for (numbers, vshard, expected) in cases {
            let theirs = seal(numbers, vshard);
            assert_eq!(compare(&ours, &theirs), expected, "{theirs:?}");
            assert_eq!(compare(&theirs, &ours), expected, "{theirs:?}");
        }
    }

    /// A seal of so many transactions of an epoch; without any it is an empty epoch's.
    fn seal(vshard: u32, epoch: u64, transactions: u64) -> CalvinSeal {
        let empty = empty(VshardId::new(vshard), Epoch::new(epoch));
        CalvinSeal {
            transactions,
            digest: empty.digest ^ transactions,
            ..empty
        }
    }

    #[test]
    fn replicas_are_compared_as_far_as_both_have_sealed() {
        let check = |ours: &[CalvinSeal], theirs: &[CalvinSeal], expected: &[_]| {
            let found = compare_replicas(ours, theirs);
            let found: Vec<_> = found
                .iter()
                .map(|one| {
                    let differs = one.differs.map(|(epoch, what)| (epoch.value(), what));
                    (one.vshard.value(), one.compared, differs)
                })
                .collect();
            assert_eq!(found, expected, "{ours:?} {theirs:?}");
        };
        let differs = |epoch| Some((epoch, SealComparison::Transactions));
        check(&[], &[], &[]);
        // One is behind.
        let ours = [seal(1, 1, 3), seal(1, 2, 4), seal(1, 3, 5)];
        check(&ours, &ours[..2], &[(1, 2, None)]);
        check(&ours, &[], &[(1, 0, None)]);
        // The first of two differences, on the second of two vshards.
        let left = [seal(1, 1, 3), seal(2, 1, 1), seal(2, 2, 1), seal(2, 3, 1)];
        let right = [seal(1, 1, 3), seal(2, 1, 1), seal(2, 2, 2), seal(2, 3, 2)];
        check(&left, &right, &[(1, 1, None), (2, 3, differs(2))]);
        // An epoch that nothing happened in needs no seal; one with a transaction does.
        let passed_over = [seal(1, 1, 3), seal(1, 3, 5)];
        let nothing = [seal(1, 1, 3), seal(1, 2, 0), seal(1, 3, 5)];
        check(&passed_over, &nothing, &[(1, 3, None)]);
        check(&ours, &passed_over, &[(1, 3, differs(2))]);
    }
}
