//! A database node around its write-ahead log.

pub mod replay;
