//! The simulated disk behind the storage door.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nix::errno::Errno;

use super::disk::SimDisk;
use super::names::FileId;
use super::page::PAGE_BYTES;
use super::writes::Durability;
use crate::storage::complete::{read_all, write_all};
use crate::storage::{Access, DirectoryLock, FileEntry, IoMode, Storage, StorageFile, WriteError};
use crate::types::Timestamp;

/// Where a simulated disk says that it is.
const PATH: &str = "/simulated";

/// What one run of a program, from one start of the disk to its next crash, sees of it.
#[derive(Debug)]
pub(super) struct SimStorage {
    disk: SimDisk,
    boot: u64,
    path: PathBuf,
    /// What the names of the directory's files start with on the disk: nothing, or `core-0001/`.
    prefix: String,
}

impl SimStorage {
    pub(super) fn new(disk: SimDisk) -> Self {
        let boot = disk.state().boot();
        Self {
            disk,
            boot,
            path: PathBuf::from(PATH),
            prefix: String::new(),
        }
    }

    fn full(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    fn file(&self, file: FileId, access: Access) -> Arc<dyn StorageFile> {
        let (disk, boot) = (self.disk.clone(), self.boot);
        Arc::new(SimFile {
            disk,
            boot,
            file,
            access,
        })
    }
}

impl Storage for SimStorage {
    fn path(&self) -> &Path {
        &self.path
    }

    fn io_mode(&self) -> IoMode {
        self.disk.state().io_mode
    }

    fn lock(&self) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        let taken = self.disk.state().lock(self.boot, &self.prefix)?;
        let disk = &self.disk;
        Ok(taken.map(|number| {
            let disk = disk.clone();
            Box::new(SimLock { disk, number }) as Box<dyn DirectoryLock>
        }))
    }

    fn is_locked(&self) -> io::Result<bool> {
        self.disk.state().is_locked(self.boot, &self.prefix)
    }

    fn list(&self) -> io::Result<Vec<FileEntry>> {
        self.disk.state().list(self.boot, &self.prefix)
    }

    fn create(&self, name: &str, len: u64) -> io::Result<Arc<dyn StorageFile>> {
        let file = self.disk.state().create(self.boot, &self.full(name), len)?;
        Ok(self.file(file, Access::Write))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        if access == Access::ReadDirect && self.io_mode() == IoMode::Buffered {
            return Err(Errno::EINVAL.into());
        }
        let file = self.disk.state().open_named(self.boot, &self.full(name))?;
        Ok(self.file(file, access))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk
            .state()
            .rename(self.boot, &self.full(from), &self.full(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.disk.state().remove(self.boot, &self.full(name))
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk.state().sync_directory(self.boot, &self.prefix)
    }

    fn subdirectories(&self) -> io::Result<Vec<String>> {
        let mut state = self.disk.state();
        state.subdirectories(self.boot, &self.prefix)
    }

    fn subdirectory(&self, name: &str) -> io::Result<Arc<dyn Storage>> {
        Ok(Arc::new(Self {
            disk: self.disk.clone(),
            boot: self.boot,
            path: self.path.join(name),
            prefix: format!("{}{name}/", self.prefix),
        }))
    }

    /// A directory here is no more than what the names of its files start with: an empty one cannot
    /// be told from none.
    fn create_subdirectory(&self, _name: &str) -> io::Result<()> {
        self.disk.state().check_alive(self.boot)
    }

    fn now(&self) -> Timestamp {
        let mut state = self.disk.state();
        let now = state.clock.now();
        // A program that waits for a time by asking for it must get there.
        state.clock.step();
        now
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check_alive(self.boot)?;
        state.entropy.fill(bytes);
        Ok(())
    }

    fn allows_threads(&self) -> bool {
        self.disk.state().allows_threads
    }
}

/// An open file: it goes on when its name is gone, and not when the power is.
#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    boot: u64,
    file: FileId,
    access: Access,
}

impl SimFile {
    fn write(&self, blocks: &[u8], offset: u64, durability: Durability) -> Result<(), WriteError> {
        self.check_write(offset, blocks.len() as u64)
            .and_then(|()| Self::check_direct(blocks, offset))
            .map_err(WriteError::Failed)?;
        write_all(blocks.len(), |done| {
            let mut state = self.disk.state();
            let part = (blocks, done);
            state.write(self.boot, self.file, part, offset, durability)
        })
        .map_err(WriteError::of)
    }

    fn check_write(&self, offset: u64, len: u64) -> io::Result<()> {
        if self.access != Access::Write {
            return Err(Errno::EBADF.into());
        }
        check_aligned(offset, len)
    }

    /// Memory and place of a write, or of a read past the page cache.
    fn check_direct(bytes: &[u8], offset: u64) -> io::Result<()> {
        check_aligned(bytes.as_ptr().addr() as u64, 0)?;
        check_aligned(offset, bytes.len() as u64)
    }
}

/// Says no where the operating system would, or might: some ask for less than whole blocks.
fn check_aligned(offset: u64, len: u64) -> io::Result<()> {
    let block = PAGE_BYTES as u64;
    if offset.is_multiple_of(block) && len.is_multiple_of(block) {
        Ok(())
    } else {
        Err(Errno::EINVAL.into())
    }
}

impl StorageFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        self.disk.state().len(self.boot, self.file)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if self.access != Access::Read && self.disk.state().io_mode == IoMode::Direct {
            Self::check_direct(bytes, offset)?;
        }
        read_all(bytes.len(), |done| {
            let mut state = self.disk.state();
            state.read(
                self.boot,
                self.file,
                &mut bytes[done..],
                offset + done as u64,
            )
        })
    }

    /// What is written past the page cache is not in it.
    fn is_cached(&self, _offset: u64) -> bool {
        self.disk.state().io_mode == IoMode::Buffered
    }

    fn write_durable(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        self.write(blocks, offset, Durability::AtOnce)
    }

    fn write_behind(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        self.write(blocks, offset, Durability::Behind)
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        self.check_write(offset, len)?;
        let mut state = self.disk.state();
        state.write_zeros(self.boot, self.file, offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        if self.access != Access::Write {
            return Err(Errno::EINVAL.into());
        }
        self.disk.state().set_len(self.boot, self.file, len)
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.state().sync(self.boot, self.file)
    }

    fn forget_cached(&self) -> io::Result<()> {
        self.disk.state().forget_cached(self.boot, self.file)
    }
}

impl Drop for SimFile {
    fn drop(&mut self) {
        self.disk.state().close(self.boot, self.file);
    }
}

/// The lock, held.
#[derive(Debug)]
struct SimLock {
    disk: SimDisk,
    number: u64,
}

impl DirectoryLock for SimLock {}

impl Drop for SimLock {
    fn drop(&mut self) {
        self.disk.state().unlock(self.number);
    }
}
