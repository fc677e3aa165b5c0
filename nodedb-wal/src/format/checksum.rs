//! CRC-32C (Castagnoli, RFC 3720 appendix B.4) and the segment digest. The only user of the
//! `crc-fast` crate.

use super::layout::record;

/// How many bytes of a header its checksum covers: all but the checksum.
const COVERED_BYTES: usize = record::BYTES - record::header_crc.width;

/// CRC-32C of `bytes`.
#[must_use]
#[inline]
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// What ties the header checksums of one segment to its salt.
///
/// A header's checksum is the CRC-32C of the salt followed by the header. A header left over from an
/// earlier life of the file was written under another salt, and fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderSeed {
    /// What the salt in front changes in the CRC of any header. A CRC is affine in its input, so
    /// that the difference depends on the salt and the header's length only.
    difference: u32,
}

impl HeaderSeed {
    /// The seed of a segment with this salt.
    #[must_use]
    pub fn of_salt(salt: u64) -> Self {
        let mut salted = [0; size_of::<u64>() + COVERED_BYTES];
        salted[..size_of::<u64>()].copy_from_slice(&salt.to_le_bytes());
        let difference = crc32c(&salted) ^ crc32c(&[0; COVERED_BYTES]);
        Self { difference }
    }

    /// CRC-32C of the salt followed by all of the header but its first four bytes.
    #[must_use]
    #[inline]
    pub fn header_crc(self, header: &[u8; record::BYTES]) -> u32 {
        crc32c(&header[record::header_crc.width..]) ^ self.difference
    }
}

/// A running digest over the header checksums of a segment's records, in order.
///
/// Each header checksum covers the payload's checksum, so the digest covers every stored byte of
/// every record. FNV-1a over 32-bit words (RFC 9923, with words in place of bytes): it detects
/// accidents and mix-ups, not forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest(u64);

impl Digest {
    /// The digest of no records.
    pub const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// The digest with this number, as found on disk.
    #[must_use]
    pub const fn from_value(value: u64) -> Self {
        Self(value)
    }

    /// The bare number.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }

    /// The digest with one more record.
    #[must_use]
    pub const fn extended(self, header_crc: u32) -> Self {
        Self((self.0 ^ header_crc as u64).wrapping_mul(0x0000_0100_0000_01b3))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_agrees_with_the_published_vectors() {
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn a_header_checksum_is_that_of_the_salt_followed_by_the_header() {
        let header: [u8; record::BYTES] = std::array::from_fn(|at| u8::try_from(at).unwrap_or(0));
        for salt in [0, 1, 0xdead_beef_0bad_cafe, u64::MAX] {
            let plain = [&salt.to_le_bytes()[..], &header[4..]].concat();
            assert_eq!(
                HeaderSeed::of_salt(salt).header_crc(&header),
                crc32c(&plain)
            );
        }
    }

    #[test]
    fn the_digest_depends_on_order() {
        let a = Digest::EMPTY.extended(1).extended(2);
        let b = Digest::EMPTY.extended(2).extended(1);
        assert_ne!(a, b);
    }
}
