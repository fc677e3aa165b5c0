//! The order of a merge, and what a core's stream must be like: pure values.

use crate::error::CoreFault;
use crate::format::{ManifestVoid, RecordHeader};
use crate::types::{Epoch, Lsn, LsnRange, Timestamp};

/// Where a record stands among those of all cores: compared field by field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) epoch: Epoch,
    pub(super) timestamp: Timestamp,
    pub(super) core: u32,
    pub(super) lsn: Lsn,
}

impl Key {
    pub(super) fn of(core: u32, header: &RecordHeader) -> Self {
        Self {
            epoch: header.epoch,
            timestamp: header.timestamp,
            core,
            lsn: header.lsn,
        }
    }
}

/// What a core's stream has come to, checked record by record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sequence {
    expected: Lsn,
    last: (Epoch, Timestamp),
    /// Records of optional kinds that this version does not know, which the read passed over: so many
    /// may be missing.
    passed_over: u64,
}

impl Sequence {
    pub(super) fn from(first: Lsn) -> Self {
        Self {
            expected: first,
            last: (Epoch::NONE, Timestamp::MIN),
            passed_over: 0,
        }
    }

    /// Takes in the next record, `unknown` of which were passed over so far.
    pub(super) fn take_in(&mut self, key: &Key, unknown: u64) -> Result<(), CoreFault> {
        let (expected, found) = (self.expected, key.lsn);
        if found < expected {
            return Err(CoreFault::Repeated { expected, found });
        }
        let missing = found.value() - expected.value();
        if missing > unknown.saturating_sub(self.passed_over) {
            return Err(CoreFault::Gap { expected, found });
        }
        if (key.epoch, key.timestamp) < self.last {
            return Err(CoreFault::OutOfOrder { lsn: found });
        }
        self.passed_over += missing;
        self.expected = found.next();
        self.last = (key.epoch, key.timestamp);
        Ok(())
    }
}

/// The records of one core that count no more, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Voids {
    ranges: Vec<LsnRange>,
    /// Those before were passed.
    at: usize,
}

impl Voids {
    pub(super) fn of(core: u32, voids: &[ManifestVoid]) -> Self {
        let own = voids.iter().filter(|void| void.core == core);
        let mut ranges: Vec<LsnRange> = own.map(|void| void.lsns).collect();
        ranges.sort_by_key(|range| range.first);
        Self { ranges, at: 0 }
    }

    /// Whether `lsn` counts no more. It is asked of one record after the other.
    pub(super) fn hold(&mut self, lsn: Lsn) -> bool {
        while let Some(range) = self.ranges.get(self.at) {
            if range.last >= lsn {
                return range.first <= lsn;
            }
            self.at += 1;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(epoch: u64, nanos: i64, core: u32, lsn: u64) -> Key {
        Key {
            epoch: Epoch::new(epoch),
            timestamp: Timestamp::from_nanos(nanos),
            core,
            lsn: Lsn::new(lsn),
        }
    }

    #[test]
    fn records_stand_by_epoch_then_time_then_core_then_sequence() {
        let sorted = [
            key(1, 90, 1, 5),
            key(2, 10, 0, 9),
            key(2, 10, 1, 7),
            key(2, 10, 1, 8),
            key(2, 11, 0, 1),
        ];
        assert!(sorted.is_sorted());
        let mut shuffled = [4, 1, 3, 0, 2].map(|at| sorted[at]);
        shuffled.sort_unstable();
        assert_eq!(shuffled, sorted);
    }

    #[test]
    fn a_gap_a_repeat_and_a_step_back_are_told_apart() {
        let lsn = Lsn::new;
        let (expected, gap) = (lsn(5), lsn(7));
        let cases = [
            (key(3, 10, 0, 5), 0, Ok(())),
            (key(4, 9, 0, 5), 0, Ok(())),
            (
                key(3, 10, 0, 4),
                0,
                Err(CoreFault::Repeated {
                    expected,
                    found: lsn(4),
                }),
            ),
            (
                key(3, 10, 0, 7),
                1,
                Err(CoreFault::Gap {
                    expected,
                    found: gap,
                }),
            ),
            (key(3, 10, 0, 7), 2, Ok(())),
            (
                key(3, 9, 0, 5),
                0,
                Err(CoreFault::OutOfOrder { lsn: lsn(5) }),
            ),
            (
                key(2, 99, 0, 5),
                0,
                Err(CoreFault::OutOfOrder { lsn: lsn(5) }),
            ),
        ];
        for (next, unknown, answer) in cases {
            let mut sequence = Sequence::from(lsn(4));
            sequence.take_in(&key(3, 10, 0, 4), 0).unwrap();
            assert_eq!(sequence.take_in(&next, unknown), answer, "{next:?}");
        }
    }

    #[test]
    fn what_was_passed_over_makes_up_for_one_gap_only() {
        let mut sequence = Sequence::from(Lsn::FIRST);
        sequence.take_in(&key(1, 1, 0, 2), 1).unwrap();
        let again = sequence.take_in(&key(1, 1, 0, 4), 1);
        assert!(matches!(again, Err(CoreFault::Gap { .. })), "{again:?}");
    }

    #[test]
    fn what_counts_no_more_is_found_in_one_pass() {
        let range = |first, last| LsnRange {
            first: Lsn::new(first),
            last: Lsn::new(last),
        };
        let void = |core, lsns| ManifestVoid { core, lsns };
        let voids = [
            void(1, range(8, 9)),
            void(1, range(3, 4)),
            void(0, range(1, 99)),
        ];
        let mut own = Voids::of(1, &voids);
        let held: Vec<u64> = (1..12).filter(|&at| own.hold(Lsn::new(at))).collect();
        assert_eq!(held, [3, 4, 8, 9]);
    }
}
