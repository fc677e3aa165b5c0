//! Whether two replicas applied the same. Pure.

use nodedb_wal::payload::CalvinSeal;

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
    use nodedb_wal::types::{Epoch, VshardId};

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
}
