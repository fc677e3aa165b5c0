//! The trailer: the last block of a sealed segment. It says where the segment ends and that it will
//! never change again.

use super::checksum::{Digest, crc32c};
use super::cursor::{put, take};
use super::layout::{BLOCK_BYTES, MIRROR_OFFSET, NUMBER_END, TRAILER_MAGIC, VERSION, trailer};
use super::segment_header::SegmentHeader;
use crate::types::{Lsn, Timestamp};

/// How a sealed segment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// The last record; one before the segment's first when it has none.
    pub(crate) last_lsn: Lsn,
    /// The digest over all records.
    pub(crate) digest: Digest,
    /// Where the last record ends; whatever stands between here and the footer is no record.
    pub(crate) data_end: u64,
    /// Where the footer record starts.
    pub(crate) footer_offset: u64,
    /// How long the footer record is, header included.
    pub(crate) footer_len: u64,
    /// How long the file is now: its capacity, or less when it was sealed early.
    pub(crate) file_len: u64,
    /// When it was sealed.
    pub(crate) sealed_at: Timestamp,
    /// The oldest LSN the log promised to hold when the segment was sealed.
    pub(crate) start_lsn: Lsn,
    /// Whether the segment after it was there already.
    pub(crate) continued: bool,
}

/// Trailer flag: the segment after it was there when it was sealed. If that one is gone, somebody
/// removed it.
pub(crate) const FLAG_CONTINUED: u32 = 1;

/// Flags of a trailer that this version does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownFlags(pub(crate) u32);

impl Trailer {
    /// The last block, both copies.
    pub(crate) fn encode_block(&self, header: &SegmentHeader) -> [u8; BLOCK_BYTES] {
        let copy = self.encode(header);
        let mut block = [0; BLOCK_BYTES];
        block[..trailer::BYTES].copy_from_slice(&copy);
        block[MIRROR_OFFSET..MIRROR_OFFSET + trailer::BYTES].copy_from_slice(&copy);
        block
    }

    fn encode(&self, header: &SegmentHeader) -> [u8; trailer::BYTES] {
        let mut bytes = [0; trailer::BYTES];
        put(&mut bytes, trailer::magic, &TRAILER_MAGIC);
        put(&mut bytes, trailer::version, &VERSION.to_le_bytes());
        let flags = if self.continued { FLAG_CONTINUED } else { 0 };
        put(&mut bytes, trailer::flags, &flags.to_le_bytes());
        put(&mut bytes, trailer::log_id, &header.log_id.to_le_bytes());
        put(&mut bytes, trailer::number, &header.number.to_le_bytes());
        put(
            &mut bytes,
            trailer::first_lsn,
            &header.first_lsn.value().to_le_bytes(),
        );
        put(
            &mut bytes,
            trailer::last_lsn,
            &self.last_lsn.value().to_le_bytes(),
        );
        put(
            &mut bytes,
            trailer::digest,
            &self.digest.value().to_le_bytes(),
        );
        put(&mut bytes, trailer::salt, &header.salt.to_le_bytes());
        put(&mut bytes, trailer::data_end, &self.data_end.to_le_bytes());
        put(
            &mut bytes,
            trailer::footer_offset,
            &self.footer_offset.to_le_bytes(),
        );
        put(
            &mut bytes,
            trailer::footer_len,
            &self.footer_len.to_le_bytes(),
        );
        put(&mut bytes, trailer::file_len, &self.file_len.to_le_bytes());
        put(
            &mut bytes,
            trailer::sealed_at,
            &self.sealed_at.as_nanos().to_le_bytes(),
        );
        put(
            &mut bytes,
            trailer::start_lsn,
            &self.start_lsn.value().to_le_bytes(),
        );
        let crc = crc32c(&bytes[..trailer::trailer_crc.offset]);
        put(&mut bytes, trailer::trailer_crc, &crc.to_le_bytes());
        bytes
    }

    /// The trailer in the last block of the segment with this header; `None` when there is none,
    /// or it is of another segment or of an earlier life of the file.
    ///
    /// # Errors
    ///
    /// The flags this version does not know, of a trailer that is whole but for them.
    pub(crate) fn decode_block(
        block: &[u8; BLOCK_BYTES],
        header: &SegmentHeader,
    ) -> Result<Option<Self>, UnknownFlags> {
        match Self::decode(&block[..trailer::BYTES], header)? {
            None => Self::decode(mirror(block), header),
            found => Ok(found),
        }
    }

    /// Whether both copies in the last block are whole.
    pub(crate) fn copies_are_whole(block: &[u8; BLOCK_BYTES], header: &SegmentHeader) -> bool {
        let is_whole = |copy| matches!(Self::decode(copy, header), Ok(Some(_)));
        is_whole(&block[..trailer::BYTES]) && is_whole(mirror(block))
    }

    fn decode(bytes: &[u8], header: &SegmentHeader) -> Result<Option<Self>, UnknownFlags> {
        let u64_at = |field| u64::from_le_bytes(take(bytes, field));
        let crc = u32::from_le_bytes(take(bytes, trailer::trailer_crc));
        let flags = u32::from_le_bytes(take(bytes, trailer::flags));
        let is_ours = take::<8>(bytes, trailer::magic) == TRAILER_MAGIC
            && u32::from_le_bytes(take(bytes, trailer::version)) == VERSION
            && crc == crc32c(&bytes[..trailer::trailer_crc.offset])
            && u128::from_le_bytes(take(bytes, trailer::log_id)) == header.log_id
            && u64_at(trailer::number) == header.number
            && u64_at(trailer::first_lsn) == header.first_lsn.value()
            && u64_at(trailer::salt) == header.salt
            && u64_at(trailer::last_lsn) < NUMBER_END
            && u64_at(trailer::start_lsn) < NUMBER_END;
        if !is_ours {
            return Ok(None);
        }
        match flags & !FLAG_CONTINUED {
            0 => {}
            unknown => return Err(UnknownFlags(unknown)),
        }
        Ok(Some(Self {
            last_lsn: Lsn::new(u64_at(trailer::last_lsn)),
            digest: Digest::from_value(u64_at(trailer::digest)),
            data_end: u64_at(trailer::data_end),
            footer_offset: u64_at(trailer::footer_offset),
            footer_len: u64_at(trailer::footer_len),
            file_len: u64_at(trailer::file_len),
            sealed_at: Timestamp::from_nanos(i64::from_le_bytes(take(bytes, trailer::sealed_at))),
            start_lsn: Lsn::new(u64_at(trailer::start_lsn)),
            continued: flags & FLAG_CONTINUED != 0,
        }))
    }
}

fn mirror(block: &[u8; BLOCK_BYTES]) -> &[u8] {
    &block[MIRROR_OFFSET..MIRROR_OFFSET + trailer::BYTES]
}

#[cfg(test)]
mod tests {
    use super::super::segment_header::tests::sample as header;
    use super::*;

    fn sample() -> Trailer {
        Trailer {
            last_lsn: Lsn::new(200),
            digest: Digest::EMPTY.extended(1),
            data_end: 9000,
            footer_offset: 12288,
            footer_len: 500,
            file_len: 20480,
            sealed_at: Timestamp::from_nanos(9),
            start_lsn: Lsn::new(40),
            continued: true,
        }
    }

    #[test]
    fn decode_gives_back_what_was_encoded() {
        let block = sample().encode_block(&header());
        assert_eq!(Trailer::decode_block(&block, &header()), Ok(Some(sample())));
    }

    #[test]
    fn a_trailer_of_an_earlier_life_of_the_file_is_none() {
        let block = sample().encode_block(&SegmentHeader {
            salt: 1,
            ..header()
        });
        assert_eq!(Trailer::decode_block(&block, &header()), Ok(None));
    }

    #[test]
    fn a_trailer_with_an_lsn_that_no_log_comes_to_is_none() {
        let lsn = Lsn::new(NUMBER_END);
        for (last_lsn, start_lsn) in [(lsn, Lsn::FIRST), (Lsn::new(200), lsn)] {
            let trailer = Trailer {
                last_lsn,
                start_lsn,
                ..sample()
            };
            let block = trailer.encode_block(&header());
            assert_eq!(Trailer::decode_block(&block, &header()), Ok(None));
        }
    }

    #[test]
    fn one_damaged_sector_is_survived() {
        let mut block = sample().encode_block(&header());
        block[..512].fill(0);
        assert_eq!(Trailer::decode_block(&block, &header()), Ok(Some(sample())));
        assert!(!Trailer::copies_are_whole(&block, &header()));
    }

    /// A trailer with a flag to come was no trailer at all: a segment that a later version had
    /// sealed was sealed again over what that had written, or reported as cut.
    #[test]
    fn an_unknown_flag_is_told_from_a_trailer_that_is_not_there() {
        let mut block = sample().encode_block(&header());
        for copy in [0, MIRROR_OFFSET] {
            let bytes = &mut block[copy..copy + trailer::BYTES];
            put(bytes, trailer::flags, &5_u32.to_le_bytes());
            let crc = crc32c(&bytes[..trailer::trailer_crc.offset]);
            put(bytes, trailer::trailer_crc, &crc.to_le_bytes());
        }
        let decoded = Trailer::decode_block(&block, &header());
        assert_eq!(decoded, Err(UnknownFlags(4)));
        assert!(!Trailer::copies_are_whole(&block, &header()));
    }
}
