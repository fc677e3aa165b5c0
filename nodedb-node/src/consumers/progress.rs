//! How far somebody who has a consumer open has come: what was looked at, what was delivered, and
//! what of that was acknowledged. Pure.

use std::collections::VecDeque;

use nodedb_wal::types::Lsn;

/// How far one partition has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    partition: u32,
    /// Every record up to here was delivered, acknowledged before, or is not wanted.
    seen: Lsn,
    /// The last record that was delivered.
    delivered: Lsn,
    /// Everything that was delivered up to here was acknowledged.
    acknowledged: Lsn,
}

/// Records of one atomic batch that were delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Whole {
    first: Lsn,
    last: Lsn,
    /// Whether more of them may be to come.
    is_open: bool,
}

/// How far the partitions of one member have come.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    parts: Vec<Part>,
    /// The batches, of more than one record, that are not acknowledged to their end.
    batches: VecDeque<Whole>,
    delivered: Lsn,
    acknowledged: Lsn,
}

impl Progress {
    /// The start, behind what was acknowledged of these partitions.
    pub(super) fn behind(partitions: &[(u32, Lsn)]) -> Self {
        let parts = partitions.iter().map(|&(partition, acknowledged)| Part {
            partition,
            seen: acknowledged,
            delivered: Lsn::ZERO,
            acknowledged,
        });
        Self {
            parts: parts.collect(),
            ..Self::default()
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.parts.is_empty()
    }

    pub(super) fn partitions(&self) -> impl Iterator<Item = u32> {
        self.parts.iter().map(|part| part.partition)
    }

    /// The record to be looked at next.
    pub(super) fn next(&self) -> Lsn {
        let seen = self.parts.iter().map(|part| part.seen).min();
        seen.unwrap_or_default().next()
    }

    /// Whether the record is to be delivered, if it is wanted at all.
    pub(super) fn is_due(&self, partition: u32, lsn: Lsn) -> bool {
        let own = self.parts.iter().find(|part| part.partition == partition);
        own.is_some_and(|part| part.seen < lsn)
    }

    /// Takes in that every record up to `lsn` was looked at, and what is wanted of them delivered.
    pub(super) fn look(&mut self, lsn: Lsn) {
        for part in &mut self.parts {
            part.seen = part.seen.max(lsn);
        }
    }

    /// Takes in that everything there is was looked at: no batch has more to come.
    pub(super) fn end_batch(&mut self) {
        if let Some(last) = self.batches.back_mut() {
            last.is_open = false;
        }
        self.drop_whole();
    }

    /// The last record that was delivered of a batch of which more may be to come.
    pub(super) fn open_batch(&self) -> Option<Lsn> {
        let last = self.batches.back().filter(|batch| batch.is_open);
        last.map(|batch| batch.last)
    }

    /// Takes in that a record is delivered: whether its batch goes on behind it, and whether it is of
    /// the batch that is open.
    pub(super) fn deliver(&mut self, partition: u32, lsn: Lsn, continues: bool, is_same: bool) {
        match self.batches.back_mut() {
            Some(batch) if is_same => {
                batch.last = lsn;
                batch.is_open = continues;
            }
            Some(_) | None => {
                self.end_batch();
                if continues {
                    self.batches.push_back(Whole {
                        first: lsn,
                        last: lsn,
                        is_open: true,
                    });
                }
            }
        }
        self.look(lsn.previous());
        self.delivered = self.delivered.max(lsn);
        if let Some(part) = self
            .parts
            .iter_mut()
            .find(|part| part.partition == partition)
        {
            if part.delivered <= part.acknowledged {
                part.acknowledged = part.seen;
            }
            part.seen = part.seen.max(lsn);
            part.delivered = lsn;
        }
    }

    /// Takes in that everything delivered up to `lsn` was processed.
    pub(super) fn acknowledge(&mut self, lsn: Lsn) {
        let lsn = lsn.min(self.delivered);
        self.acknowledged = self.acknowledged.max(lsn);
        for part in &mut self.parts {
            let up_to = lsn.min(part.delivered);
            part.acknowledged = part.acknowledged.max(up_to);
        }
        self.drop_whole();
    }

    fn drop_whole(&mut self) {
        let is_over = |batch: &Whole, up_to| !batch.is_open && batch.last <= up_to;
        while let Some(batch) = self.batches.front()
            && is_over(batch, self.acknowledged)
        {
            self.batches.pop_front();
        }
    }

    /// For each partition, up to where nothing is needed any more. A batch is needed until all of it
    /// was acknowledged, so that it is delivered whole again.
    pub(super) fn positions(&self) -> impl Iterator<Item = (u32, Lsn)> {
        let batch = self.batches.front();
        let halved = batch.filter(|batch| batch.first <= self.acknowledged);
        let before = halved.map_or(Lsn::MAX, |batch| batch.first.previous());
        self.parts.iter().map(move |part| {
            let position = match part.delivered > part.acknowledged {
                true => part.acknowledged,
                false => part.seen,
            };
            (part.partition, position.min(before))
        })
    }

    /// Whether something that was delivered waits to be acknowledged.
    pub(super) fn is_in_flight(&self) -> bool {
        self.parts
            .iter()
            .any(|part| part.delivered > part.acknowledged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lsn(number: u64) -> Lsn {
        Lsn::new(number)
    }

    fn positions(progress: &Progress) -> Vec<u64> {
        progress.positions().map(|(_, at)| at.value()).collect()
    }

    fn two(at: u64) -> Progress {
        Progress::behind(&[(0, lsn(at)), (1, lsn(at))])
    }

    #[test]
    fn what_is_delivered_holds_the_cursor_and_what_is_passed_over_moves_it() {
        let mut progress = two(0);
        progress.look(lsn(4));
        assert_eq!(positions(&progress), [4, 4]);
        progress.deliver(0, lsn(5), false, false);
        progress.look(lsn(9));
        assert_eq!(positions(&progress), [4, 9], "partition 0 waits for 5");
        assert!(progress.is_in_flight());
        progress.acknowledge(lsn(5));
        assert_eq!(positions(&progress), [9, 9]);
        assert!(!progress.is_in_flight());
    }

    #[test]
    fn a_batch_is_acknowledged_whole_or_not_at_all() {
        let mut progress = two(0);
        progress.deliver(0, lsn(3), true, false);
        progress.deliver(0, lsn(4), true, true);
        assert_eq!(progress.open_batch(), Some(lsn(4)));
        progress.acknowledge(lsn(4));
        assert_eq!(positions(&progress)[0], 2, "its end is not known yet");
        progress.deliver(0, lsn(6), false, true);
        assert_eq!(positions(&progress)[0], 2);
        progress.acknowledge(lsn(6));
        assert_eq!(positions(&progress)[0], 6);
        // What is behind the last record that is wanted may be none of it.
        progress.deliver(0, lsn(7), true, false);
        progress.acknowledge(lsn(7));
        assert_eq!(positions(&progress)[0], 6);
        progress.look(lsn(8));
        progress.end_batch();
        assert_eq!(positions(&progress)[0], 8);
    }

    #[test]
    fn partitions_go_on_behind_their_own_cursors() {
        let mut progress = Progress::behind(&[(1, lsn(6)), (2, lsn(3))]);
        assert_eq!(progress.next(), lsn(4));
        let due = |progress: &Progress, partition, at| progress.is_due(partition, lsn(at));
        assert!(due(&progress, 2, 4) && !due(&progress, 1, 6) && !due(&progress, 0, 7));
        progress.deliver(2, lsn(5), false, false);
        assert_eq!(
            (progress.next(), positions(&progress)),
            (lsn(6), vec![6, 4])
        );
        progress.acknowledge(lsn(9));
        assert_eq!(
            positions(&progress),
            [6, 5],
            "what was not delivered is not acknowledged"
        );
    }
}
