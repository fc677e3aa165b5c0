//! The real file system.

mod cached;
mod clock;
mod directory;
mod file;
mod lock;
mod watch;

pub use directory::OsStorage;
