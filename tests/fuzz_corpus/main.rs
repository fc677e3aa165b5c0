//! The fuzz targets on a stable toolchain: over the kept corpus, and over mutations of it.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops here")]

#[path = "../compat/sparse.rs"]
mod sparse;

mod corpus;
mod memory;
mod seeds;
mod targets;
