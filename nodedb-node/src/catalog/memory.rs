//! A catalog in memory, for looking at one without changing its file.

use std::io;
use std::path::PathBuf;

use parking_lot::Mutex;

use super::medium::Medium;
use super::store::Catalog;
use crate::error::Result;

/// Bytes in memory. Nothing is durable.
#[derive(Debug)]
struct Memory(Mutex<Vec<u8>>);

impl Medium for Memory {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().len() as u64)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let held = self.0.lock();
        let range = range(offset, bytes.len())?;
        bytes.copy_from_slice(held.get(range).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut held = self.0.lock();
        let range = range(offset, bytes.len())?;
        if held.len() < range.end {
            held.resize(range.end, 0);
        }
        held[range].copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.0.lock().resize(len, 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

fn range(offset: u64, len: usize) -> io::Result<std::ops::Range<usize>> {
    let start = usize::try_from(offset).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let end = start.checked_add(len).ok_or(io::ErrorKind::OutOfMemory)?;
    Ok(start..end)
}

impl Catalog {
    /// A copy of a catalog, whose file's content is `bytes`; an empty one where there are none. What
    /// is folded into it is gone with it: for looking at a node's directory without changing it.
    /// `path` is what messages call it.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; a file that somebody writes meanwhile may come as a damaged one.
    pub fn open_copy(path: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self> {
        Self::open_on(path, Box::new(Memory(Mutex::new(bytes))))
    }
}
