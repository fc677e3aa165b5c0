//! How far behind a consumer may be. Pure.

use nodedb_wal::payload::{ConsumerAdded, WhenOver};

use super::lag::Lag;

/// How far behind a consumer may be, and what is done when it is further behind: it is looked at
/// when a node is [tended](crate::Node::tend). Nothing is limited unless it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LagLimit {
    /// In records.
    pub records: Option<u64>,
    /// In bytes of log.
    pub bytes: Option<u64>,
    /// In seconds that the first record it has not acknowledged has waited.
    pub seconds: Option<u64>,
    /// What is done.
    pub when_over: WhenOver,
}

impl LagLimit {
    /// The limit of a consumer that was added.
    #[must_use]
    pub fn of(added: &ConsumerAdded) -> Self {
        Self {
            records: added.records_max,
            bytes: added.bytes_max,
            seconds: added.seconds_max,
            when_over: added.when_over,
        }
    }

    /// Whether anything is limited.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.records.or(self.bytes).or(self.seconds).is_some()
    }

    /// Which limit is passed, in words; nothing when none is.
    #[must_use]
    pub fn over(&self, lag: &Lag) -> Option<String> {
        let seconds = lag.waited.as_secs();
        let limits = [
            (self.records, lag.records, "records"),
            (self.bytes, lag.bytes, "bytes"),
            (self.seconds, seconds, "seconds"),
        ];
        limits.into_iter().find_map(|(max, behind, unit)| {
            let max = max.filter(|max| behind > *max)?;
            Some(format!("{behind} {unit} behind, {max} allowed"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_limit_is_passed_by_one_more_than_it_allows() {
        let lag = Lag {
            records: 10,
            bytes: 200,
            waited: Duration::from_millis(3_900),
        };
        let limit = |records, bytes, seconds| LagLimit {
            records,
            bytes,
            seconds,
            when_over: WhenOver::Report,
        };
        let table = [
            (limit(None, None, None), None),
            (limit(Some(10), Some(200), Some(3)), None),
            (
                limit(Some(9), None, None),
                Some("10 records behind, 9 allowed"),
            ),
            (
                limit(None, Some(199), None),
                Some("200 bytes behind, 199 allowed"),
            ),
            (
                limit(Some(10), None, Some(2)),
                Some("3 seconds behind, 2 allowed"),
            ),
        ];
        for (limit, expected) in table {
            assert_eq!(limit.over(&lag).as_deref(), expected, "{limit:?}");
            assert_eq!(limit.is_set(), limit != LagLimit::default());
        }
    }
}
