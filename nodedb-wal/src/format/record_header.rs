//! The 64-byte record header: encode, and checked decode.

use super::checksum::HeaderSeed;
use super::cursor::{put, put_together, take};
use super::layout::record;
use crate::types::{
    CollectionTag, DatabaseId, Epoch, KindCode, Lsn, RecordFlags, Scope, TenantId, Timestamp,
    VshardId,
};

/// A record header whose checksum was right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader {
    /// CRC-32C of the payload as stored.
    pub payload_crc: u32,
    /// Length of the payload in bytes.
    pub payload_len: u32,
    /// What the record says.
    pub kind: KindCode,
    /// Flags; all known.
    pub flags: RecordFlags,
    /// The record's number.
    pub lsn: Lsn,
    /// Whose it is.
    pub scope: Scope,
    /// The collection's tag.
    pub collection: CollectionTag,
    /// The epoch it was written in.
    pub epoch: Epoch,
    /// When it was appended.
    pub timestamp: Timestamp,
}

/// Why 64 bytes are not a record header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// The checksum does not fit the bytes.
    #[error("the header's checksum does not fit")]
    Checksum,
    /// The checksum fits, but a flag is set that this version does not know.
    #[error("flags {flags:#06x} are unknown to this version")]
    UnknownFlags {
        /// The unknown bits.
        flags: u16,
        /// The record's number.
        lsn: Lsn,
    },
}

impl RecordHeader {
    /// The header as written, checksum included.
    #[must_use]
    pub fn encode(&self, seed: HeaderSeed) -> [u8; record::BYTES] {
        let mut bytes = [0; record::BYTES];
        self.encode_into(&mut bytes, seed);
        bytes
    }

    /// As [`Self::encode`], in place.
    ///
    /// The checksum reads eight bytes at a time. Fields that share eight bytes are put there by one
    /// store: a processor hands on what one store wrote, and waits where it takes several. For the
    /// same reason this is part of its caller, where the values are in registers.
    #[inline(always)]
    pub(crate) fn encode_into(&self, bytes: &mut [u8; record::BYTES], seed: HeaderSeed) {
        let payload_crc = self.payload_crc.to_le_bytes();
        put(bytes, record::payload_crc, &payload_crc);
        let len_kind_flags = u64::from(self.payload_len)
            | u64::from(self.kind.bits()) << 32
            | u64::from(self.flags.bits()) << 48;
        let fields = [record::payload_len, record::kind, record::flags];
        put_together(bytes, &fields, len_kind_flags);
        put_together(bytes, &[record::lsn], self.lsn.value());
        put_together(bytes, &[record::tenant], self.scope.tenant.value());
        put_together(bytes, &[record::database], self.scope.database.value());
        let vshard_tag =
            u64::from(self.scope.vshard.value()) | u64::from(self.collection.value()) << 32;
        put_together(bytes, &[record::vshard, record::collection_tag], vshard_tag);
        put_together(bytes, &[record::epoch], self.epoch.value());
        let timestamp = self.timestamp.as_nanos().to_le_bytes();
        put(bytes, record::timestamp, &timestamp);
        let crc = seed.header_crc(bytes);
        put(bytes, record::header_crc, &crc.to_le_bytes());
    }

    /// The header in `bytes`.
    ///
    /// # Errors
    ///
    /// [`HeaderFault::Checksum`] when the bytes are no header of a segment with this seed;
    /// [`HeaderFault::UnknownFlags`] when they are, but cannot be understood.
    #[inline]
    pub fn decode(bytes: &[u8; record::BYTES], seed: HeaderSeed) -> Result<Self, HeaderFault> {
        if stored_crc(bytes) != seed.header_crc(bytes) {
            return Err(HeaderFault::Checksum);
        }
        let header = Self::of_checked(bytes);
        if header.flags.unknown() != 0 {
            return Err(HeaderFault::UnknownFlags {
                flags: header.flags.unknown(),
                lsn: header.lsn,
            });
        }
        Ok(header)
    }

    /// The header in `bytes`, of which it was found out before that they are one.
    #[inline]
    pub(crate) fn of_checked(bytes: &[u8; record::BYTES]) -> Self {
        Self {
            payload_crc: u32::from_le_bytes(take(bytes, record::payload_crc)),
            payload_len: u32::from_le_bytes(take(bytes, record::payload_len)),
            kind: KindCode::from_bits(kind_bits(bytes)),
            flags: RecordFlags::from_bits(u16::from_le_bytes(take(bytes, record::flags))),
            lsn: stored_lsn(bytes),
            scope: Scope::new(
                TenantId::new(u64::from_le_bytes(take(bytes, record::tenant))),
                DatabaseId::new(u64::from_le_bytes(take(bytes, record::database))),
                VshardId::new(u32::from_le_bytes(take(bytes, record::vshard))),
            ),
            collection: CollectionTag::from_value(u32::from_le_bytes(take(
                bytes,
                record::collection_tag,
            ))),
            epoch: Epoch::new(u64::from_le_bytes(take(bytes, record::epoch))),
            timestamp: Timestamp::from_nanos(i64::from_le_bytes(take(bytes, record::timestamp))),
        }
    }

    /// Whether the batch goes on after this record.
    #[must_use]
    pub const fn batch_continues(&self) -> bool {
        self.flags.contains(RecordFlags::BATCH_CONTINUES)
    }

    /// Whether the payload is raw bytes of the caller.
    #[must_use]
    pub const fn is_opaque(&self) -> bool {
        self.flags.contains(RecordFlags::OPAQUE)
    }
}

/// The kind field of a header, checked or not.
#[inline]
pub(crate) fn kind_bits(bytes: &[u8; record::BYTES]) -> u16 {
    u16::from_le_bytes(take(bytes, record::kind))
}

/// The checksum field of a header, checked or not.
#[inline]
pub(crate) fn stored_crc(bytes: &[u8; record::BYTES]) -> u32 {
    u32::from_le_bytes(take(bytes, record::header_crc))
}

/// The LSN field of a header, checked or not.
#[inline]
pub(crate) fn stored_lsn(bytes: &[u8; record::BYTES]) -> Lsn {
    Lsn::new(u64::from_le_bytes(take(bytes, record::lsn)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RecordHeader {
        RecordHeader {
            payload_crc: 0x1122_3344,
            payload_len: 5,
            kind: KindCode::from_bits(0x8001),
            flags: RecordFlags::BATCH_CONTINUES,
            lsn: Lsn::new(7),
            scope: Scope::new(TenantId::new(8), DatabaseId::new(9), VshardId::new(10)),
            collection: CollectionTag::from_value(11),
            epoch: Epoch::new(12),
            timestamp: Timestamp::from_nanos(-13),
        }
    }

    #[test]
    fn decode_gives_back_what_was_encoded() {
        let seed = HeaderSeed::of_salt(99);
        assert_eq!(
            RecordHeader::decode(&sample().encode(seed), seed),
            Ok(sample())
        );
    }

    #[test]
    fn any_flipped_bit_is_found() {
        let seed = HeaderSeed::of_salt(99);
        let good = sample().encode(seed);
        for bit in 0..record::BYTES * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(
                RecordHeader::decode(&bytes, seed),
                Err(HeaderFault::Checksum),
                "bit {bit}"
            );
        }
    }

    #[test]
    fn a_header_of_another_salt_is_no_header() {
        let bytes = sample().encode(HeaderSeed::of_salt(1));
        let read = RecordHeader::decode(&bytes, HeaderSeed::of_salt(2));
        assert_eq!(read, Err(HeaderFault::Checksum));
    }

    #[test]
    fn an_unknown_flag_is_an_error_with_its_lsn() {
        let seed = HeaderSeed::of_salt(3);
        let header = RecordHeader {
            flags: RecordFlags::from_bits(0x4001),
            ..sample()
        };
        let read = RecordHeader::decode(&header.encode(seed), seed);
        assert_eq!(
            read,
            Err(HeaderFault::UnknownFlags {
                flags: 0x4000,
                lsn: Lsn::new(7)
            })
        );
    }
}
