//! A segment file that was opened and whose header was checked.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::format::checksum::crc32c;
use crate::format::footer::SegmentIndex;
use crate::format::layout::{BLOCK_BYTES, FOOTER_KIND, record};
use crate::format::trailer::{Trailer, UnknownFlags};
use crate::format::{RecordHeader, SegmentHeader};
use crate::storage::{Access, FileEntry, Storage, StorageFile};

use super::cursor::Pace;
use super::walk::Walk;

/// Of how many segments header and trailer are on their way at a time while a log is opened. The files
/// are not kept open for that.
const ANNOUNCED_TOGETHER: usize = 64;

/// A segment of the log, shared by the log and its readers.
#[derive(Debug)]
pub(crate) struct SegmentEntry {
    name: String,
    path: PathBuf,
    header: SegmentHeader,
    /// The file is opened when it is read and not kept open: a log may have more segments than a
    /// process may have files.
    storage: Arc<dyn Storage>,
    /// Set once, when the segment is sealed.
    trailer: OnceLock<Trailer>,
    /// Whether one copy of the trailer is whole and the other is not, where that can be what a
    /// crash left of the write.
    is_half_sealed: bool,
}

impl SegmentEntry {
    /// Whether the file is no longer this segment: another process truncated it away.
    pub(crate) fn is_gone(&self) -> bool {
        match Self::open(&self.storage, &self.name) {
            Ok(now) => now.header.salt != self.header.salt,
            Err(Error::Io { source, .. }) => source.kind() == std::io::ErrorKind::NotFound,
            Err(_) => false,
        }
    }

    /// A segment that was just started: nothing of it is read.
    pub(crate) fn started(storage: &Arc<dyn Storage>, name: String, header: SegmentHeader) -> Self {
        let path = storage.path().join(&name);
        Self {
            name,
            path,
            header,
            storage: Arc::clone(storage),
            trailer: OnceLock::new(),
            is_half_sealed: false,
        }
    }

    /// Opens the segments in files of these names and lengths, in order. The headers and trailers of
    /// many are on their way from the disk at a time: a log of many segments would wait for each
    /// otherwise.
    pub(crate) fn open_all<'a>(
        storage: &'a Arc<dyn Storage>,
        files: &'a [FileEntry],
    ) -> impl Iterator<Item = (&'a str, Result<Self>)> {
        files.chunks(ANNOUNCED_TOGETHER).flat_map(move |files| {
            for file in files {
                announce(storage.as_ref(), file);
            }
            files
                .iter()
                .map(|file| (&*file.name, Self::open(storage, &file.name)))
        })
    }

    /// Opens the segment in the file of this name.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(crate) fn open(storage: &Arc<dyn Storage>, name: &str) -> Result<Self> {
        let path = storage.path().join(name);
        let file = open_for_reading(storage.as_ref(), name, &path)?;
        Self::read(storage, name, file.as_ref())
    }

    /// The segment in `file`: its header must be whole, and its length what it was made or what its
    /// trailer says.
    ///
    /// # Errors
    ///
    /// [`Error::SegmentHeader`], [`Error::UnknownTrailerFlags`], [`Error::SegmentLength`], or the
    /// file cannot be read.
    fn read(storage: &Arc<dyn Storage>, name: &str, file: &dyn StorageFile) -> Result<Self> {
        let path = storage.path().join(name);
        let io = |source| Error::Io {
            operation: "read",
            path: path.clone(),
            source,
        };
        let len = file.len().map_err(io)?;
        let mut block = [0; BLOCK_BYTES];
        let read = file.read_at(&mut block, 0).map_err(io)?;
        let header = SegmentHeader::decode_block(&block).map_err(|source| {
            if read < BLOCK_BYTES {
                let expected_bytes = BLOCK_BYTES as u64;
                Error::SegmentLength {
                    path: path.clone(),
                    expected_bytes,
                    found_bytes: len,
                }
            } else {
                Error::SegmentHeader {
                    path: path.clone(),
                    source,
                }
            }
        })?;
        let (trailer, is_whole) = read_trailer(file, len, &header).map_err(io)?;
        let trailer = trailer.map_err(|UnknownFlags(flags)| Error::UnknownTrailerFlags {
            path: path.clone(),
            flags,
        })?;
        let expected_bytes = trailer.as_ref().map_or(header.capacity, |t| t.file_len);
        if len != expected_bytes {
            return Err(Error::SegmentLength {
                path,
                expected_bytes,
                found_bytes: len,
            });
        }
        // A file is shortened only once its trailer is durable.
        let is_half_sealed = trailer.is_some() && !is_whole && len >= header.capacity;
        let trailer = trailer.map_or_else(OnceLock::new, OnceLock::from);
        Ok(Self {
            name: name.to_owned(),
            path,
            header,
            storage: Arc::clone(storage),
            trailer,
            is_half_sealed,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn header(&self) -> &SegmentHeader {
        &self.header
    }

    /// Opens the file for reading.
    ///
    /// # Errors
    ///
    /// The file cannot be opened; it may have been truncated away meanwhile.
    pub(crate) fn file(&self) -> Result<Arc<dyn StorageFile>> {
        open_for_reading(self.storage.as_ref(), &self.name, &self.path)
    }

    /// Opens the file for reading past the page cache, where that can be done.
    pub(crate) fn file_past_cache(&self) -> Option<Arc<dyn StorageFile>> {
        self.storage.open(&self.name, Access::ReadDirect).ok()
    }

    /// How the segment ended, once it is sealed.
    pub(crate) fn trailer(&self) -> Option<&Trailer> {
        self.trailer.get()
    }

    /// Whether a crash may have cut off the write of the trailer, of which one copy is whole.
    pub(crate) fn is_half_sealed(&self) -> bool {
        self.is_half_sealed
    }

    /// Takes in that the segment was sealed.
    pub(crate) fn set_sealed(&self, trailer: Trailer) {
        // A segment is sealed once; the first word stands.
        let _already_sealed = self.trailer.set(trailer);
    }

    /// The file's length in bytes.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.trailer()
            .map_or(self.header.capacity, |trailer| trailer.file_len)
    }

    /// A walk over the segment's records, from the first.
    ///
    /// # Errors
    ///
    /// As [`Self::file`].
    pub(crate) fn walk(&self) -> Result<Walk> {
        self.walk_at(Pace::Fast)
    }

    /// As [`Self::walk`], at a pace.
    pub(crate) fn walk_at(&self, pace: Pace) -> Result<Walk> {
        // Lengths in records are compared with this before memory is asked for: it is not believed
        // further than the file goes.
        let end = self.trailer().map_or(self.header.capacity, |trailer| {
            trailer.data_end.min(trailer.file_len)
        });
        Ok(Walk::new(
            self.file()?,
            self.path.clone(),
            end,
            self.header.seed(),
            self.header.first_lsn,
            pace,
        ))
    }

    /// How many bytes [`Self::index`] reads: none where the trailer says that the footer is not in the
    /// file.
    pub(crate) fn footer_bytes(&self) -> u64 {
        let inside = |trailer: &&Trailer| {
            trailer.footer_offset.saturating_add(trailer.footer_len) <= trailer.file_len
        };
        let trailer = self.trailer().filter(inside);
        trailer.map_or(0, |trailer| trailer.footer_len)
    }

    /// The footer of a sealed segment; `None` when the segment is not sealed or has no records.
    ///
    /// # Errors
    ///
    /// [`Error::FooterDamaged`], or the file cannot be read.
    pub(crate) fn index(&self) -> Result<Option<SegmentIndex>> {
        let Some(trailer) = self.trailer() else {
            return Ok(None);
        };
        let damaged = || Error::FooterDamaged {
            path: self.path.clone(),
            offset: trailer.footer_offset,
        };
        let len = usize::try_from(self.footer_bytes()).map_err(|_| damaged())?;
        let mut bytes = vec![0; len];
        let read = self
            .file()?
            .read_at(&mut bytes, trailer.footer_offset)
            .map_err(|source| Error::Io {
                operation: "read",
                path: self.path.clone(),
                source,
            })?;
        let payload = footer_payload(&bytes[..read], &self.header).ok_or_else(damaged)?;
        if payload.is_empty() {
            return Ok(None);
        }
        SegmentIndex::decode(payload)
            .map(Some)
            .map_err(|_| damaged())
    }
}

/// The payload of the footer record `bytes`, when it is whole.
fn footer_payload<'a>(bytes: &'a [u8], segment: &SegmentHeader) -> Option<&'a [u8]> {
    let (head, payload) = bytes.split_first_chunk::<{ record::BYTES }>()?;
    let header = RecordHeader::decode(head, segment.seed()).ok()?;
    let is_whole = header.kind.bits() == FOOTER_KIND
        && header.payload_len as usize == payload.len()
        && header.payload_crc == crc32c(payload);
    is_whole.then_some(payload)
}

/// The trailer, and whether both of its copies are whole.
/// The trailer, if there is one that this version understands.
type FoundTrailer = std::result::Result<Option<Trailer>, UnknownFlags>;

/// What the last block says, and whether both copies in it are whole.
fn read_trailer(
    file: &dyn StorageFile,
    len: u64,
    header: &SegmentHeader,
) -> std::io::Result<(FoundTrailer, bool)> {
    let mut block = [0; BLOCK_BYTES];
    let Some(offset) = len.checked_sub(BLOCK_BYTES as u64) else {
        return Ok((Ok(None), false));
    };
    file.read_at(&mut block, offset)?;
    let trailer = Trailer::decode_block(&block, header);
    Ok((trailer, Trailer::copies_are_whole(&block, header)))
}

/// Has the first block of a segment's file brought in, and its last. What cannot be opened is told
/// when it is read.
fn announce(storage: &dyn Storage, entry: &FileEntry) {
    if let Ok(file) = storage.open(&entry.name, Access::Read) {
        let block = BLOCK_BYTES as u64;
        file.advise_soon(0, block);
        file.advise_soon(entry.len.saturating_sub(block), block);
    }
}

fn open_for_reading(
    storage: &dyn Storage,
    name: &str,
    path: &Path,
) -> Result<Arc<dyn StorageFile>> {
    storage
        .open(name, Access::Read)
        .map_err(|source| Error::Io {
            operation: "open",
            path: path.to_path_buf(),
            source,
        })
}
