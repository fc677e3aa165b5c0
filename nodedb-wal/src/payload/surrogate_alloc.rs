//! A run of surrogate ids was handed out.

use super::error::BrokenRule;
use super::msgpack::msgpack_payload;

/// A run of surrogate ids was handed out: none of them is ever handed out again, used or not.
/// Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SurrogateAlloc {
    /// The collection the run is for, or `None` when it is for the whole database.
    pub collection: Option<String>,
    /// The first id of the run.
    pub first: u32,
    /// How many ids the run has; at least 1, and the last one is at most `u32::MAX`.
    pub count: u32,
}

msgpack_payload!(
    SurrogateAlloc, version 1, collection optional,
    [collection, first, count],
    check check,
);

impl SurrogateAlloc {
    /// The last id of the run.
    #[must_use]
    pub fn last(&self) -> u32 {
        self.first.saturating_add(self.count.saturating_sub(1))
    }

    fn check(&self) -> Result<(), BrokenRule> {
        if self.count == 0 || self.first.checked_add(self.count - 1).is_none() {
            return Err(BrokenRule {
                field: "count",
                requirement: "must be at least 1 and end at 4,294,967,295 or before",
            });
        }
        Ok(())
    }
}
