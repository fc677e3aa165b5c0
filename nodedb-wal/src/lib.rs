//! A write-ahead log of typed, tenant-scoped records.

pub mod config;
pub mod error;
pub mod format;
pub mod payload;
pub mod storage;
pub mod types;

pub use config::Config;
pub use error::{Error, ErrorClass, Result};
pub mod log;
pub use log::*;
