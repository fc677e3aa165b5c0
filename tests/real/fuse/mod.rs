//! A file system in this process, under the real program: it forgets at a power cut what was not
//! synced, and fails as it is told to.

mod disk;
mod filesystem;
mod mounted;

pub(crate) use disk::{Disk, Fault};
pub(crate) use mounted::Mounted;
