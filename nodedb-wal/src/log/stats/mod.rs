//! Statistics: always on, counted where the log works, read as one snapshot. Nothing is decided by
//! them.

mod counters;
mod histogram;
mod snapshot;
mod waits;

pub(crate) use counters::{Counters, Stalled};
pub use histogram::Histogram;
pub use snapshot::{SegmentSpace, Stall, Stats, WriteMethod};
pub(crate) use waits::Waits;
