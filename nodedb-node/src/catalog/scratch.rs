//! A catalog to look at: what is changed stays in memory, and its file is only read.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use nodedb_wal::storage::{Access, IoMode, OsStorage, Storage as _, StorageFile};
use parking_lot::Mutex;

use super::medium::Medium;
use super::store::Catalog;
use crate::error::{Error, Result};

/// The unit that is copied when it is changed.
const PAGE_BYTES: usize = 4096;

/// Pages of a file, and in front of them those that were written since.
#[derive(Debug)]
struct Scratch {
    file: Option<Arc<dyn StorageFile>>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    len: u64,
    written: BTreeMap<u64, Vec<u8>>,
}

impl Catalog {
    /// A copy of the catalog at `path`, or an empty one where there is no file: what is folded into it
    /// stays in memory. Nobody may be writing the file meanwhile.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_scratch(path: &Path) -> Result<Self> {
        let scratch = Scratch::of(path).map_err(|source| Error::Catalog {
            operation: "read",
            path: path.to_path_buf(),
            source: Box::new(source),
        })?;
        Self::open_on(path, Box::new(scratch))
    }

    /// An empty catalog in memory, to be made from a log that has its beginning.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn in_memory() -> Result<Self> {
        Self::open_on("(memory)", Box::new(Scratch::new(None, 0)))
    }
}

impl Scratch {
    fn new(file: Option<Arc<dyn StorageFile>>, len: u64) -> Self {
        let written = BTreeMap::new();
        let state = Mutex::new(State { len, written });
        Self { file, state }
    }

    fn of(path: &Path) -> io::Result<Self> {
        let directory = path.parent().unwrap_or(Path::new("."));
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or(io::ErrorKind::InvalidFilename)?;
        match OsStorage::new(directory, IoMode::Buffered).open(name, Access::Read) {
            Ok(file) => {
                let len = file.len()?;
                Ok(Self::new(Some(file), len))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::new(None, 0)),
            Err(error) => Err(error),
        }
    }

    /// A page as it is now, whole; zeros where there is nothing.
    fn page(&self, state: &State, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = state.written.get(&number) {
            return Ok(page.clone());
        }
        let mut page = vec![0; PAGE_BYTES];
        if let Some(file) = &self.file {
            file.read_at(&mut page, number * PAGE_BYTES as u64)?;
        }
        Ok(page)
    }
}

/// The parts of `len` bytes from `offset` on: page, place in it, and length.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = usize::try_from(at % PAGE_BYTES as u64).ok()?;
        let part = (len - done).min(PAGE_BYTES - within);
        done += part;
        (part > 0).then_some((at / PAGE_BYTES as u64, within, part))
    })
}

impl Medium for Scratch {
    fn len(&self) -> io::Result<u64> {
        Ok(self.state.lock().len)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let state = self.state.lock();
        if offset + bytes.len() as u64 > state.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut rest = bytes;
        for (number, within, part) in parts(offset, rest.len()) {
            let (now, later) = rest.split_at_mut(part);
            now.copy_from_slice(&self.page(&state, number)?[within..within + part]);
            rest = later;
        }
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state.lock();
        let mut rest = bytes;
        for (number, within, part) in parts(offset, bytes.len()) {
            let (now, later) = rest.split_at(part);
            let mut page = self.page(&state, number)?;
            page[within..within + part].copy_from_slice(now);
            state.written.insert(number, page);
            rest = later;
        }
        state.len = state.len.max(offset + bytes.len() as u64);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        // What is cut off reads as zeros when it comes back.
        let first = len / PAGE_BYTES as u64;
        let cut = usize::try_from(len % PAGE_BYTES as u64).map_err(io::Error::other)?;
        let end = state.len.div_ceil(PAGE_BYTES as u64);
        for number in first..end {
            let mut page = self.page(&state, number)?;
            let keep = if number == first { cut } else { 0 };
            page[keep..].fill(0);
            state.written.insert(number, page);
        }
        state.len = len;
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}
