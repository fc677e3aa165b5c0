//! Surrogate ids: plain values.

use std::fmt;

/// A small number that stands for a primary key in one tenant's database. From 1 on; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Surrogate(u32);

impl Surrogate {
    /// The first one of a database.
    pub const FIRST: Self = Self(1);
    /// The last one a database can have.
    pub const MAX: Self = Self(u32::MAX);

    /// The surrogate of this number.
    #[must_use]
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// Its number.
    #[must_use]
    pub const fn value(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Surrogate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Surrogates that follow each other, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurrogateRun {
    /// The first one.
    pub first: Surrogate,
    /// The last one.
    pub last: Surrogate,
}

impl SurrogateRun {
    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        (self.last.0 - self.first.0).saturating_add(1)
    }
}
