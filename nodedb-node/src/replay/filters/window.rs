//! Records of a span of time.

use std::ops::RangeInclusive;

use nodedb_wal::ReadOptions;
use nodedb_wal::types::Timestamp;

/// Lets records pass that were written within some times, both included. The default lets every
/// record pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeWindow {
    /// The times.
    pub times: Option<RangeInclusive<Timestamp>>,
}

impl TimeWindow {
    /// Whether a record written at this time passes.
    #[must_use]
    pub fn admits(&self, timestamp: Timestamp) -> bool {
        self.times
            .as_ref()
            .is_none_or(|times| times.contains(&timestamp))
    }

    /// Has the reader pass over what does not pass, segment by segment where it can.
    #[must_use]
    pub fn push_down(&self, options: ReadOptions) -> ReadOptions {
        match &self.times {
            Some(times) => options.times(times.clone()),
            None => options,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_pass() {
        let at = Timestamp::from_nanos;
        let window = TimeWindow {
            times: Some(at(3)..=at(5)),
        };
        for (nanos, passes) in [(2, false), (3, true), (4, true), (5, true), (6, false)] {
            assert_eq!(window.admits(at(nanos)), passes, "{nanos}");
        }
        assert!(TimeWindow::default().admits(Timestamp::MIN));
    }
}
