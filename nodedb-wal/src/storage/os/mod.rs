//! The real file system.

mod clock;
mod directory;
mod file;
mod lock;

pub use directory::OsStorage;
