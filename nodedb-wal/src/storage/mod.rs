//! The one door to the operating system: files of one log directory, its lock, time and chance.
//!
//! Everything above works on [`Storage`] and [`StorageFile`]; the real file system and the
//! simulated disk are two rooms behind the same door. Nothing here knows what the bytes mean.

mod aligned;
mod complete;
mod door;
mod os;
#[cfg(feature = "sim")]
pub mod sim;
mod watch;

pub use aligned::AlignedBuf;
pub use door::{
    Access, DirectoryLock, FileEntry, IoMode, Storage, StorageFile, WriteError, is_no_space,
};
pub use os::OsStorage;
pub use watch::{Alarm, Changes, DirectoryWatch};
