//! A disk in memory behind the storage door, for tests that break it.
//!
//! A [`SimDisk`] keeps two images of each file and of the directory: the live one, which readers
//! see, and the durable one, which a crash leaves. A crash keeps, drops, tears or spoils what lies
//! between the two, sector by sector and name by name: by chance from a seed ([`CrashPlan`]), or
//! exactly as a test says ([`Survivors`]), so that every possibility of a small case can be walked.
//! While the power is on, a [`FaultPlan`] makes operations fail, lie or take long; at rest, files can
//! be damaged in every way. Everything is counted ([`FaultCounts`]).
//!
//! The simulation is stricter than most file systems: what the storage door does not promise to be
//! durable is not. It does not know what the bytes mean, and it never fails on its own.
//!
//! ```
//! use nodedb_wal::storage::AlignedBuf;
//! use nodedb_wal::storage::sim::SimDisk;
//!
//! # fn main() -> std::io::Result<()> {
//! let disk = SimDisk::new(42);
//! let storage = disk.storage();
//! let file = storage.create("a", 8192)?;
//! file.sync()?;
//! storage.sync_directory()?;
//!
//! // The power goes during the next operation; of its eight sectors, any may survive.
//! disk.crash_at(disk.operations());
//! let mut block = AlignedBuf::zeroed(4096);
//! block.as_mut_slice().fill(7);
//! assert!(file.write_durable(block.as_slice(), 4096).is_err());
//! let unsynced = disk.unsynced_sectors();
//! assert_eq!(unsynced.len(), 8);
//!
//! for kept in &unsynced {
//!     let outcome = disk.fork();
//!     outcome.crash_keeping(&[*kept]);
//!     outcome.restart();
//!     let bytes = outcome.read_file("a")?;
//!     assert_eq!(bytes.iter().filter(|&&byte| byte == 7).count(), 512);
//! }
//! # Ok(())
//! # }
//! ```

mod behind;
mod clock;
mod crash;
mod disk;
mod faults;
mod inode;
mod names;
mod operations;
mod page;
mod random;
mod room;
mod state;
mod tamper;
#[cfg(test)]
mod tests;
mod writes;

pub use crash::{CrashPlan, SectorId, Survivors};
pub use disk::SimDisk;
pub use faults::{Fault, FaultCounts, FaultKind, FaultPlan, FaultRates, Operation, ReadFault};
pub use names::{FileId, NameChange};
pub use state::PowerLost;
