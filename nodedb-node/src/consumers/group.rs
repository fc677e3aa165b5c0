//! How a group's members share its records: by vshard. Pure.

use nodedb_wal::types::VshardId;

/// The partition a vshard's records belong to, of so many: the remainder. A vshard is always in the
/// same one, so that its records keep their order.
#[must_use]
pub fn partition_of(vshard: VshardId, partitions: u32) -> u32 {
    vshard.value().checked_rem(partitions).unwrap_or_default()
}

/// The partitions of the member at `place` among `members`, which are in order of name: every so
/// many. Members differ by one at most; those behind the last partition have none.
pub fn partitions_of_member(
    place: usize,
    members: usize,
    partitions: u32,
) -> impl Iterator<Item = u32> {
    let all = 0..partitions;
    all.skip(place).step_by(members.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_partition_is_one_members_and_none_has_two_more_than_another() {
        for partitions in 1..20_u32 {
            for members in 1..8_usize {
                let shares: Vec<Vec<u32>> = (0..members)
                    .map(|place| partitions_of_member(place, members, partitions).collect())
                    .collect();
                let mut all: Vec<u32> = shares.concat();
                all.sort_unstable();
                assert_eq!(all, (0..partitions).collect::<Vec<_>>());
                let sizes = shares.iter().map(Vec::len);
                assert!(sizes.clone().max().unwrap() - sizes.min().unwrap() <= 1);
            }
        }
    }

    #[test]
    fn a_vshard_is_always_in_the_same_partition() {
        for vshard in 0..50 {
            assert_eq!(partition_of(VshardId::new(vshard), 7), vshard % 7);
        }
        assert_eq!(partition_of(VshardId::new(9), 0), 0);
    }
}
