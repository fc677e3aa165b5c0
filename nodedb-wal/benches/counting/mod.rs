//! Counting instructions: the workloads run under callgrind, the numbers compared.

mod baseline;
mod callgrind;
mod planted;
mod verdict;

pub(crate) use callgrind::run_one;
pub(crate) use planted::check as check_planted;
pub(crate) use verdict::{Outcome, accept, compare, report};
