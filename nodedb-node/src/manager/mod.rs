//! The one owner of a log: typed appends, commits, truncation. It encodes payloads and knows whose
//! they are; what they mean is for engines to know, and what is on disk for the log.

mod admission;
mod appends;
mod batch;
mod input;
mod scratch;
#[cfg(test)]
mod tests;
mod wal_manager;

pub use appends::InEpoch;
pub use batch::Batch;
pub use input::Input;
pub use wal_manager::WalManager;
