//! The real file system: one directory of it.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::fcntl::OFlag;
use nix::libc;

use super::clock;
use super::file::{self, DirectRead, Mode, OsFile};
use super::lock::{self, OsLock};
use super::watch::OsWatch;
use crate::format::file_name;
use crate::storage::{
    Access, DirectoryLock, DirectoryWatch, FileEntry, IoMode, Storage, StorageFile,
};
use crate::types::Timestamp;

/// A directory of the real file system.
#[derive(Debug)]
pub struct OsStorage {
    path: PathBuf,
    /// Direct until the file system refuses it, then buffered for good.
    direct: AtomicBool,
    /// Whether a direct read worked here. One is enough: the directory is one file system, and a
    /// direct read waits behind whatever is being brought into the cache.
    direct_works: AtomicBool,
}

impl OsStorage {
    /// The directory at `path`, which must exist.
    ///
    /// With [`IoMode::Direct`], a file system that refuses direct I/O turns the mode to
    /// [`IoMode::Buffered`]; [`Storage::io_mode`] tells.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, io_mode: IoMode) -> Self {
        let direct = AtomicBool::new(io_mode == IoMode::Direct);
        Self {
            path: path.into(),
            direct,
            direct_works: AtomicBool::new(false),
        }
    }

    /// Makes the directory at `path` and its parents where they are missing, each made durable in
    /// the directory above it.
    ///
    /// # Errors
    ///
    /// A directory could not be made or synced.
    pub fn create_directory(path: &Path) -> io::Result<()> {
        let missing: Vec<&Path> = path
            .ancestors()
            .take_while(|p| !p.as_os_str().is_empty() && !p.exists())
            .collect();
        for directory in missing.into_iter().rev() {
            match std::fs::create_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => made?,
            }
            let parent = directory.parent().filter(|p| !p.as_os_str().is_empty());
            open_plain(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }

    /// Opens for durable writes: direct where that works, else buffered.
    fn open_for_writing(&self, name: &str, create: bool) -> io::Result<(File, Mode)> {
        let path = self.path.join(name);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(create);
        if self.direct.load(Ordering::Relaxed) {
            let flags = OFlag::O_DIRECT | OFlag::O_DSYNC;
            match options.clone().custom_flags(flags.bits()).open(&path) {
                Ok(file) if self.takes_direct_io(&file) => {
                    let flags = OFlag::O_DIRECT.bits();
                    options.create_new(false).custom_flags(flags);
                    // Where it cannot be had each write is durable by itself.
                    let behind = options.open(&path).ok();
                    return Ok((file, Mode::Direct { behind }));
                }
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                Err(error) => return Err(error),
            }
            // The file may have been made by the attempt that was refused.
            options.create_new(false).create(create);
            self.direct.store(false, Ordering::Relaxed);
        }
        Ok((options.open(&path)?, Mode::Cached))
    }

    fn takes_direct_io(&self, file: &File) -> bool {
        if self.direct_works.load(Ordering::Relaxed) {
            return true;
        }
        let read = file::try_direct_read(file);
        if read == DirectRead::Worked {
            self.direct_works.store(true, Ordering::Relaxed);
        }
        read != DirectRead::Refused
    }
}

impl Storage for OsStorage {
    fn path(&self) -> &Path {
        &self.path
    }

    fn io_mode(&self) -> IoMode {
        if self.direct.load(Ordering::Relaxed) {
            IoMode::Direct
        } else {
            IoMode::Buffered
        }
    }

    fn lock(&self) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        let taken = OsLock::take(&self.path.join(file_name::LOCK))?;
        Ok(taken.map(|lock| Box::new(lock) as Box<dyn DirectoryLock>))
    }

    fn is_locked(&self) -> io::Result<bool> {
        lock::is_held(&self.path.join(file_name::LOCK))
    }

    fn list(&self) -> io::Result<Vec<FileEntry>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            // A name that is not UTF-8 is not one of ours.
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let metadata = match entry.metadata() {
                Ok(metadata) => metadata,
                // Another process renamed or removed it since its name was read.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if metadata.is_file() {
                files.push(FileEntry {
                    name,
                    len: metadata.len(),
                });
            }
        }
        files.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(files)
    }

    fn create(&self, name: &str, len: u64) -> io::Result<Arc<dyn StorageFile>> {
        let (file, mode) = self.open_for_writing(name, true)?;
        match file::allocate(&file, len) {
            Ok(()) => Ok(Arc::new(OsFile::new(file, mode))),
            Err(error) => {
                // The error that matters is the one that made the file useless.
                let _removed = std::fs::remove_file(self.path.join(name));
                Err(error)
            }
        }
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        let (file, mode) = match access {
            Access::Read => (open_plain(&self.path.join(name))?, Mode::Cached),
            Access::ReadDirect => {
                let mut options = OpenOptions::new();
                options.read(true).custom_flags(OFlag::O_DIRECT.bits());
                (options.open(self.path.join(name))?, Mode::Cached)
            }
            Access::Write => self.open_for_writing(name, false)?,
        };
        Ok(Arc::new(OsFile::new(file, mode)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        open_plain(&self.path)?.sync_all()
    }

    fn subdirectories(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                // A name that is not UTF-8 is not one of ours.
                names.extend(entry.file_name().into_string());
            }
        }
        names.sort();
        Ok(names)
    }

    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        Ok(Arc::new(Self::new(self.path.join(name), self.io_mode())))
    }

    fn create_subdirectory(&self, name: &str) -> io::Result<()> {
        Self::create_directory(&self.path.join(name))?;
        // It may have been there and never been synced.
        self.sync_directory()
    }

    fn watch(&self) -> io::Result<Option<Box<dyn DirectoryWatch>>> {
        Ok(Some(Box::new(OsWatch::new(&self.path)?)))
    }

    fn now(&self) -> Timestamp {
        clock::read(libc::CLOCK_REALTIME)
    }

    fn now_roughly(&self) -> Timestamp {
        // The time of the kernel's last tick.
        clock::read(libc::CLOCK_REALTIME_COARSE)
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        getrandom::fill(bytes).map_err(io::Error::other)
    }
}

fn open_plain(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::layout::BLOCK_BYTES;
    use crate::storage::AlignedBuf;

    fn storage(io_mode: IoMode) -> (tempfile::TempDir, OsStorage) {
        let directory = tempfile::tempdir().unwrap();
        let storage = OsStorage::new(directory.path(), io_mode);
        (directory, storage)
    }

    #[test]
    fn the_rough_clock_is_a_little_behind_the_other() {
        let (_directory, storage) = storage(IoMode::Buffered);
        let before = storage.now().as_nanos();
        let rough = storage.now_roughly().as_nanos();
        let after = storage.now().as_nanos();
        // A tick is 10 ms at most; somebody may set the clock meanwhile, by less than this.
        assert!((before - 1_000_000_000..=after).contains(&rough));
    }

    #[test]
    fn what_is_written_is_read_back_in_both_modes() {
        for mode in [IoMode::Direct, IoMode::Buffered] {
            let (_directory, storage) = storage(mode);
            let file = storage.create("a", 4 * BLOCK_BYTES as u64).unwrap();
            let mut blocks = AlignedBuf::zeroed(BLOCK_BYTES);
            blocks.as_mut_slice().fill(7);
            file.write_durable(blocks.as_slice(), BLOCK_BYTES as u64)
                .unwrap();
            storage.sync_directory().unwrap();
            let read = storage.open("a", Access::Read).unwrap();
            let mut bytes = vec![1; 5 * BLOCK_BYTES];
            assert_eq!(read.read_at(&mut bytes, 0).unwrap(), 4 * BLOCK_BYTES);
            assert!(bytes[..BLOCK_BYTES].iter().all(|&b| b == 0));
            assert!(bytes[BLOCK_BYTES..2 * BLOCK_BYTES].iter().all(|&b| b == 7));
            file.write_zeros(0, 4 * BLOCK_BYTES as u64).unwrap();
            file.sync().unwrap();
            read.read_at(&mut bytes, 0).unwrap();
            assert!(bytes[..4 * BLOCK_BYTES].iter().all(|&b| b == 0), "{mode:?}");
        }
    }

    #[test]
    fn a_file_that_exists_is_not_made_again() {
        for mode in [IoMode::Direct, IoMode::Buffered] {
            let (_directory, storage) = storage(mode);
            storage.create("a", 4096).unwrap();
            let again = storage.create("a", 4096).map(|_| ()).unwrap_err();
            assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        }
    }

    #[test]
    fn the_lock_is_exclusive_also_within_one_process() {
        let (_directory, storage) = storage(IoMode::Buffered);
        assert!(!storage.is_locked().unwrap());
        let held = storage.lock().unwrap().unwrap();
        assert!(storage.is_locked().unwrap());
        assert!(storage.lock().unwrap().is_none());
        drop(held);
        assert!(!storage.is_locked().unwrap());
        assert!(storage.lock().unwrap().is_some());
    }

    #[test]
    fn directories_are_made_with_their_parents() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/c");
        OsStorage::create_directory(&path).unwrap();
        OsStorage::create_directory(&path).unwrap();
        assert!(path.is_dir());
    }
}
