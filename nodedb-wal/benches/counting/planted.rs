//! Whether the comparison would notice: a slow-down is planted in one workload, and has to be found.

use std::io;

use super::callgrind::{Count, instructions};
use super::verdict::{Outcome, is_too_much, line};

/// Where it is planted.
const WORKLOAD: &str = "append 256 B";

/// Rounds of idling that are counted to find out what one takes.
const ROUNDS: u64 = 1_000;

/// Slow-downs in per mille, and whether each has to be found.
const PLANTED: [(u64, bool); 2] = [(60, true), (40, false)];

/// Idles: what a slower workload does besides its work.
#[inline(never)]
pub(super) fn idle(rounds: u64) {
    for round in 0..rounds {
        std::hint::black_box(round);
    }
}

/// Compares one workload with itself, a slow-down planted in it, and fails unless 6 % are found and
/// 4 % are not.
pub(crate) fn check() -> io::Result<Outcome> {
    let stored = instructions(WORKLOAD, 0)?;
    let of_rounds = instructions(WORKLOAD, ROUNDS)?.saturating_sub(stored);
    let mut lines = Vec::new();
    let mut failures = 0;
    for (per_mille, has_to_be_found) in PLANTED {
        let rounds = stored * per_mille / 1_000 * ROUNDS / of_rounds.max(1);
        let count = Count {
            name: format!("{WORKLOAD}, slower on purpose"),
            operations: 1,
            instructions: instructions(WORKLOAD, rounds)?,
        };
        let is_found = is_too_much(count.instructions, Some(stored));
        failures += usize::from(is_found != has_to_be_found);
        lines.push(line(&count, Some(stored)));
    }
    Ok(Outcome::Planted(lines, failures))
}
