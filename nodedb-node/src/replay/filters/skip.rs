//! Why a record is not given to a sink, and how many were not.

/// Why a record that the reader delivered is withheld: the first filter that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::replay) enum SkipReason {
    UnknownOptional,
    OutsidePlan,
    BeforeCheckpoint,
    Epoch,
    Aborted,
    Calvin,
    Tombstone,
    Flushed,
}

/// How many records were not given to a sink, by reason. Each counts once, under the first reason
/// that applies, in the order of the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skipped {
    /// Before the plan's first LSN, or before every checkpoint it starts from.
    pub before_start: u64,
    /// After the plan's last LSN.
    pub after_end: u64,
    /// Of an optional kind that this version does not know, among those the reader looked at.
    pub unknown_optional: u64,
    /// Outside the plan's scope, engines, kinds or times; most of them were passed over unread.
    pub outside_plan: u64,
    /// Held by its own engine's checkpoint, where the plan starts at an earlier one.
    pub before_checkpoint: u64,
    /// Written in an epoch after the plan's last.
    pub epoch: u64,
    /// Of an operation that was aborted.
    pub aborted: u64,
    /// Of a Calvin transaction that was not applied to its end.
    pub calvin: u64,
    /// Of a collection that was dropped later.
    pub tombstone: u64,
    /// Of an array whose own files hold it.
    pub flushed: u64,
}

impl Skipped {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.before_start
            + self.after_end
            + self.unknown_optional
            + self.outside_plan
            + self.before_checkpoint
            + self.epoch
            + self.aborted
            + self.calvin
            + self.tombstone
            + self.flushed
    }

    /// One more.
    pub(in crate::replay) fn count(&mut self, reason: SkipReason) {
        let counter = match reason {
            SkipReason::UnknownOptional => &mut self.unknown_optional,
            SkipReason::OutsidePlan => &mut self.outside_plan,
            SkipReason::BeforeCheckpoint => &mut self.before_checkpoint,
            SkipReason::Epoch => &mut self.epoch,
            SkipReason::Aborted => &mut self.aborted,
            SkipReason::Calvin => &mut self.calvin,
            SkipReason::Tombstone => &mut self.tombstone,
            SkipReason::Flushed => &mut self.flushed,
        };
        *counter += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_counter_of_its_own_and_all_add_up() {
        let reasons = [
            SkipReason::UnknownOptional,
            SkipReason::OutsidePlan,
            SkipReason::BeforeCheckpoint,
            SkipReason::Epoch,
            SkipReason::Aborted,
            SkipReason::Calvin,
            SkipReason::Tombstone,
            SkipReason::Flushed,
        ];
        let mut skipped = Skipped {
            before_start: 100,
            after_end: 1000,
            ..Skipped::default()
        };
        for reason in reasons {
            let before = skipped;
            skipped.count(reason);
            assert_ne!(skipped, before);
        }
        assert_eq!(skipped.total(), 1108);
        let each = [
            skipped.unknown_optional,
            skipped.outside_plan,
            skipped.before_checkpoint,
            skipped.epoch,
            skipped.aborted,
            skipped.calvin,
            skipped.tombstone,
            skipped.flushed,
        ];
        assert_eq!(each, [1; 8]);
    }
}
