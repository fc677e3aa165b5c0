//! Wall-clock time as the log keeps it.

/// Nanoseconds since 1970-01-01 UTC, leap seconds not counted.
///
/// Record timestamps are hybrid: the wall clock, but never before the record in front. A clock that
/// steps back leaves equal timestamps, never a wrong order. The first record of a write has the time
/// to the nanosecond the clock gives; those behind it may have that of the kernel's last tick, which
/// is 1 to 10 ms ago at most, 4 on most systems.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The earliest representable time.
    pub const MIN: Self = Self(i64::MIN);
    /// The latest representable time.
    pub const MAX: Self = Self(i64::MAX);

    /// The time this many nanoseconds after 1970-01-01 UTC.
    #[must_use]
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    /// Nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub const fn as_nanos(self) -> i64 {
        self.0
    }
}
