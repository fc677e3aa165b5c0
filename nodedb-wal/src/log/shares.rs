//! Fair shares: how much of a write each tenant may fill while several are at work. Pure: it counts
//! and decides; who waits, and for what, is for the append path to carry out.
//!
//! Everybody whose records one write carries waits for all of it, so whoever fills writes makes the
//! others wait. While one tenant is alone, or nobody commits, a write may be filled to the brim. Once
//! several have appended and somebody has waited within [`RECENT`], each may fill its part of [`Shares::shared_bytes`], by weight, and
//! then waits for the next write: deficit round robin (Shreedhar and Varghese, 1995) with a round
//! for each write, in which nobody carries a deficit over because a record always finds an empty
//! share open.

use std::collections::BTreeMap;

use crate::types::{TenantId, Timestamp};

/// How long a tenant counts as being at work after its last record: 100 ms.
const RECENT: i64 = 100_000_000;

/// A share is never smaller: many tenants make a write longer rather than a share useless.
const SHARE_BYTES_MIN: u64 = 16 * 1024;

const LANE_BITS: u32 = 6;
/// Tenants share lanes by hash: counting is an addition, and needs no memory for each tenant.
const LANES: usize = 1 << LANE_BITS;

/// The shares of the write that is being filled.
#[derive(Debug)]
pub(crate) struct Shares {
    /// What all tenants at work may fill of a write together.
    shared_bytes: u64,
    lanes: Box<[Lane]>,
    /// Of tenants whose weight is not 1.
    weights: BTreeMap<TenantId, u32>,
    /// Lanes at work, each a bit: those that a write has something of are among them.
    at_work: u64,
    /// The sum of their weights.
    active_weight: u64,
    /// When the last write was cut while somebody waited for his records to be durable.
    waited: Timestamp,
    /// Whether that was a short time ago.
    is_waited_for: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    /// Bytes in the write that is being filled.
    bytes: u64,
    /// The weight of the tenant that put it to work; 0 while it is not at work.
    weight: u32,
    /// When the last write was cut that had something of it.
    seen: Timestamp,
}

impl Shares {
    pub(crate) fn new(shared_bytes: usize) -> Self {
        Self {
            shared_bytes: shared_bytes as u64,
            lanes: vec![Lane::default(); LANES].into_boxed_slice(),
            weights: BTreeMap::new(),
            at_work: 0,
            active_weight: 0,
            waited: Timestamp::MIN,
            is_waited_for: false,
        }
    }

    /// Sets what a tenant's share weighs beside the others', from when it is next put to work.
    pub(crate) fn set_weight(&mut self, tenant: TenantId, weight: u32) {
        match weight {
            0 | 1 => self.weights.remove(&tenant),
            _ => self.weights.insert(tenant, weight),
        };
        let lane = lane_of(tenant);
        if self.lanes[lane].weight > 0 {
            self.rest(lane);
            self.put_to_work(lane, tenant);
        }
    }

    /// Whether so many bytes of the tenant may go into the write that is being filled.
    pub(crate) fn admits(&self, tenant: TenantId, bytes: usize) -> bool {
        if !self.is_waited_for || self.at_work.count_ones() < 2 {
            return true;
        }
        let lane = &self.lanes[lane_of(tenant)];
        lane.bytes == 0 || lane.bytes + bytes as u64 <= self.share(lane)
    }

    fn share(&self, lane: &Lane) -> u64 {
        let weight = u64::from(lane.weight);
        let part = self.shared_bytes.saturating_mul(weight) / self.active_weight.max(1);
        part.max(SHARE_BYTES_MIN.saturating_mul(weight))
    }

    /// Takes in a record of the tenant that was put into the write.
    pub(crate) fn add(&mut self, tenant: TenantId, bytes: usize) {
        let at = lane_of(tenant);
        let lane = &mut self.lanes[at];
        lane.bytes += bytes as u64;
        if lane.weight == 0 {
            self.put_to_work(at, tenant);
        }
    }

    /// The write is cut, and everybody has a whole share of the next. `now` is the time of the last
    /// record; somebody waits for his records, or just did, or nobody: then a long write holds up
    /// nobody.
    pub(crate) fn begin_write(&mut self, now: Timestamp, somebody_waits: bool) {
        if somebody_waits {
            self.waited = now;
        }
        self.is_waited_for = is_recent(self.waited, now);
        let mut left = self.at_work;
        while left != 0 {
            let at = left.trailing_zeros() as usize;
            left &= left - 1;
            let lane = &mut self.lanes[at];
            if lane.bytes > 0 {
                lane.bytes = 0;
                lane.seen = now;
            } else if !is_recent(lane.seen, now) {
                self.rest(at);
            }
        }
    }

    fn put_to_work(&mut self, at: usize, tenant: TenantId) {
        let weight = self.weights.get(&tenant).copied().unwrap_or(1);
        self.lanes[at].weight = weight;
        self.at_work |= 1 << at;
        self.active_weight += u64::from(weight);
    }

    fn rest(&mut self, at: usize) {
        self.at_work &= !(1 << at);
        self.active_weight -= u64::from(std::mem::take(&mut self.lanes[at].weight));
    }
}

fn is_recent(then: Timestamp, now: Timestamp) -> bool {
    now.as_nanos().saturating_sub(then.as_nanos()) <= RECENT
}

/// Fibonacci hashing: the top bits of the product.
fn lane_of(tenant: TenantId) -> usize {
    let hash = tenant.value().wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (hash >> (u64::BITS - LANE_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIB: usize = 1024;

    fn tenant(id: u64) -> TenantId {
        TenantId::new(id)
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_nanos(millis * 1_000_000)
    }

    /// How many bytes each tenant got into one write, when each brings as many records of `bytes`
    /// as `wants` says, by turns, and a tenant that is refused waits for the next write.
    fn round(shares: &mut Shares, wants: &[(u64, usize)], bytes: usize) -> Vec<usize> {
        let mut got = vec![0; wants.len()];
        let most = wants.iter().map(|(_, records)| *records).max();
        for turn in 0..most.unwrap_or(0) {
            for (at, &(id, records)) in wants.iter().enumerate() {
                if turn < records && shares.admits(tenant(id), bytes) {
                    shares.add(tenant(id), bytes);
                    got[at] += bytes;
                }
            }
        }
        got
    }

    /// Eight tenants at work, as they are after their first write.
    fn eight(shared_bytes: usize) -> Shares {
        let mut shares = Shares::new(shared_bytes);
        for id in 1..=8 {
            shares.add(tenant(id), KIB);
        }
        shares.begin_write(at(0), true);
        shares
    }

    #[test]
    fn a_tenant_that_is_alone_may_fill_a_write_to_the_brim() {
        let mut shares = Shares::new(64 * KIB);
        assert_eq!(round(&mut shares, &[(7, 1000)], 4 * KIB), [1000 * 4 * KIB]);
    }

    #[test]
    fn where_nobody_waits_nobody_is_held_up() {
        let mut shares = eight(256 * KIB);
        assert_eq!(round(&mut shares, &[(1, 1000)], KIB), [32 * KIB]);
        for (millis, waits, expected) in [
            (50, false, 32 * KIB),
            (101, false, 1000 * KIB),
            (102, true, 32 * KIB),
        ] {
            for id in 2..=8 {
                shares.add(tenant(id), KIB);
            }
            shares.begin_write(at(millis), waits);
            assert_eq!(round(&mut shares, &[(1, 1000)], KIB), [expected]);
        }
    }

    #[test]
    fn a_tenant_at_ten_times_its_share_gets_its_share_and_the_others_what_they_bring() {
        let mut shares = eight(256 * KIB);
        let mut wants: Vec<(u64, usize)> = (2..=8).map(|id| (id, 8)).collect();
        wants.insert(0, (1, 80));
        let got = round(&mut shares, &wants, 4 * KIB);
        assert_eq!(got[0], 32 * KIB, "an eighth of what is shared");
        assert!(got[1..].iter().all(|&bytes| bytes == 32 * KIB), "{got:?}");
    }

    #[test]
    fn whoever_comes_late_still_finds_an_open_share() {
        let mut shares = eight(256 * KIB);
        round(&mut shares, &[(1, 1000)], 4 * KIB);
        assert!(!shares.admits(tenant(1), 1));
        assert!(shares.admits(tenant(2), 4 * KIB));
        // Even with a record that is larger than the share.
        assert!(shares.admits(tenant(3), 10 << 20));
        shares.begin_write(at(1), true);
        assert!(shares.admits(tenant(1), 4 * KIB));
    }

    #[test]
    fn shares_go_by_weight() {
        let mut shares = eight(256 * KIB);
        shares.set_weight(tenant(1), 9);
        let wants: Vec<(u64, usize)> = (1..=8).map(|id| (id, 1000)).collect();
        let got = round(&mut shares, &wants, KIB);
        // Nine sixteenths of what is shared, and the least there is for the others.
        assert_eq!(got[0], 144 * KIB);
        assert!(got[1..].iter().all(|&bytes| bytes == 16 * KIB), "{got:?}");
        shares.set_weight(tenant(1), 1);
        shares.begin_write(at(1), true);
        assert_eq!(round(&mut shares, &wants, KIB)[0], 32 * KIB);
    }

    #[test]
    fn a_tenant_that_stopped_is_forgotten_and_the_rest_is_shared_anew() {
        let mut shares = eight(256 * KIB);
        for millis in [50, 101] {
            shares.add(tenant(1), KIB);
            shares.add(tenant(2), KIB);
            shares.begin_write(at(millis), true);
        }
        assert_eq!((shares.at_work.count_ones(), shares.active_weight), (2, 2));
        assert_eq!(round(&mut shares, &[(1, 1000)], KIB), [128 * KIB]);
        shares.begin_write(at(150), true);
        shares.add(tenant(1), KIB);
        shares.begin_write(at(250), true);
        assert_eq!(shares.at_work.count_ones(), 1);
        assert!(shares.admits(tenant(1), 10 << 20));
    }

    /// Over many writes and tenants of every greed, nobody gets more of the log than its share and
    /// one record, and whoever asks for less than its share gets what it asks for.
    #[test]
    fn over_many_writes_nobody_takes_another_ones_share() {
        let mut shares = eight(256 * KIB);
        let wants: Vec<(u64, usize)> = (1..=8).map(|id| (id, 1 << id)).collect();
        for write in 0..100 {
            let got = round(&mut shares, &wants, KIB);
            for (&bytes, &(_, records)) in got.iter().zip(&wants) {
                assert_eq!(bytes, records.min(32) * KIB);
            }
            shares.begin_write(at(write), true);
        }
    }
}
