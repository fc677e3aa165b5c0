//! What the cores' logs have in common: the lock, the global epoch, the manifest.

use std::path::Path;
use std::sync::Arc;

use super::cut::Barrier;
use super::restore::Restored;
use super::sources::Sources;
use super::sync::sync_all;
use super::writer::CoreWriter;
use crate::error::{CoreFault, Error, Result};
use crate::format::Manifest;
use crate::format::file_name;
use crate::log::{Log, ReadOptions, RecoveryReport, Tail};
use crate::storage::{DirectoryLock, Storage};
use crate::types::{Epoch, Lsn};

/// The logs of all cores, open for writing: the directory tree is locked, and each core's log was
/// recovered. It was opened together with one [`CoreWriter`] for each core.
///
/// Calls that end in `_all` and take writers are for whoever has all of them at hand. Where each
/// writer lives on a thread of its own, they are called there one by one ([`CoreWriter::set_epoch`],
/// [`CoreWriter::write_epoch_barrier`]), and the barriers are sent to whoever holds this.
#[derive(Debug)]
pub struct CoreLogs {
    pub(super) storage: Arc<dyn Storage>,
    /// In order of number: those with a writer, and those that still hold records.
    pub(super) cores: Vec<CoreLog>,
    /// The one on disk.
    pub(super) manifest: Manifest,
    /// Why no further manifest is written.
    pub(super) manifest_failed: Option<Arc<Error>>,
    pub(super) epoch: Epoch,
    /// As of the last cut.
    pub(super) cut_sources: Sources,
    /// As of the last cut, or as opening found them, if that was later.
    pub(super) sources: Sources,
    pub(super) restored: Restored,
    /// Of the whole tree; given back after the cores' own.
    pub(super) _lock: Box<dyn DirectoryLock>,
}

/// One core's log.
#[derive(Debug)]
pub(super) struct CoreLog {
    pub(super) core: u32,
    pub(super) log: Arc<Log>,
}

/// How far a core's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CorePosition {
    /// The core.
    pub core: u32,
    /// Its oldest record; one past the last when it holds none.
    pub start: Lsn,
    /// The record that was appended last.
    pub appended: Lsn,
    /// The last record on disk, with all before it.
    pub synced: Lsn,
    /// Bytes of its segment files.
    pub bytes: u64,
}

impl CoreLogs {
    /// The global epoch: the one that [`Self::set_epoch_all`] brings the cores to. It is later than
    /// every epoch of an earlier run.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The next global epoch, from now on. No core is in it yet.
    pub fn advance_epoch(&mut self) -> Epoch {
        self.epoch = Epoch::new(self.epoch.value() + 1);
        self.epoch
    }

    /// Brings every core to the global epoch.
    ///
    /// # Errors
    ///
    /// As [`CoreWriter::set_epoch`].
    pub fn set_epoch_all(&self, writers: &mut [CoreWriter]) -> Result<()> {
        writers
            .iter_mut()
            .try_for_each(|writer| writer.set_epoch(self.epoch))
    }

    /// Ends the global epoch on every core, and with it all before it.
    ///
    /// # Errors
    ///
    /// As [`CoreWriter::set_epoch`] and [`CoreWriter::write_epoch_barrier`]. The call may be made
    /// again: a core that has its barrier keeps it.
    pub fn write_epoch_barrier_all(&self, writers: &mut [CoreWriter]) -> Result<Vec<Barrier>> {
        self.set_epoch_all(writers)?;
        writers
            .iter_mut()
            .map(CoreWriter::write_epoch_barrier)
            .collect()
    }

    /// Makes every record appended so far durable, on all cores at once.
    ///
    /// # Errors
    ///
    /// The first core's that failed, as [`Log::commit`]; the others were synced all the same.
    pub fn sync_all(&self) -> Result<()> {
        sync_all(
            self.cores
                .iter()
                .map(|core| (&*core.log, core.log.next_lsn().previous())),
        )
    }

    /// How far each core is, in order of number; cores without a writer that hold records among them.
    #[must_use]
    pub fn positions(&self) -> Vec<CorePosition> {
        let position = |CoreLog { core, log }: &CoreLog| CorePosition {
            core: *core,
            start: log.start_lsn(),
            appended: log.next_lsn().previous(),
            synced: log.durable_lsn(),
            bytes: log.total_size_bytes(),
        };
        self.cores.iter().map(position).collect()
    }

    /// Bytes of the segment files of all cores.
    #[must_use]
    pub fn total_size_bytes(&self) -> u64 {
        let sizes = self.cores.iter().map(|core| core.log.total_size_bytes());
        sizes.sum()
    }

    /// Follows one core's log in this process, as [`Log::tail`] does; `None` where there is no such
    /// core.
    ///
    /// # Errors
    ///
    /// As [`Log::tail`].
    pub fn tail(&self, core: u32, options: ReadOptions) -> Result<Option<Tail>> {
        self.log(core).map(|log| log.tail(options)).transpose()
    }

    /// What opening found of the sources, and what it took out.
    #[must_use]
    pub fn restored(&self) -> &Restored {
        &self.restored
    }

    /// What opening found of each core's log.
    pub fn recovery(&self) -> impl Iterator<Item = (u32, &RecoveryReport)> {
        self.cores
            .iter()
            .map(|core| (core.core, core.log.recovery()))
    }

    /// The directory of the tree.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.storage.path()
    }

    /// Makes everything durable, seals the segments and gives the locks back.
    ///
    /// # Errors
    ///
    /// The first core's that failed, as [`Log::close`]; [`CoreFault::InUse`] when a writer is not
    /// among `writers`, whose core is synced and not closed. All others are closed either way.
    pub fn close(self, writers: Vec<CoreWriter>) -> Result<()> {
        drop(writers);
        let synced = self.sync_all();
        let Self { storage, cores, .. } = self;
        let closed = cores
            .into_iter()
            .map(|CoreLog { core, log }| match Arc::try_unwrap(log) {
                Ok(log) => log.close(),
                Err(_still_shared) => Err(fault_of(storage.as_ref(), core, CoreFault::InUse)),
            });
        closed.fold(synced, Result::and)
    }

    pub(super) fn log(&self, core: u32) -> Option<&Log> {
        let at = self.cores.iter().find(|open| open.core == core)?;
        Some(&at.log)
    }

    pub(super) fn fault(&self, core: u32, source: CoreFault) -> Error {
        fault_of(self.storage.as_ref(), core, source)
    }
}

fn fault_of(storage: &dyn Storage, core: u32, source: CoreFault) -> Error {
    Error::Core {
        directory: storage.path().join(file_name::core(core)),
        core,
        source,
    }
}
