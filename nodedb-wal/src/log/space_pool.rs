//! The files that are ready for segments to come, and how they are made.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::format::file_name;
use crate::storage::{Access, Storage, StorageFile};
use crate::sync::Mutex;
use crate::sync::mpsc::Receiver;

/// A file made ready for a segment.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) name: String,
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) space: Space,
}

/// What a segment's space is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// Every block was written before, so that writing it again changes no metadata: the best for
    /// small commits.
    Filled,
    /// Allocated and not written. A bulk load writes it once, and filling it first would be
    /// writing everything twice.
    Bulk,
    /// Allocated and not written, and small writes came. It is left as soon as something better is
    /// ready.
    Hurried,
    /// Allocated, not written, and longer than usual: for one batch. It is left as soon as something
    /// better is ready, and never used again.
    Fitted,
}

/// What is to be made ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A file whose every block was written.
    Filled,
    /// One whose space is allocated.
    Allocated,
}

#[derive(Debug)]
pub(super) struct Pool {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) segment_bytes: u64,
    pub(super) ready: Mutex<Ready>,
    /// Held while a file is made, so that one caller waits for the thread's file rather than making
    /// a second one.
    pub(super) making: Mutex<()>,
}

#[derive(Debug)]
pub(super) struct Ready {
    /// The file that is taken first, opened ahead.
    pub(super) next: Option<Prepared>,
    pub(super) names: Vec<String>,
    /// Allocated, for a bulk load that goes on; removed when none comes.
    pub(super) allocated: Option<Prepared>,
    pub(super) next_number: u64,
}

impl Pool {
    pub(super) fn run(&self, woken: &Receiver<Wanted>) {
        while let Ok(wanted) = woken.recv() {
            let _one_at_a_time = self.making.lock();
            if self.ready.lock().has(wanted) {
                continue;
            }
            let made = match (self.pop(), wanted) {
                (Ok(None), Wanted::Filled) => self.make(),
                (Ok(None), Wanted::Allocated) => self.allocate(self.segment_bytes, Space::Bulk),
                (Ok(Some(prepared)), _) => Ok(prepared),
                (Err(error), _) => Err(error),
            };
            match made {
                Ok(prepared) => self.ready.lock().keep(prepared),
                // Whoever needs the file tries again and gets the error.
                Err(error) => tracing::warn!(%error, "no segment could be made ready ahead"),
            }
        }
    }

    pub(super) fn take_allocated(&self) -> Option<Prepared> {
        self.ready.lock().allocated.take()
    }

    pub(super) fn take_or_make(&self) -> Result<Prepared> {
        match self.pop()? {
            Some(prepared) => Ok(prepared),
            None => self.make(),
        }
    }

    pub(super) fn pop(&self) -> Result<Option<Prepared>> {
        let name = {
            let mut ready = self.ready.lock();
            if let Some(prepared) = ready.next.take() {
                return Ok(Some(prepared));
            }
            ready.names.pop()
        };
        name.map(|name| self.open_ready(name)).transpose()
    }

    pub(super) fn number(&self) -> u64 {
        let mut ready = self.ready.lock();
        let number = ready.next_number;
        ready.next_number += 1;
        number
    }

    /// Makes a file: all its blocks are written, and it has its name only once they are.
    fn make(&self) -> Result<Prepared> {
        let number = self.number();
        let unfinished = match self.take_allocated() {
            Some(allocated) => allocated,
            None => self.create(number, self.segment_bytes, Space::Bulk)?,
        };
        let file = unfinished.file;
        let filled = file.write_zeros(0, self.segment_bytes);
        filled
            .and_then(|()| file.sync())
            .map_err(|source| self.cannot_make(&unfinished.name, source))?;
        let name = file_name::prepared(number);
        self.storage
            .rename(&unfinished.name, &name)
            .map_err(|source| Error::Io {
                operation: "rename",
                path: self.storage.path().join(&unfinished.name),
                source,
            })?;
        let space = Space::Filled;
        Ok(Prepared { name, file, space })
    }

    fn cannot_make(&self, unfinished: &str, source: std::io::Error) -> Error {
        // Half a file is of no use; if it cannot be removed now, opening the log does it.
        let _best_effort = self.storage.remove(unfinished);
        Error::of_io("prepare", self.storage.path().join(unfinished), source)
    }

    fn open_ready(&self, name: String) -> Result<Prepared> {
        let file = self
            .storage
            .open(&name, Access::Write)
            .map_err(|source| Error::Io {
                operation: "open",
                path: self.storage.path().join(&name),
                source,
            })?;
        Ok(Prepared {
            name,
            file,
            space: Space::Filled,
        })
    }

    /// Makes a file whose space is allocated, and no more. It keeps the name of an unfinished one
    /// until it becomes a segment.
    pub(super) fn allocate(&self, len: u64, space: Space) -> Result<Prepared> {
        let made = self.create(self.number(), len, space)?;
        match made.file.sync() {
            Ok(()) => Ok(made),
            Err(source) => Err(self.cannot_make(&made.name, source)),
        }
    }

    fn create(&self, number: u64, len: u64, space: Space) -> Result<Prepared> {
        let name = file_name::unfinished(number);
        match self.storage.create(&name, len) {
            Ok(file) => Ok(Prepared { name, file, space }),
            Err(source) => Err(self.cannot_make(&name, source)),
        }
    }
}

impl Ready {
    pub(super) fn count(&self) -> usize {
        self.names.len() + usize::from(self.next.is_some())
    }

    fn has(&self, wanted: Wanted) -> bool {
        self.next.is_some() || (wanted == Wanted::Allocated && self.allocated.is_some())
    }

    /// Keeps an opened file. When there is one already, the other's name is enough.
    pub(super) fn keep(&mut self, prepared: Prepared) {
        if prepared.space == Space::Bulk {
            self.allocated = Some(prepared);
        } else if let Some(other) = self.next.replace(prepared) {
            self.names.push(other.name);
        }
    }
}
