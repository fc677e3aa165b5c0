//! Structures that are not public, decoded and encoded again: a door for fuzz targets, which give it
//! any bytes, and for nobody else.

use super::file_name::{self, FileKind};
use super::footer::SegmentIndex;
use super::layout::BLOCK_BYTES;
use super::segment_header::SegmentHeader;
use super::trailer::Trailer;

/// A footer's payload, decoded and encoded; `None` when it is none.
#[must_use]
pub fn footer(payload: &[u8]) -> Option<Vec<u8>> {
    SegmentIndex::decode(payload)
        .ok()
        .map(|index| index.encode())
}

/// A trailer's block, decoded and encoded; `None` when it is none of this segment.
#[must_use]
pub fn trailer(block: &[u8; BLOCK_BYTES], segment: &SegmentHeader) -> Option<[u8; BLOCK_BYTES]> {
    let trailer = Trailer::decode_block(block, segment).ok()??;
    Some(trailer.encode_block(segment))
}

/// The name that the parts of `name` make; `None` when it is not of the log, or has no part that is
/// kept.
#[must_use]
pub fn file_name(name: &str) -> Option<String> {
    match file_name::parse(name) {
        FileKind::Segment(first_lsn) => Some(file_name::segment(first_lsn)),
        FileKind::Prepared(number) => Some(file_name::prepared(number)),
        FileKind::Unfinished | FileKind::Other => None,
    }
}
