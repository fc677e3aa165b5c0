//! The real file system.

mod directory;
mod file;
mod lock;

pub use directory::OsStorage;
