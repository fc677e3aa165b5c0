//! The door: what the log asks of an operating system, and what is durable after each answer.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::watch::DirectoryWatch;
use crate::types::Timestamp;

/// How bytes get to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IoMode {
    /// Past the page cache (`O_DIRECT`), each write durable by itself (`O_DSYNC`).
    Direct,
    /// Through the page cache, each write followed by `fdatasync`.
    Buffered,
}

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Reading, through the page cache.
    Read,
    /// Reading, past the page cache: whole blocks into memory aligned to one. Some file systems refuse
    /// to open a file so, some to read it then.
    ReadDirect,
    /// Reading, and durable writes.
    Write,
}

/// A file in the directory, as a listing gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its name in the directory.
    pub name: String,
    /// Its length in bytes.
    pub len: u64,
}

/// Why a durable write did not happen.
#[derive(Debug)]
pub enum WriteError {
    /// There was no room. None of the write is promised; the same write may be tried again.
    NoSpace(io::Error),
    /// The write or its sync failed. What is on disk in its place is unknown.
    Failed(io::Error),
}

impl WriteError {
    /// What `error` of a write means.
    pub(super) fn of(error: io::Error) -> Self {
        if is_no_space(&error) {
            Self::NoSpace(error)
        } else {
            Self::Failed(error)
        }
    }
}

/// The directory of one log.
pub trait Storage: Send + Sync + fmt::Debug {
    /// Where it is, for messages.
    fn path(&self) -> &Path;

    /// How writes get to the disk here.
    fn io_mode(&self) -> IoMode;

    /// Takes the directory's lock, at once or not at all: `None` when somebody has it. The lock is
    /// held until the value is dropped or the process ends, however it ends.
    ///
    /// # Errors
    ///
    /// The lock file could not be made or opened.
    fn lock(&self) -> io::Result<Option<Box<dyn DirectoryLock>>>;

    /// Whether somebody holds the directory's lock. Takes nothing and changes nothing.
    ///
    /// # Errors
    ///
    /// The lock file is there but could not be examined.
    fn is_locked(&self) -> io::Result<bool>;

    /// Every file of the directory, in order of name.
    ///
    /// # Errors
    ///
    /// The directory could not be read.
    fn list(&self) -> io::Result<Vec<FileEntry>>;

    /// Makes a new file of `len` bytes, its space allocated and reading as zeros. The file is durable
    /// after [`StorageFile::sync`], its name after [`Self::sync_directory`].
    ///
    /// # Errors
    ///
    /// A file of this name exists, or there is no room ([`io::ErrorKind::StorageFull`] or
    /// [`io::ErrorKind::QuotaExceeded`]); then no file is left behind.
    fn create(&self, name: &str, len: u64) -> io::Result<Arc<dyn StorageFile>>;

    /// Opens a file.
    ///
    /// # Errors
    ///
    /// There is no such file, or it may not be opened.
    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>>;

    /// Renames a file, over another one if there is one of that name. Durable after
    /// [`Self::sync_directory`].
    ///
    /// # Errors
    ///
    /// There is no such file, or the directory may not be changed.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file's name. Open files can still be read. Durable after
    /// [`Self::sync_directory`].
    ///
    /// # Errors
    ///
    /// There is no such file, or the directory may not be changed.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes every creation, renaming and removal so far durable.
    ///
    /// # Errors
    ///
    /// The sync failed; which of the changes are durable is unknown.
    fn sync_directory(&self) -> io::Result<()>;

    /// The directories inside this one, in order of name. A storage that has none says so.
    ///
    /// # Errors
    ///
    /// The directory could not be read.
    fn subdirectories(&self) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// A directory inside this one, with a lock of its own. Nothing is looked up or made: see
    /// [`Self::create_subdirectory`].
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] where the storage is of one directory only.
    fn subdirectory(&self, _name: &str) -> io::Result<Arc<dyn Storage>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Makes a directory inside this one where there is none yet. It is durable when this returns; a
    /// crash before that leaves an empty directory or none.
    ///
    /// # Errors
    ///
    /// It could not be made or synced.
    fn create_subdirectory(&self, _name: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The wall clock. It may jump either way.
    fn now(&self) -> Timestamp;

    /// The wall clock as of a few milliseconds ago at most, for next to nothing: reading memory
    /// rather than a time source. It may be behind what [`Self::now`] said before.
    fn now_roughly(&self) -> Timestamp {
        self.now()
    }

    /// Fills `bytes` with unpredictable bytes.
    ///
    /// # Errors
    ///
    /// There is no source of them.
    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()>;

    /// Watches the directory from now on; `None` where nothing tells what happens there: a simulation,
    /// where whoever wants to know looks.
    ///
    /// # Errors
    ///
    /// There is no such directory, or it may not be watched.
    fn watch(&self) -> io::Result<Option<Box<dyn DirectoryWatch>>> {
        Ok(None)
    }

    /// Whether work may be done on threads of the log's own. A simulation says no: there every
    /// operation happens on the caller's thread, in an order that a seed repeats.
    fn allows_threads(&self) -> bool {
        true
    }
}

/// A file of a log directory. All methods take `&self`; callers see to it that writes do not
/// overlap.
#[expect(
    clippy::len_without_is_empty,
    reason = "nobody asks whether a segment is empty"
)]
pub trait StorageFile: Send + Sync + fmt::Debug {
    /// Its length in bytes.
    ///
    /// # Errors
    ///
    /// The file could not be examined.
    fn len(&self) -> io::Result<u64>;

    /// Reads up to `bytes.len()` bytes from `offset` on; fewer only at the end of the file. An
    /// interrupted read is tried again.
    ///
    /// # Errors
    ///
    /// The disk could not be read.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Reads up to `bytes.len()` bytes from `offset` on as far as they are in memory, so that the disk
    /// need not be waited for. Fewer, or none, is no error: [`Self::read_at`] says what there is. For a
    /// storage that cannot tell, all is in memory.
    fn read_cached_at(&self, bytes: &mut [u8], offset: u64) -> usize {
        self.read_at(bytes, offset).unwrap_or_default()
    }

    /// Whether the page cache holds the byte at `offset` now, and so the page around it. For a storage
    /// that cannot tell, it does.
    fn is_cached(&self, _offset: u64) -> bool {
        true
    }

    /// Writes `blocks` at `offset`; when it returns `Ok`, they are durable. Short and interrupted
    /// writes are completed. `offset` and length are multiples of 4 KiB, and the memory is aligned
    /// to 4 KiB, as in an [`AlignedBuf`](super::AlignedBuf).
    ///
    /// # Errors
    ///
    /// See [`WriteError`]. After [`WriteError::Failed`] the caller must not write on.
    fn write_durable(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError>;

    /// Writes `blocks` at `offset` as [`Self::write_durable`] does, but they are durable only after
    /// [`Self::sync_written`]: several writes share its cost. Until then a crash leaves any part of
    /// any of them.
    ///
    /// # Errors
    ///
    /// As [`Self::write_durable`].
    fn write_behind(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        self.write_durable(blocks, offset)
    }

    /// Makes durable what [`Self::write_behind`] wrote through this handle.
    ///
    /// # Errors
    ///
    /// The sync failed; what of it is durable is unknown, and the caller must not write on.
    fn sync_written(&self) -> io::Result<()> {
        self.sync()
    }

    /// Writes zeros over `len` bytes from `offset` on, so that later writes there change no
    /// metadata. Both are multiples of 4 KiB. Durable after [`Self::sync`].
    ///
    /// # Errors
    ///
    /// The disk could not be written, or is full.
    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()>;

    /// Cuts or extends the file. Durable after [`Self::sync`].
    ///
    /// # Errors
    ///
    /// The file could not be changed.
    fn set_len(&self, len: u64) -> io::Result<()>;

    /// Makes the file's bytes and length durable.
    ///
    /// # Errors
    ///
    /// The sync failed; what is durable is unknown.
    fn sync(&self) -> io::Result<()>;

    /// Makes the file durable as [`Self::sync`] does, and forgets what the cache holds of it, so that
    /// the next read sees what is on disk. After a sync that failed, in this process or an earlier
    /// one, the cache may hold bytes that look written and that no later sync will write.
    ///
    /// # Errors
    ///
    /// As [`Self::sync`].
    fn forget_cached(&self) -> io::Result<()>;

    /// Says that the file will be read from front to back. Advice only.
    fn advise_sequential(&self) {}

    /// Says that reads go here and there, or that nobody is in a hurry: nothing is to be brought in
    /// but what is asked for. Advice only.
    fn advise_random(&self) {}

    /// Says that `len` bytes from `offset` on will be read soon: they are begun to be brought in, and
    /// nobody waits for that. Advice only.
    fn advise_soon(&self, _offset: u64, _len: u64) {}

    /// Says that `len` bytes from `offset` on have been read and are not needed again. Advice only.
    fn advise_done(&self, _offset: u64, _len: u64) {}
}

/// The lock of a log directory; dropping it gives the lock back.
pub trait DirectoryLock: Send + Sync + fmt::Debug {}

/// Whether `error` says that there was no room.
#[must_use]
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
