//! The catalog: what control records have said so far, kept in a redb file, so that a restart does
//! not read them all again and old segments can go. The only user of redb, whose types appear in no
//! public signature.
//!
//! The log is the truth and the catalog a cache of it. It knows which log it belongs to and up to
//! which record it holds everything; [`Catalog::fold`] brings it up to date. A catalog that is lost
//! is made again from the log as long as the log still has its beginning; one that is too old, too
//! new or of another log is refused, never silently reset.

mod audit_tables;
mod consumer_tables;
mod control_tables;
mod fit;
mod fold;
mod medium;
mod meta;
mod shadow;
mod store;
mod surrogate_tables;
#[cfg(test)]
mod tests;
mod unborn;
mod usage_tables;

pub use audit_tables::AuditRow;
pub use fold::Folded;
pub use medium::Medium;
pub use store::Catalog;
pub use surrogate_tables::BoundRow;
