//! Counting instructions: the workloads run under callgrind, the numbers compared.

mod baseline;
mod callgrind;
mod verdict;

pub(crate) use callgrind::run_one;
pub(crate) use verdict::{Outcome, accept, compare, report};
