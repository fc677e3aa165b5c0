//! Reading past the page cache: what a plan reads of a file that the cache does not hold.
//!
//! A disk gives the most to few large reads into memory that is one piece, and reading through the page
//! cache is a copy more and a page at a time in the kernel (docs/decisions/0042). What the cache holds
//! is read from there.

use super::read_ahead::Plan;
use crate::segment::{SegmentEntry, Stretch};

/// Stretches that follow each other are read together up to this length, and by less than one more.
const READ_BYTES: usize = 1 << 20;

/// A plan of fewer bytes is read through the cache: it is not worth a second open file.
const PAYS_BYTES: usize = 2 << 20;

/// At how many places the cache is asked, at most.
const PROBES: usize = 16;

/// Whether most of what `plan` reads has to come from the disk anyway.
pub(super) fn is_on_disk(plan: &Plan) -> bool {
    if plan.all_bytes() < PAYS_BYTES {
        return false;
    }
    let step = plan.stretches.len().div_ceil(PROBES);
    let probes = plan.stretches.iter().step_by(step);
    let total = probes.len();
    let cached = probes.filter(|stretch| plan.source.file.is_cached(stretch.from));
    cached.count() * 2 < total
}

/// Has `plan`, of the segment in `entry`, read past the cache, in large reads; as it was where the file
/// system does not do that.
pub(super) fn read_past_cache(plan: &mut Plan, entry: &SegmentEntry) {
    plan.source.past_cache = entry.file_past_cache();
    if plan.source.past_cache.is_some() {
        plan.stretches = joined(std::mem::take(&mut plan.stretches));
    }
}

/// The same bytes in fewer stretches. Parts that are wanted are not told apart any more: reading all is
/// quicker than leaving some out.
fn joined(stretches: Vec<Stretch>) -> Vec<Stretch> {
    let mut joined: Vec<Stretch> = Vec::new();
    for mut stretch in stretches {
        stretch.parts = None;
        match joined.last_mut() {
            Some(before) if before.len() < READ_BYTES && before.is_followed_by(&stretch) => {
                (before.to, before.last) = (stretch.to, stretch.last);
            }
            _ => joined.push(stretch),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Lsn;

    fn stretch(from: u64, to: u64, first: u64, last: u64) -> Stretch {
        Stretch {
            from,
            to,
            first: Lsn::new(first),
            last: Lsn::new(last),
            parts: None,
        }
    }

    #[test]
    fn stretches_that_follow_each_other_are_joined_until_they_are_long_enough() {
        let kib = 1 << 10;
        let zones = (0..9).map(|at| stretch(at * 300 * kib, (at + 1) * 300 * kib, at + 1, at + 1));
        let joined = joined(zones.collect());
        let expected = [
            stretch(0, 1200 * kib, 1, 4),
            stretch(1200 * kib, 2400 * kib, 5, 8),
            stretch(2400 * kib, 2700 * kib, 9, 9),
        ];
        assert_eq!(joined, expected);
    }

    #[test]
    fn stretches_with_something_between_them_are_not_joined() {
        let apart = vec![
            stretch(0, 100, 1, 4),
            stretch(200, 300, 5, 8),
            stretch(300, 400, 10, 12),
        ];
        assert_eq!(joined(apart.clone()), apart);
    }
}
