//! The segment header: block 0 of every segment, written once and durable before any record.

use super::checksum::{Digest, HeaderSeed, crc32c};
use super::cursor::{put, take};
use super::layout::{BLOCK_BYTES, MIRROR_OFFSET, NUMBER_END, SEGMENT_MAGIC, VERSION, segment};
use crate::types::{Lsn, Timestamp};

/// What a segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentHeader {
    /// The log it belongs to: random, the same in every segment of the log.
    pub log_id: u128,
    /// Segments of a log are numbered from 1, without a gap.
    pub number: u64,
    /// The LSN of its first record, once it has one.
    pub first_lsn: Lsn,
    /// The last record of the segment before it; [`Lsn::ZERO`] in the first.
    pub previous_last_lsn: Lsn,
    /// The digest of the segment before it; [`Digest::EMPTY`] in the first.
    pub previous_digest: Digest,
    /// Random, new for each life of the file.
    pub salt: u64,
    /// The core that wrote it, in a log per core; 0 otherwise.
    pub core: u32,
    /// The encryption key; 0 is none.
    pub key_id: u32,
    /// When it was started; not before any record of the segment before it.
    pub created_at: Timestamp,
    /// How long the file was made, in bytes.
    pub capacity: u64,
    /// The oldest LSN the log promised to hold when the segment was started.
    pub start_lsn: Lsn,
}

/// Why a block is not the header of a segment this version can read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentHeaderFault {
    /// Neither copy of the header is whole, or what they say no log can come to.
    #[error("neither copy of the segment header is whole")]
    Damaged,
    /// Written by a later version.
    #[error("format version {found} is newer than {VERSION}, the newest this version reads")]
    TooNew {
        /// The version found.
        found: u32,
    },
    /// Written by an earlier version that is no longer read.
    #[error("format version {found} is older than {VERSION}, the oldest this version reads")]
    TooOld {
        /// The version found.
        found: u32,
    },
    /// A flag is set that this version does not know.
    #[error("segment flags {flags:#010x} are unknown to this version")]
    UnknownFlags {
        /// The unknown bits.
        flags: u32,
    },
}

impl SegmentHeader {
    /// Block 0, both copies.
    #[must_use]
    pub fn encode_block(&self) -> [u8; BLOCK_BYTES] {
        let copy = self.encode();
        let mut block = [0; BLOCK_BYTES];
        block[..segment::BYTES].copy_from_slice(&copy);
        block[MIRROR_OFFSET..MIRROR_OFFSET + segment::BYTES].copy_from_slice(&copy);
        block
    }

    fn encode(&self) -> [u8; segment::BYTES] {
        let mut bytes = [0; segment::BYTES];
        put(&mut bytes, segment::magic, &SEGMENT_MAGIC);
        put(&mut bytes, segment::version, &VERSION.to_le_bytes());
        put(&mut bytes, segment::log_id, &self.log_id.to_le_bytes());
        put(&mut bytes, segment::number, &self.number.to_le_bytes());
        put(
            &mut bytes,
            segment::first_lsn,
            &self.first_lsn.value().to_le_bytes(),
        );
        put(
            &mut bytes,
            segment::previous_last_lsn,
            &self.previous_last_lsn.value().to_le_bytes(),
        );
        put(
            &mut bytes,
            segment::previous_digest,
            &self.previous_digest.value().to_le_bytes(),
        );
        put(&mut bytes, segment::salt, &self.salt.to_le_bytes());
        put(&mut bytes, segment::core, &self.core.to_le_bytes());
        put(&mut bytes, segment::key_id, &self.key_id.to_le_bytes());
        put(
            &mut bytes,
            segment::created_at,
            &self.created_at.as_nanos().to_le_bytes(),
        );
        put(&mut bytes, segment::capacity, &self.capacity.to_le_bytes());
        put(
            &mut bytes,
            segment::start_lsn,
            &self.start_lsn.value().to_le_bytes(),
        );
        let crc = crc32c(&bytes[..segment::header_crc.offset]);
        put(&mut bytes, segment::header_crc, &crc.to_le_bytes());
        bytes
    }

    /// The header in block 0: the first copy, or the second where the first is damaged.
    ///
    /// # Errors
    ///
    /// See [`SegmentHeaderFault`]. A version that cannot be read is told from damage: it is
    /// reported as such when no copy is a whole header of this version.
    pub fn decode_block(block: &[u8; BLOCK_BYTES]) -> Result<Self, SegmentHeaderFault> {
        let primary = Self::decode(&block[..segment::BYTES]);
        match primary {
            Ok(_) | Err(SegmentHeaderFault::UnknownFlags { .. }) => primary,
            Err(fault) => {
                let mirror = &block[MIRROR_OFFSET..MIRROR_OFFSET + segment::BYTES];
                Self::decode(mirror).map_err(|_| fault)
            }
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, SegmentHeaderFault> {
        if take::<8>(bytes, segment::magic) != SEGMENT_MAGIC {
            return Err(SegmentHeaderFault::Damaged);
        }
        // The version comes before the checksum: a later version may keep it elsewhere.
        let found = u32::from_le_bytes(take(bytes, segment::version));
        if found > VERSION {
            return Err(SegmentHeaderFault::TooNew { found });
        }
        if found < VERSION {
            return Err(SegmentHeaderFault::TooOld { found });
        }
        let crc = u32::from_le_bytes(take(bytes, segment::header_crc));
        if crc != crc32c(&bytes[..segment::header_crc.offset]) {
            return Err(SegmentHeaderFault::Damaged);
        }
        let flags = u32::from_le_bytes(take(bytes, segment::flags));
        if flags != 0 {
            return Err(SegmentHeaderFault::UnknownFlags { flags });
        }
        let u64_at = |field| u64::from_le_bytes(take(bytes, field));
        let counts = [
            segment::number,
            segment::first_lsn,
            segment::previous_last_lsn,
            segment::start_lsn,
        ];
        if counts.into_iter().any(|field| u64_at(field) >= NUMBER_END) {
            return Err(SegmentHeaderFault::Damaged);
        }
        Ok(Self {
            log_id: u128::from_le_bytes(take(bytes, segment::log_id)),
            number: u64_at(segment::number),
            first_lsn: Lsn::new(u64_at(segment::first_lsn)),
            previous_last_lsn: Lsn::new(u64_at(segment::previous_last_lsn)),
            previous_digest: Digest::from_value(u64_at(segment::previous_digest)),
            salt: u64_at(segment::salt),
            core: u32::from_le_bytes(take(bytes, segment::core)),
            key_id: u32::from_le_bytes(take(bytes, segment::key_id)),
            created_at: Timestamp::from_nanos(i64::from_le_bytes(take(bytes, segment::created_at))),
            capacity: u64_at(segment::capacity),
            start_lsn: Lsn::new(u64_at(segment::start_lsn)),
        })
    }

    /// Whether both copies in block 0 are whole. One damaged copy loses nothing, but says that the
    /// disk is not what it was.
    #[must_use]
    pub fn copies_are_whole(block: &[u8; BLOCK_BYTES]) -> bool {
        let mirror = &block[MIRROR_OFFSET..MIRROR_OFFSET + segment::BYTES];
        Self::decode(&block[..segment::BYTES]).is_ok() && Self::decode(mirror).is_ok()
    }

    /// What the header checksums of this segment start from.
    #[must_use]
    pub fn seed(&self) -> HeaderSeed {
        HeaderSeed::of_salt(self.salt)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample() -> SegmentHeader {
        SegmentHeader {
            log_id: 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10,
            number: 3,
            first_lsn: Lsn::new(100),
            previous_last_lsn: Lsn::new(99),
            previous_digest: Digest::EMPTY.extended(5),
            salt: 0xdead_beef,
            core: 0,
            key_id: 0,
            created_at: Timestamp::from_nanos(1_700_000_000_000_000_000),
            capacity: 1 << 26,
            start_lsn: Lsn::new(40),
        }
    }

    #[test]
    fn decode_gives_back_what_was_encoded() {
        assert_eq!(
            SegmentHeader::decode_block(&sample().encode_block()),
            Ok(sample())
        );
    }

    /// Fuzzing came to one: opening counted on from the last number there is.
    #[test]
    fn a_header_with_a_number_that_no_log_comes_to_is_none() {
        let counts: [fn(&mut SegmentHeader, u64); 4] = [
            |header, count| header.number = count,
            |header, count| header.first_lsn = Lsn::new(count),
            |header, count| header.previous_last_lsn = Lsn::new(count),
            |header, count| header.start_lsn = Lsn::new(count),
        ];
        for set in counts {
            for (count, is_whole) in [
                (NUMBER_END - 1, true),
                (NUMBER_END, false),
                (u64::MAX, false),
            ] {
                let mut header = sample();
                set(&mut header, count);
                let found = SegmentHeader::decode_block(&header.encode_block());
                let expected = is_whole
                    .then_some(header)
                    .ok_or(SegmentHeaderFault::Damaged);
                assert_eq!(found, expected);
            }
        }
    }

    #[test]
    fn any_one_damaged_sector_of_the_block_is_survived() {
        for sector in 0..BLOCK_BYTES / 512 {
            let mut block = sample().encode_block();
            block[sector * 512..][..512].fill(0xa5);
            assert_eq!(
                SegmentHeader::decode_block(&block),
                Ok(sample()),
                "sector {sector}"
            );
        }
    }

    #[test]
    fn versions_and_flags_are_told_from_damage() {
        let stamped = |field: crate::format::layout::Field, value: u32| {
            let mut block = sample().encode_block();
            for start in [0, MIRROR_OFFSET] {
                let copy = &mut block[start..start + segment::BYTES];
                put(copy, field, &value.to_le_bytes());
                let crc = crc32c(&copy[..segment::header_crc.offset]);
                put(copy, segment::header_crc, &crc.to_le_bytes());
            }
            SegmentHeader::decode_block(&block)
        };
        let too_new = SegmentHeaderFault::TooNew { found: VERSION + 1 };
        assert_eq!(stamped(segment::version, VERSION + 1), Err(too_new));
        assert_eq!(
            stamped(segment::version, 0),
            Err(SegmentHeaderFault::TooOld { found: 0 })
        );
        let flags = SegmentHeaderFault::UnknownFlags { flags: 4 };
        assert_eq!(stamped(segment::flags, 4), Err(flags));
        assert_eq!(
            SegmentHeader::decode_block(&[0; BLOCK_BYTES]),
            Err(SegmentHeaderFault::Damaged)
        );
    }

    #[test]
    fn one_flipped_bit_in_the_version_is_damage_not_the_future() {
        let mut block = sample().encode_block();
        block[segment::version.offset] ^= 2;
        assert_eq!(SegmentHeader::decode_block(&block), Ok(sample()));
    }
}
