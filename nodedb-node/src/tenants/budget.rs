//! What a tenant may, and what it is told when it is too much.

use std::fmt;
use std::time::Duration;

/// What a tenant may. As it comes, anything, at the weight of everybody else.
///
/// A record counts with its payload and the 64 bytes of its header. Control records (tombstones,
/// checkpoints, holds, Calvin marks) count and are never refused: they are what makes room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// How many bytes a second it may append, over time; nothing when that is not limited.
    pub bytes_per_second: Option<u64>,
    /// How many bytes it may be ahead of that, after it appended less for a while; a second's worth
    /// when nothing is said. A record is taken whole while the tenant is not further ahead than
    /// that, so that a record longer than the burst can be appended too.
    pub burst_bytes: Option<u64>,
    /// How many bytes of its records the log's segments may hold; nothing when that is not limited.
    pub retained_bytes: Option<u64>,
    /// What its share of a write weighs beside those of others, while several tenants are at work:
    /// see [`Config::shared_write_bytes`](nodedb_wal::Config::shared_write_bytes). 0 is as 1.
    pub weight: u32,
}

impl Budget {
    /// The burst, when the rate is limited.
    pub(super) fn burst(&self) -> u64 {
        let second = self.bytes_per_second.unwrap_or_default();
        self.burst_bytes.unwrap_or(second)
    }
}

/// Which budget was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BudgetKind {
    /// Bytes a second.
    ByteRate,
    /// Bytes that the log still holds.
    RetainedBytes,
}

impl fmt::Display for BudgetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteRate => "bytes a second",
            Self::RetainedBytes => "bytes retained",
        })
    }
}

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The budget that is used up.
    pub budget: BudgetKind,
    /// How much it is.
    pub allowed_bytes: u64,
    /// After what time the same may be taken, if nothing else is appended; nothing when only
    /// truncation makes room.
    pub retry_after: Option<Duration>,
}
