//! One file of the real file system.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::LazyLock;

use nix::errno::Errno;
use nix::fcntl::{FallocateFlags, PosixFadviseAdvice, fallocate, posix_fadvise};

use super::cached;
use crate::format::layout::BLOCK_BYTES;
use crate::storage::complete::{read_all, write_all};
use crate::storage::{AlignedBuf, StorageFile, WriteError};

/// How many zeros are written at a time.
const ZERO_BYTES: usize = 1 << 20;

static ZEROS: LazyLock<AlignedBuf> = LazyLock::new(|| AlignedBuf::zeroed(ZERO_BYTES));

/// An open file.
#[derive(Debug)]
pub(super) struct OsFile {
    file: File,
    /// How `file` was opened for writing, if it was.
    mode: Mode,
}

/// How writes to a file become durable.
#[derive(Debug)]
pub(super) enum Mode {
    /// Opened with `O_DIRECT | O_DSYNC`: each write is durable by itself. The other handle of the same
    /// file is without `O_DSYNC`, for writes that are synced later; missing where there was no
    /// descriptor left for it.
    Direct { behind: Option<File> },
    /// Through the page cache: with a sync.
    Cached,
}

impl OsFile {
    pub(super) fn new(file: File, mode: Mode) -> Self {
        Self { file, mode }
    }

    fn advise(&self, advice: PosixFadviseAdvice, offset: u64, len: u64) {
        if let (Ok(offset), Ok(len)) = (i64::try_from(offset), i64::try_from(len)) {
            let _advice_only = posix_fadvise(&self.file, offset, len, advice);
        }
    }
}

impl StorageFile for OsFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        read_all(bytes.len(), |done| {
            self.file.read_at(&mut bytes[done..], offset + done as u64)
        })
    }

    fn read_cached_at(&self, bytes: &mut [u8], offset: u64) -> usize {
        cached::read_without_waiting(&self.file, bytes, offset).unwrap_or_default()
    }

    fn is_cached(&self, offset: u64) -> bool {
        cached::holds(&self.file, offset).unwrap_or(true)
    }

    fn write_durable(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        write_blocks(&self.file, blocks, offset)?;
        match self.mode {
            Mode::Direct { .. } => Ok(()),
            // After a failed sync the kernel may have dropped the pages: it is never "try again".
            Mode::Cached => self.file.sync_data().map_err(WriteError::Failed),
        }
    }

    fn write_behind(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        match &self.mode {
            Mode::Direct { behind } => {
                write_blocks(behind.as_ref().unwrap_or(&self.file), blocks, offset)
            }
            Mode::Cached => write_blocks(&self.file, blocks, offset),
        }
    }

    fn sync_written(&self) -> io::Result<()> {
        // By the handle that wrote: it is the one that is told of errors.
        match &self.mode {
            Mode::Direct { behind: Some(file) } => file.sync_data(),
            Mode::Direct { behind: None } => Ok(()),
            Mode::Cached => self.file.sync_data(),
        }
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        let zeros = ZEROS.as_slice();
        let end = offset + len;
        let mut at = offset;
        while at < end {
            let part = usize::try_from(end - at).map_or(zeros.len(), |left| left.min(zeros.len()));
            write_all_at(&self.file, &zeros[..part], at)?;
            at += part as u64;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn forget_cached(&self) -> io::Result<()> {
        // Only clean pages can be dropped, so what can still be written is written first.
        self.file.sync_all()?;
        self.advise_done(0, 0);
        Ok(())
    }

    fn advise_sequential(&self) {
        self.advise(PosixFadviseAdvice::POSIX_FADV_SEQUENTIAL, 0, 0);
    }

    fn advise_random(&self) {
        self.advise(PosixFadviseAdvice::POSIX_FADV_RANDOM, 0, 0);
    }

    fn advise_soon(&self, offset: u64, len: u64) {
        self.advise(PosixFadviseAdvice::POSIX_FADV_WILLNEED, offset, len);
    }

    fn advise_done(&self, offset: u64, len: u64) {
        self.advise(PosixFadviseAdvice::POSIX_FADV_DONTNEED, offset, len);
    }
}

/// Whole blocks, to a whole block.
fn write_blocks(file: &File, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
    debug_assert_eq!(blocks.len() % BLOCK_BYTES, 0);
    debug_assert_eq!(offset % BLOCK_BYTES as u64, 0);
    write_all_at(file, blocks, offset).map_err(WriteError::of)
}

fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    write_all(bytes.len(), |done| {
        file.write_at(&bytes[done..], offset + done as u64)
    })
}

/// Gives the file `len` bytes of allocated space that read as zeros.
pub(super) fn allocate(file: &File, len: u64) -> io::Result<()> {
    let bytes = i64::try_from(len).map_err(io::Error::other)?;
    match fallocate(file, FallocateFlags::empty(), 0, bytes) {
        Ok(()) => Ok(()),
        // A file system, or a sandbox, without preallocation: the zeros written later take the space.
        Err(Errno::EOPNOTSUPP | Errno::ENOSYS) => file.set_len(len),
        Err(errno) => Err(errno.into()),
    }
}

/// What a first direct read says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DirectRead {
    Worked,
    /// There was nothing to read, or something else is wrong.
    SaysNothing,
    Refused,
}

/// Whether a file opened with `O_DIRECT` really takes direct I/O: some file systems accept the flag
/// and refuse the first read.
pub(super) fn try_direct_read(file: &File) -> DirectRead {
    let mut block = AlignedBuf::zeroed(BLOCK_BYTES);
    match file.read_at(block.as_mut_slice(), 0) {
        Ok(BLOCK_BYTES) => DirectRead::Worked,
        Err(error) if error.raw_os_error() == Some(nix::libc::EINVAL) => DirectRead::Refused,
        Ok(_) | Err(_) => DirectRead::SaysNothing,
    }
}
