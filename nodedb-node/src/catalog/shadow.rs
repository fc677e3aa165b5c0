//! A catalog's file for those who only look: what is written stays in memory, so that a catalog a
//! crash left can be opened, put in order and read without a change to the file. Without a file all of
//! it is in memory.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use nodedb_wal::storage::{Access, Storage as _, StorageFile};
use parking_lot::Mutex;

use super::medium::Medium;
use super::unborn::storage_of;

const PAGE_BYTES: u64 = 4096;
const PAGE: usize = 4096;

/// A file, if there is one, under a layer of memory.
#[derive(Debug, Default)]
pub(super) struct Shadow {
    file: Option<Arc<dyn StorageFile>>,
    file_len: u64,
    layer: Mutex<Layer>,
}

/// What was written, by page.
#[derive(Debug, Default)]
struct Layer {
    len: u64,
    pages: BTreeMap<u64, Box<[u8]>>,
}

impl Shadow {
    /// The file at `path`.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let (storage, name) = storage_of(path)?;
        let file = storage.open(name, Access::Read)?;
        let file_len = file.len()?;
        let layer = Mutex::new(Layer {
            len: file_len,
            pages: BTreeMap::new(),
        });
        Ok(Self {
            file: Some(file),
            file_len,
            layer,
        })
    }

    /// Bytes of the file, zeros behind its end.
    fn read_file(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        bytes.fill(0);
        match &self.file {
            Some(file) if offset < self.file_len => file.read_at(bytes, offset).map(drop),
            _ => Ok(()),
        }
    }
}

/// The pages that `len` bytes at `offset` touch: the page's number, where in it, where in the bytes,
/// and how many.
fn pieces(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize, usize)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let from = usize::try_from(at % PAGE_BYTES).unwrap_or_default();
        let count = (PAGE - from).min(len - done);
        let piece = (at / PAGE_BYTES, from, done, count);
        done += count;
        (count > 0).then_some(piece)
    })
}

impl Medium for Shadow {
    fn len(&self) -> io::Result<u64> {
        Ok(self.layer.lock().len)
    }

    fn read(&self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let layer = self.layer.lock();
        if offset.saturating_add(bytes.len() as u64) > layer.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.read_file(offset, bytes)?;
        for (page, from, at, count) in pieces(offset, bytes.len()) {
            if let Some(written) = layer.pages.get(&page) {
                bytes[at..at + count].copy_from_slice(&written[from..from + count]);
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut layer = self.layer.lock();
        layer.len = layer.len.max(offset.saturating_add(bytes.len() as u64));
        for (number, from, at, count) in pieces(offset, bytes.len()) {
            let page = match layer.pages.entry(number) {
                std::collections::btree_map::Entry::Occupied(page) => page.into_mut(),
                std::collections::btree_map::Entry::Vacant(place) => {
                    let mut page = vec![0; PAGE].into_boxed_slice();
                    self.read_file(number * PAGE_BYTES, &mut page)?;
                    place.insert(page)
                }
            };
            page[from..from + count].copy_from_slice(&bytes[at..at + count]);
        }
        Ok(())
    }

    /// What is cut off and comes back is zeros, as of a file.
    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut layer = self.layer.lock();
        let old = std::mem::replace(&mut layer.len, len);
        drop(layer);
        if len < old {
            let mut at = len;
            while at < old {
                let count = (old - at).min(PAGE_BYTES);
                self.write(at, &vec![0; usize::try_from(count).unwrap_or(PAGE)])?;
                at += count;
            }
            self.layer.lock().len = len;
        }
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_the_file_stays_as_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("f");
        let original: Vec<u8> = (0..10_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        std::fs::write(&path, &original).unwrap();
        let shadow = Shadow::of(&path).unwrap();
        let mut model = original.clone();
        let check = |model: &Vec<u8>| {
            let mut read = vec![1; model.len()];
            assert_eq!(shadow.len().unwrap(), model.len() as u64);
            shadow.read(0, &mut read).unwrap();
            assert!(read == *model);
            assert!(shadow.read(1, &mut read).is_err());
        };
        check(&model);
        shadow.write(4_090, &[9; 5_000]).unwrap();
        model[4_090..9_090].fill(9);
        check(&model);
        shadow.set_len(20_000).unwrap();
        model.resize(20_000, 0);
        check(&model);
        shadow.set_len(5_000).unwrap();
        shadow.set_len(11_000).unwrap();
        model.truncate(5_000);
        model.resize(11_000, 0);
        check(&model);
        assert!(std::fs::read(&path).unwrap() == original);
    }
}
