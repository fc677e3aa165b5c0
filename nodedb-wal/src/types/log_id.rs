//! Which log it is.

use std::fmt;

/// The number a log draws for itself when it is made. Every segment carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(u128);

impl LogId {
    /// The id with this number.
    #[must_use]
    pub const fn new(number: u128) -> Self {
        Self(number)
    }

    /// The bare number.
    #[must_use]
    pub const fn value(self) -> u128 {
        self.0
    }
}

/// 32 hexadecimal digits.
impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}
