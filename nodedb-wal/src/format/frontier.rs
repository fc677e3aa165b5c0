//! The frontier record: the end of each write. It uses no LSN and has no payload; after it, the
//! rest of its block is zeros until the next write goes on there.

use super::checksum::{Digest, HeaderSeed};
use super::cursor::{put, take};
use super::layout::{ALIGN_BYTES, FRONTIER_KIND, frontier};
use super::record_header::{kind_bits, stored_crc};
use crate::types::{Lsn, Timestamp};

/// What a write knew of the log when it was built.
///
/// This is the evidence that makes recovery exact: a record at or below `durable_lsn` of any
/// frontier had been durable, so it may be acknowledged, and must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frontier {
    /// Where in the segment this frontier stands, in bytes; a multiple of 16. A frontier found
    /// anywhere else is a copy and says nothing.
    pub position: u64,
    /// The last record before this frontier.
    pub last_lsn: Lsn,
    /// Everything up to here was durable before this write was built.
    pub durable_lsn: Lsn,
    /// How many records this write has: the last of them is `last_lsn`.
    pub records: u32,
    /// Writes of a segment are numbered from 0.
    pub write_number: u32,
    /// Over every record of the segment up to `last_lsn`.
    pub digest: Digest,
    /// The oldest LSN the log still promises to hold: everything before it was truncated away.
    pub start_lsn: Lsn,
    /// When the write was built.
    pub timestamp: Timestamp,
}

impl Frontier {
    /// The frontier as written, checksum included.
    ///
    /// # Panics
    ///
    /// When `position` is no multiple of 16, or is 64 GiB or more into the segment.
    #[must_use]
    pub fn encode(&self, seed: HeaderSeed) -> [u8; frontier::BYTES] {
        assert_eq!(
            self.position % ALIGN_BYTES as u64,
            0,
            "a frontier is aligned"
        );
        let units = u32::try_from(self.position / ALIGN_BYTES as u64);
        assert!(units.is_ok(), "segments are smaller than 64 GiB");
        let mut bytes = [0; frontier::BYTES];
        put(
            &mut bytes,
            frontier::position,
            &units.unwrap_or_default().to_le_bytes(),
        );
        put(&mut bytes, frontier::kind, &FRONTIER_KIND.to_le_bytes());
        put(
            &mut bytes,
            frontier::last_lsn,
            &self.last_lsn.value().to_le_bytes(),
        );
        put(
            &mut bytes,
            frontier::durable_lsn,
            &self.durable_lsn.value().to_le_bytes(),
        );
        put(&mut bytes, frontier::records, &self.records.to_le_bytes());
        put(
            &mut bytes,
            frontier::write_number,
            &self.write_number.to_le_bytes(),
        );
        put(
            &mut bytes,
            frontier::digest,
            &self.digest.value().to_le_bytes(),
        );
        put(
            &mut bytes,
            frontier::start_lsn,
            &self.start_lsn.value().to_le_bytes(),
        );
        put(
            &mut bytes,
            frontier::timestamp,
            &self.timestamp.as_nanos().to_le_bytes(),
        );
        let crc = seed.header_crc(&bytes);
        put(&mut bytes, frontier::header_crc, &crc.to_le_bytes());
        bytes
    }

    /// The frontier in `bytes`, which were found at `position` of the segment; `None` when they are
    /// no frontier of this segment, or one that was copied from elsewhere in it.
    #[must_use]
    pub fn decode(bytes: &[u8; frontier::BYTES], position: u64, seed: HeaderSeed) -> Option<Self> {
        let units = u64::from(u32::from_le_bytes(take(bytes, frontier::position)));
        let is_frontier = kind_bits(bytes) == FRONTIER_KIND
            && units * ALIGN_BYTES as u64 == position
            && stored_crc(bytes) == seed.header_crc(bytes);
        is_frontier.then(|| Self {
            position,
            last_lsn: Lsn::new(u64::from_le_bytes(take(bytes, frontier::last_lsn))),
            durable_lsn: Lsn::new(u64::from_le_bytes(take(bytes, frontier::durable_lsn))),
            records: u32::from_le_bytes(take(bytes, frontier::records)),
            write_number: u32::from_le_bytes(take(bytes, frontier::write_number)),
            digest: Digest::from_value(u64::from_le_bytes(take(bytes, frontier::digest))),
            start_lsn: Lsn::new(u64::from_le_bytes(take(bytes, frontier::start_lsn))),
            timestamp: Timestamp::from_nanos(i64::from_le_bytes(take(bytes, frontier::timestamp))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Frontier {
        Frontier {
            position: 8192 + 320,
            last_lsn: Lsn::new(9),
            durable_lsn: Lsn::new(7),
            records: 2,
            write_number: 3,
            digest: Digest::EMPTY.extended(4),
            start_lsn: Lsn::FIRST,
            timestamp: Timestamp::from_nanos(5),
        }
    }

    #[test]
    fn decode_gives_back_what_was_encoded() {
        let seed = HeaderSeed::of_salt(1);
        let bytes = sample().encode(seed);
        assert_eq!(
            Frontier::decode(&bytes, sample().position, seed),
            Some(sample())
        );
    }

    #[test]
    fn a_frontier_found_elsewhere_or_under_another_salt_says_nothing() {
        let seed = HeaderSeed::of_salt(1);
        let bytes = sample().encode(seed);
        assert_eq!(Frontier::decode(&bytes, sample().position + 16, seed), None);
        assert_eq!(
            Frontier::decode(&bytes, sample().position, HeaderSeed::of_salt(2)),
            None
        );
    }
}
