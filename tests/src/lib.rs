//! What the suites share: workloads, a model of what a log promises, and ways to break a log.

pub mod diary;
pub mod errors;
pub mod fuzz;
pub mod ledger;
pub mod lying;
pub mod medium;
pub mod model;
pub mod parallel;
pub mod player;
pub mod random;
pub mod ruin;
pub mod scan;
pub mod shrink;
pub mod sweep;
pub mod watched;
pub mod workload;
