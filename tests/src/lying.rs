//! Storage that lies: planted bugs that the checker must find.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use nodedb_wal::Timestamp;
use nodedb_wal::storage::{
    Access, AlignedBuf, DirectoryLock, FileEntry, IoMode, Storage, StorageFile, WriteError,
};

use crate::scan::Scan;

/// What is not done and said to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// A write is acknowledged first and made when the storage is called again.
    LateWrites,
    /// Syncing the directory does nothing.
    NoDirectorySync,
    /// Syncing a file does nothing.
    NoFileSync,
    /// Of a write of several blocks, the last is not written.
    ShortWrites,
    /// Syncing writes that are not durable by themselves does nothing.
    NoWriteSync,
    /// A write that fails is said to have succeeded.
    SwallowedErrors,
    /// What should be unpredictable is always the same.
    NoChance,
    /// What is behind the first damage of a segment that is not sealed reads as zeros: as if
    /// recovery cut the log there without another look.
    NothingBehindDamage,
    /// No lie: the thread that syncs behind dies of its first write.
    DeadSyncer,
}

impl Lie {
    /// `inner`, with this lie told about it.
    #[must_use]
    pub fn about(self, inner: Arc<dyn Storage>) -> Arc<dyn Storage> {
        let late = Arc::default();
        Arc::new(Liar {
            inner,
            lie: self,
            late,
        })
    }
}

/// A write that was acknowledged and not made.
#[derive(Debug)]
struct Late {
    file: Arc<dyn StorageFile>,
    blocks: AlignedBuf,
    offset: u64,
}

#[derive(Debug)]
struct Liar {
    inner: Arc<dyn Storage>,
    lie: Lie,
    late: Arc<Mutex<Option<Late>>>,
}

#[derive(Debug)]
struct LiarFile {
    inner: Arc<dyn StorageFile>,
    lie: Lie,
    late: Arc<Mutex<Option<Late>>>,
}

/// Makes the write that waits.
fn catch_up(late: &Mutex<Option<Late>>) -> Result<(), WriteError> {
    let taken = late.lock().unwrap_or_else(PoisonError::into_inner).take();
    match taken {
        Some(write) => write
            .file
            .write_durable(write.blocks.as_slice(), write.offset),
        None => Ok(()),
    }
}

/// As [`catch_up`], where an error finds nobody to be told to.
fn catch_up_quietly(late: &Mutex<Option<Late>>) {
    let _nobody_is_told = catch_up(late);
}

impl Liar {
    fn file(&self, inner: Arc<dyn StorageFile>) -> Arc<dyn StorageFile> {
        Arc::new(LiarFile {
            inner,
            lie: self.lie,
            late: Arc::clone(&self.late),
        })
    }
}

impl Storage for Liar {
    fn path(&self) -> &Path {
        self.inner.path()
    }

    fn io_mode(&self) -> IoMode {
        self.inner.io_mode()
    }

    fn lock(&self) -> io::Result<Option<Box<dyn DirectoryLock>>> {
        self.inner.lock()
    }

    fn is_locked(&self) -> io::Result<bool> {
        self.inner.is_locked()
    }

    fn list(&self) -> io::Result<Vec<FileEntry>> {
        catch_up_quietly(&self.late);
        self.inner.list()
    }

    fn create(&self, name: &str, len: u64) -> io::Result<Arc<dyn StorageFile>> {
        catch_up_quietly(&self.late);
        self.inner.create(name, len).map(|file| self.file(file))
    }

    fn open(&self, name: &str, access: Access) -> io::Result<Arc<dyn StorageFile>> {
        self.inner.open(name, access).map(|file| self.file(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        catch_up_quietly(&self.late);
        self.inner.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        catch_up_quietly(&self.late);
        self.inner.remove(name)
    }

    fn sync_directory(&self) -> io::Result<()> {
        catch_up_quietly(&self.late);
        match self.lie {
            Lie::NoDirectorySync => Ok(()),
            _ => self.inner.sync_directory(),
        }
    }

    fn now(&self) -> Timestamp {
        self.inner.now()
    }

    fn fill_random(&self, bytes: &mut [u8]) -> io::Result<()> {
        if self.lie == Lie::NoChance {
            bytes.fill(7);
            return Ok(());
        }
        self.inner.fill_random(bytes)
    }

    fn allows_threads(&self) -> bool {
        self.inner.allows_threads()
    }
}

impl LiarFile {
    /// Where the damage starts, in a file that has no trailer.
    fn first_damage(&self) -> io::Result<Option<usize>> {
        let len = usize::try_from(self.inner.len()?).unwrap_or(0);
        let mut whole = AlignedBuf::zeroed(len.next_multiple_of(4096));
        self.inner.read_at(whole.as_mut_slice(), 0)?;
        let bytes = &whole.as_slice()[..len];
        let end = &bytes[len.saturating_sub(4096)..];
        let is_sealed = end.iter().any(|byte| *byte != 0);
        Ok(if is_sealed {
            None
        } else {
            Scan::first_damage(bytes)
        })
    }
}

impl StorageFile for LiarFile {
    fn len(&self) -> io::Result<u64> {
        catch_up_quietly(&self.late);
        self.inner.len()
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        catch_up_quietly(&self.late);
        let read = self.inner.read_at(bytes, offset)?;
        if self.lie == Lie::NothingBehindDamage
            && let Some(damage) = self.first_damage()?
        {
            let from = damage.saturating_sub(usize::try_from(offset).unwrap_or(usize::MAX));
            bytes[from.min(read)..read].fill(0);
        }
        Ok(read)
    }

    fn is_cached(&self, offset: u64) -> bool {
        self.inner.is_cached(offset)
    }

    fn write_durable(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        catch_up(&self.late)?;
        match self.lie {
            Lie::LateWrites => {
                let mut copy = AlignedBuf::zeroed(blocks.len());
                copy.as_mut_slice()[..blocks.len()].copy_from_slice(blocks);
                let late = Late {
                    file: Arc::clone(&self.inner),
                    blocks: copy,
                    offset,
                };
                *self.late.lock().unwrap_or_else(PoisonError::into_inner) = Some(late);
                Ok(())
            }
            Lie::ShortWrites if blocks.len() > 4096 => {
                let shorter = blocks.len() - 4096;
                self.inner.write_durable(&blocks[..shorter], offset)
            }
            Lie::DeadSyncer => {
                let thread = std::thread::current();
                assert_ne!(thread.name(), Some("wal-sync"), "planted");
                self.inner.write_durable(blocks, offset)
            }
            Lie::SwallowedErrors => match self.inner.write_durable(blocks, offset) {
                Ok(()) | Err(WriteError::Failed(_)) => Ok(()),
                Err(full) => Err(full),
            },
            _ => self.inner.write_durable(blocks, offset),
        }
    }

    fn write_behind(&self, blocks: &[u8], offset: u64) -> Result<(), WriteError> {
        match self.lie {
            // What is asked for is not durable anyway.
            Lie::LateWrites => {
                catch_up(&self.late)?;
                self.inner.write_behind(blocks, offset)
            }
            Lie::ShortWrites | Lie::SwallowedErrors | Lie::DeadSyncer => {
                self.write_durable(blocks, offset)
            }
            _ => self.inner.write_behind(blocks, offset),
        }
    }

    fn sync_written(&self) -> io::Result<()> {
        catch_up_quietly(&self.late);
        match self.lie {
            Lie::NoWriteSync => Ok(()),
            _ => self.inner.sync_written(),
        }
    }

    fn write_zeros(&self, offset: u64, len: u64) -> io::Result<()> {
        catch_up_quietly(&self.late);
        self.inner.write_zeros(offset, len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        catch_up_quietly(&self.late);
        self.inner.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        catch_up_quietly(&self.late);
        match self.lie {
            Lie::NoFileSync => Ok(()),
            _ => self.inner.sync(),
        }
    }

    fn forget_cached(&self) -> io::Result<()> {
        catch_up_quietly(&self.late);
        match self.lie {
            Lie::NoFileSync => Ok(()),
            _ => self.inner.forget_cached(),
        }
    }
}
