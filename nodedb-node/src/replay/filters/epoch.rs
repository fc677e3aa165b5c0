//! Records up to an epoch.

use nodedb_wal::types::Epoch;

/// Withholds records of epochs after the last one wanted. The default lets every record pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EpochFilter {
    /// The last epoch that passes, itself included.
    pub until: Option<Epoch>,
}

impl EpochFilter {
    /// Whether a record of `epoch` passes. One outside every epoch always does.
    #[must_use]
    pub fn admits(&self, epoch: Epoch) -> bool {
        epoch == Epoch::NONE || self.until.is_none_or(|until| epoch <= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_up_to_the_last_one_pass_and_so_does_none() {
        let cases = [
            (None, 0, true),
            (None, u64::MAX, true),
            (Some(5), 0, true),
            (Some(5), 4, true),
            (Some(5), 5, true),
            (Some(5), 6, false),
            (Some(0), 0, true),
            (Some(0), 1, false),
        ];
        for (until, epoch, passes) in cases {
            let filter = EpochFilter {
                until: until.map(Epoch::new),
            };
            assert_eq!(filter.admits(Epoch::new(epoch)), passes, "{filter:?}");
        }
    }
}
