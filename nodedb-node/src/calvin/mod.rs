//! Calvin transactions: the writes of each and the mark that it was applied are one batch, so that
//! it was applied and is marked, or neither; and epochs are sealed, so that two replicas can compare.
//!
//! What was applied before is known from the catalog and the control records behind it: one pass,
//! whatever the data.

mod compare;
mod service;
#[cfg(test)]
mod tests;
mod transaction;

pub use compare::{SealComparison, VshardComparison, compare, compare_replicas};
pub use service::{Calvin, CalvinCommit};
pub use transaction::CalvinTransaction;
