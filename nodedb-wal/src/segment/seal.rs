//! Sealing: the footer, then the trailer. After that a segment never changes.

use std::path::Path;

use crate::error::{Error, Result};
use crate::format::checksum::{Digest, crc32c};
use crate::format::footer::SegmentIndex;
use crate::format::layout::{BLOCK_BYTES, FOOTER_KIND, block_ceil, record};
use crate::format::trailer::Trailer;
use crate::format::{RecordHeader, SegmentHeader};
use crate::storage::{AlignedBuf, StorageFile, WriteError};
use crate::types::{CollectionTag, Epoch, KindCode, Lsn, RecordFlags, Scope, Timestamp};

/// What is known of a segment when it is sealed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealedEnd<'a> {
    pub(crate) header: &'a SegmentHeader,
    /// `None` when the segment holds no record.
    pub(crate) index: Option<&'a SegmentIndex>,
    pub(crate) last_lsn: Lsn,
    pub(crate) digest: Digest,
    /// Where the last record, or the frontier after it, ends.
    pub(crate) data_end: u64,
    pub(crate) start_lsn: Lsn,
    pub(crate) sealed_at: Timestamp,
    /// Whether the segment after this one is there.
    pub(crate) continued: bool,
    /// Whether the file is cut behind its footer, or keeps the length it was made with.
    pub(crate) shorten: bool,
}

/// Writes footer and trailer. When it returns, the segment is sealed and that is durable.
///
/// Records and frontiers up to `data_end` are not touched. Done again after a crash, it ends the
/// same way.
pub(crate) fn seal(file: &dyn StorageFile, path: &Path, end: &SealedEnd<'_>) -> Result<Trailer> {
    let footer = encode_footer(end);
    let footer_offset = block_ceil(end.data_end);
    let footer_blocks_end = block_ceil(footer_offset + footer.len() as u64);
    let shortest = footer_blocks_end + BLOCK_BYTES as u64;
    // A segment that was filled leaves room for its footer. One whose end was found by recovery
    // may not: then the file grows by what is missing.
    let file_len = if end.shorten {
        shortest
    } else {
        end.header.capacity.max(shortest)
    };
    let trailer = Trailer {
        last_lsn: end.last_lsn,
        digest: end.digest,
        data_end: end.data_end,
        footer_offset,
        footer_len: footer.len() as u64,
        file_len,
        sealed_at: end.sealed_at,
        start_lsn: end.start_lsn,
        continued: end.continued,
    };
    write(file, path, &footer, footer_offset)?;
    write(
        file,
        path,
        &trailer.encode_block(end.header),
        file_len - BLOCK_BYTES as u64,
    )?;
    if file_len != end.header.capacity {
        let io = |operation| {
            move |source| Error::Io {
                operation,
                path: path.to_path_buf(),
                source,
            }
        };
        file.set_len(file_len).map_err(io("shorten"))?;
        file.sync().map_err(io("sync"))?;
    }
    Ok(trailer)
}

/// Writes the trailer of a sealed segment once more, where a crash left one of its two copies.
pub(crate) fn finish_seal(
    file: &dyn StorageFile,
    path: &Path,
    header: &SegmentHeader,
    trailer: &Trailer,
) -> Result<()> {
    let offset = trailer.file_len - BLOCK_BYTES as u64;
    write(file, path, &trailer.encode_block(header), offset)
}

/// How many bytes at the end of a segment sealing takes, for an index of `index_bytes`.
pub(crate) fn sealing_bytes(index_bytes: u64) -> u64 {
    block_ceil(record::BYTES as u64 + index_bytes) + BLOCK_BYTES as u64
}

fn encode_footer(end: &SealedEnd<'_>) -> Vec<u8> {
    let payload = end.index.map(SegmentIndex::encode).unwrap_or_default();
    let header = RecordHeader {
        payload_crc: crc32c(&payload),
        payload_len: u32::try_from(payload.len()).unwrap_or(u32::MAX),
        kind: KindCode::from_bits(FOOTER_KIND),
        flags: RecordFlags::NONE,
        lsn: end.last_lsn,
        scope: Scope::default(),
        collection: CollectionTag::NONE,
        epoch: Epoch::NONE,
        timestamp: end.sealed_at,
    };
    let mut bytes = Vec::with_capacity(record::BYTES + payload.len());
    bytes.extend_from_slice(&header.encode(end.header.seed()));
    bytes.extend_from_slice(&payload);
    bytes
}

fn write(file: &dyn StorageFile, path: &Path, bytes: &[u8], offset: u64) -> Result<()> {
    let mut blocks = AlignedBuf::zeroed(bytes.len());
    blocks.as_mut_slice()[..bytes.len()].copy_from_slice(bytes);
    file.write_durable(blocks.as_slice(), offset)
        .map_err(|error| match error {
            WriteError::NoSpace(source) => Error::DiskFull {
                path: path.to_path_buf(),
                source,
            },
            WriteError::Failed(source) => Error::Io {
                operation: "write",
                path: path.to_path_buf(),
                source,
            },
        })
}
