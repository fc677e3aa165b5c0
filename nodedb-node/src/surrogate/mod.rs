//! Surrogates: small numbers that stand for primary keys, one sequence for each tenant's database.
//!
//! The log is the truth. Ids are set aside in runs, each by a `SurrogateAlloc` that is in the log
//! before an id of it is bound, so an id is never handed out again, whatever crashed; a binding is a
//! `SurrogateBind`, and whoever asked is told once it is durable. Many assignments share a write, as
//! commits do. What is not in the catalog yet is in memory; a thread folds it in.

mod assigner;
mod folder;
mod id;
mod id_space;
mod overlay;
mod registry;
mod row_key;
mod status;
#[cfg(test)]
mod tests;

pub use assigner::SurrogateAssigner;
pub use id::{Surrogate, SurrogateRun};
pub use registry::SurrogateRegistry;
pub use row_key::{Collection, RowKey};
pub use status::SurrogateStatus;
