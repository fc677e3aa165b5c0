//! Log sequence numbers. Dense, starting at 1, never reused, never skipped.

use std::fmt;

/// The number of one record in its log.
///
/// The first record of a log has LSN 1 and each further record the next number, without a gap.
/// [`Lsn::ZERO`] is no record: it stands for "before the first".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(u64);

impl Lsn {
    /// Before the first record.
    pub const ZERO: Self = Self(0);
    /// The first record of a log.
    pub const FIRST: Self = Self(1);
    /// Past every record.
    pub const MAX: Self = Self(u64::MAX);

    /// The LSN with this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The bare number.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The LSN after this one; [`Lsn::MAX`] stays where it is.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The LSN before this one; [`Lsn::ZERO`] stays where it is.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The LSN `count` records further on.
    #[must_use]
    pub const fn advanced_by(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A run of records, both ends included. It holds at least one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LsnRange {
    /// The first record of the run.
    pub first: Lsn,
    /// The last record of the run, not before `first`.
    pub last: Lsn,
}

impl LsnRange {
    /// How many records the run holds.
    #[must_use]
    pub const fn count(self) -> u64 {
        self.last.0 - self.first.0 + 1
    }

    /// Whether `lsn` is in the run.
    #[must_use]
    pub fn contains(self, lsn: Lsn) -> bool {
        self.first <= lsn && lsn <= self.last
    }
}

impl fmt::Display for LsnRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}
