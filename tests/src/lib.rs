//! What the suites share: workloads, a model of what a log promises, and ways to break a log.

pub mod errors;
pub mod lying;
pub mod model;
pub mod player;
pub mod random;
pub mod scan;
pub mod sweep;
pub mod workload;
