//! Targets for single structures. The bytes are tried as they are, and once more with a checksum that
//! fits: a fuzzer does not guess checksums.

use nodedb_wal::format::checksum::{HeaderSeed, crc32c};
use nodedb_wal::format::layout::{self, BLOCK_BYTES, MIRROR_OFFSET};
use nodedb_wal::format::{
    Frontier, RecordHeader, SegmentHeader, annotate_record, annotate_segment_header, round_trip,
};

/// The first `N` bytes, with zeros behind where there are fewer.
fn padded<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut all = [0; N];
    let len = bytes.len().min(N);
    all[..len].copy_from_slice(&bytes[..len]);
    all
}

/// What is left behind the first `len` bytes.
fn behind(bytes: &[u8], len: usize) -> &[u8] {
    bytes.get(len..).unwrap_or_default()
}

/// A salt, then the header.
pub(super) fn record_header(bytes: &[u8]) {
    let seed = HeaderSeed::of_salt(u64::from_le_bytes(padded(bytes)));
    let mut header: [u8; layout::record::BYTES] = padded(behind(bytes, 8));
    for _ in 0..2 {
        if let Ok(decoded) = RecordHeader::decode(&header, seed) {
            assert_eq!(decoded.encode(seed), header, "{decoded:?}");
        }
        let _text = annotate_record(&header, 0);
        let crc = seed.header_crc(&header);
        header[..4].copy_from_slice(&crc.to_le_bytes());
    }
    let _text = annotate_record(bytes, 16);
}

/// A salt, then the frontier, which is looked at where it says it stands.
pub(super) fn frontier(bytes: &[u8]) {
    let seed = HeaderSeed::of_salt(u64::from_le_bytes(padded(bytes)));
    let mut frontier: [u8; layout::frontier::BYTES] = padded(behind(bytes, 8));
    for _ in 0..2 {
        let units = u32::from_le_bytes(padded(&frontier[layout::frontier::position.offset..]));
        let position = u64::from(units) * layout::ALIGN_BYTES as u64;
        assert_eq!(Frontier::decode(&frontier, position + 16, seed), None);
        if let Some(decoded) = Frontier::decode(&frontier, position, seed) {
            let again = decoded.encode(seed);
            assert_eq!(Frontier::decode(&again, position, seed), Some(decoded));
        }
        let crc = seed.header_crc(&frontier);
        frontier[..4].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Block 0 of a segment.
pub(super) fn segment_header(bytes: &[u8]) {
    let mut block: [u8; BLOCK_BYTES] = padded(bytes);
    for _ in 0..2 {
        if let Ok(header) = SegmentHeader::decode_block(&block) {
            let again = header.encode_block();
            assert_eq!(SegmentHeader::decode_block(&again), Ok(header));
            assert!(SegmentHeader::copies_are_whole(&again));
        }
        let _text = annotate_segment_header(&block);
        seal_copies(&mut block, layout::segment::header_crc.offset);
    }
    let _text = annotate_segment_header(bytes);
}

/// Both copies of a segment header or trailer in `block` get the checksum they should have, which
/// stands at `crc_offset`.
pub(super) fn seal_copies(block: &mut [u8; BLOCK_BYTES], crc_offset: usize) {
    for start in [0, MIRROR_OFFSET] {
        let copy = &mut block[start..start + crc_offset + 4];
        let crc = crc32c(&copy[..crc_offset]);
        copy[crc_offset..].copy_from_slice(&crc.to_le_bytes());
    }
}

/// A segment header's first copy, then a trailer's block.
pub(super) fn trailer(bytes: &[u8]) {
    let mut header: [u8; BLOCK_BYTES] = padded(&bytes[..bytes.len().min(layout::segment::BYTES)]);
    seal_copies(&mut header, layout::segment::header_crc.offset);
    let Ok(header) = SegmentHeader::decode_block(&header) else {
        return;
    };
    let mut block: [u8; BLOCK_BYTES] = padded(behind(bytes, layout::segment::BYTES));
    for _ in 0..2 {
        if let Some(again) = round_trip::trailer(&block, &header) {
            assert_eq!(round_trip::trailer(&again, &header), Some(again));
        }
        seal_copies(&mut block, layout::trailer::trailer_crc.offset);
    }
}

/// A footer's payload.
pub(super) fn footer(bytes: &[u8]) {
    if let Some(again) = round_trip::footer(bytes) {
        assert_eq!(again, bytes, "one index has one form");
    }
}

/// A file's name.
pub(super) fn file_name(bytes: &[u8]) {
    let name = String::from_utf8_lossy(bytes);
    if let Some(again) = round_trip::file_name(&name) {
        assert_eq!(again, name, "one file has one name");
    }
}
