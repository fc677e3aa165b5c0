//! A window that moves over a segment's bytes: bounded memory, whole blocks, aligned like the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::layout::{BLOCK_BYTES, block_floor};
use crate::storage::{AlignedBuf, StorageFile};

/// How much is read at a time, front to back.
const WINDOW_BYTES: usize = 1 << 20;

/// How much is read at a time where nobody is in a hurry.
const GENTLE_BYTES: usize = 256 << 10;

/// How much is read at a time when single records are looked up.
const LOOKUP_BYTES: usize = 4 << 10;

/// How a segment is read front to back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As fast as can be: the system reads ahead, and whoever writes meanwhile waits behind that.
    Fast,
    /// A little at a time and nothing ahead: of a part that was announced, or behind somebody's back.
    Gentle,
}

/// Reads a segment front to back.
#[derive(Debug)]
pub(super) struct SegmentCursor {
    file: Arc<dyn StorageFile>,
    path: PathBuf,
    buf: AlignedBuf,
    /// Where in the segment the window starts; a multiple of a block.
    start: u64,
    /// Bytes of the window that were read.
    len: usize,
    /// Where bytes of the segment end for this reader.
    end: u64,
    window_bytes: usize,
    bytes_read: u64,
}

impl SegmentCursor {
    pub(super) fn new(file: Arc<dyn StorageFile>, path: PathBuf, end: u64, pace: Pace) -> Self {
        let window_bytes = match pace {
            Pace::Fast => {
                file.advise_sequential();
                WINDOW_BYTES
            }
            Pace::Gentle => {
                file.advise_random();
                GENTLE_BYTES
            }
        };
        Self {
            file,
            path,
            buf: AlignedBuf::default(),
            start: 0,
            len: 0,
            end,
            window_bytes,
            bytes_read: 0,
        }
    }

    /// Reads only a little ahead from now on.
    pub(super) fn read_little(&mut self) {
        self.window_bytes = LOOKUP_BYTES;
    }

    /// Reads so much at a time from now on.
    pub(super) fn read_at_a_time(&mut self, bytes: usize) {
        self.window_bytes = bytes;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&self) -> Arc<dyn StorageFile> {
        Arc::clone(&self.file)
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// Forgets what was read, so that the next look sees what is in the file then.
    pub(super) fn invalidate(&mut self) {
        self.len = 0;
    }

    /// The `len` bytes at `offset`, or as many as there are before the end.
    #[inline]
    pub(super) fn bytes(&mut self, offset: u64, len: usize) -> Result<&[u8]> {
        if !self.holds(offset, len) {
            return self.bytes_from_file(offset, len);
        }
        let at = self.index_of(offset);
        Ok(&self.buf.as_slice()[at..at + len])
    }

    #[cold]
    fn bytes_from_file(&mut self, offset: u64, len: usize) -> Result<&[u8]> {
        let left = usize::try_from(self.end.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = len.min(left);
        if len == 0 {
            // Also where `offset` is past the end.
            return Ok(&[]);
        }
        if !self.holds(offset, len) {
            self.load(offset, len)?;
        }
        let at = self.index_of(offset);
        let held = self.len.saturating_sub(at);
        Ok(&self.buf.as_slice()[at..at + len.min(held)])
    }

    /// Bytes that an earlier call of [`Self::bytes`] brought in.
    pub(super) fn loaded(&self, offset: u64, len: usize) -> &[u8] {
        let at = self.index_of(offset);
        &self.buf.as_slice()[at..at + len]
    }

    fn holds(&self, offset: u64, len: usize) -> bool {
        offset >= self.start && offset + len as u64 <= self.start + self.len as u64
    }

    fn index_of(&self, offset: u64) -> usize {
        usize::try_from(offset - self.start).unwrap_or(usize::MAX)
    }

    /// Moves the window to the block of `offset`, long enough for `len` bytes.
    fn load(&mut self, offset: u64, len: usize) -> Result<()> {
        let start = block_floor(offset);
        let lead = usize::try_from(offset - start).unwrap_or_default();
        let left = usize::try_from(self.end - start).unwrap_or(usize::MAX);
        // A segment that is smaller than the window needs no more memory than it has bytes.
        let wanted = (lead + len)
            .max(self.window_bytes)
            .min(left)
            .next_multiple_of(BLOCK_BYTES);
        let kept = self.keep_from(start);
        if self.buf.len() < wanted {
            self.buf.grow(wanted);
        } else if self.buf.len() > wanted && self.buf.len() > 2 * WINDOW_BYTES {
            // A large record has passed: the memory goes back.
            self.buf.shrink(wanted);
        }
        let target = wanted.min(left);
        if target > kept {
            let into = &mut self.buf.as_mut_slice()[kept..target];
            let read = self
                .file
                .read_at(into, start + kept as u64)
                .map_err(|source| Error::Io {
                    operation: "read",
                    path: self.path.clone(),
                    source,
                })?;
            self.bytes_read += read as u64;
            self.len = kept + read;
        }
        Ok(())
    }

    /// Makes `start` the window's start, keeping what was read from there on.
    fn keep_from(&mut self, start: u64) -> usize {
        let window_end = self.start + self.len as u64;
        let kept = if start >= self.start && start < window_end {
            let from = self.index_of(start);
            self.buf.as_mut_slice().copy_within(from..self.len, 0);
            self.len - from
        } else {
            0
        };
        self.start = start;
        self.len = kept;
        kept
    }
}
