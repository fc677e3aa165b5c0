//! The catalog's file: opening it, and transactions on it. What the tables hold is for the other
//! files of this folder to say.

use std::path::{Path, PathBuf};

use nodedb_wal::storage::{IoMode, OsStorage, Storage as _};
use nodedb_wal::types::{LogId, Lsn};
use parking_lot::Mutex;
use redb::{Database, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::fit::{CatalogFacts, Fit, LogFacts, fit};
use super::medium::{Backend, Medium};
use super::unfinished::{is_unfinished, remove_unfinished};
use super::{control_tables, meta, surrogate_tables};
use crate::control::ControlState;
use crate::error::{Error, Result};
use crate::replay::ReplaySource;

/// What control records have said so far, in a file.
///
/// `Catalog` is `Send + Sync`. One process at a time has it open.
#[derive(Debug)]
pub struct Catalog {
    path: PathBuf,
    database: Database,
    progress: Mutex<Progress>,
}

/// How far the catalog has come. The lock is held while a fold runs: there is one at a time.
#[derive(Debug)]
pub(super) struct Progress {
    pub(super) facts: CatalogFacts,
    /// What the tables say; nothing after an update that failed, until they are read again.
    pub(super) state: Option<ControlState>,
}

impl Catalog {
    /// Opens the catalog at `path`, or makes an empty one there.
    ///
    /// # Errors
    ///
    /// [`Error::Catalog`]: somebody has it open, it is no catalog, or the disk failed.
    /// [`Error::CatalogFormat`]: it was written by another version.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        remove_unfinished(&path).map_err(|source| io_failed(&path, source))?;
        let is_new = !path.exists();
        let database = Database::create(&path).map_err(|source| failed("open", &path, source))?;
        if is_new {
            let directory = path.parent().unwrap_or(Path::new("."));
            OsStorage::new(directory, IoMode::Buffered)
                .sync_directory()
                .map_err(|source| failed("make", &path, redb::Error::Io(source)))?;
        }
        Self::load(path, database)
    }

    /// Opens the catalog on a medium, or makes an empty one there. `path` is what messages call it.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_on(path: impl Into<PathBuf>, medium: Box<dyn Medium>) -> Result<Self> {
        let path = path.into();
        if is_unfinished(medium.as_ref()).map_err(|source| io_failed(&path, source))? {
            medium
                .set_len(0)
                .map_err(|source| io_failed(&path, source))?;
        }
        let database = Database::builder()
            .create_with_backend(Backend(medium))
            .map_err(|source| failed("open", &path, source))?;
        Self::load(path, database)
    }

    fn load(path: PathBuf, database: Database) -> Result<Self> {
        let facts = CatalogFacts {
            log: None,
            applied: Lsn::ZERO,
        };
        let catalog = Self {
            path,
            database,
            progress: Mutex::new(Progress { facts, state: None }),
        };
        let (format, facts) = catalog.write("make", |transaction| {
            control_tables::make(transaction)?;
            surrogate_tables::make(transaction)?;
            let table = transaction.open_table(meta::META)?;
            Ok((meta::format(&table)?, meta::facts(&table)?))
        })?;
        match format {
            None | Some(meta::FORMAT) => {}
            Some(found) => {
                return Err(Error::CatalogFormat {
                    path: catalog.path,
                    found,
                    known: meta::FORMAT,
                });
            }
        }
        catalog.progress.lock().facts = facts;
        Ok(catalog)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last record up to which everything control records say is in the catalog, for good.
    #[must_use]
    pub fn applied(&self) -> Lsn {
        self.progress.lock().facts.applied
    }

    /// Sees to it that the catalog is that of this log, and that the log holds every record the
    /// catalog has not seen. A new catalog becomes that of a log which has its beginning.
    ///
    /// # Errors
    ///
    /// [`Error::CatalogMissing`], [`Error::CatalogForeign`], [`Error::CatalogBehind`] and
    /// [`Error::CatalogAhead`] say what does not fit, and what to do. Nothing is changed then.
    pub fn attach(&self, log: LogId, source: &dyn ReplaySource) -> Result<()> {
        let mut progress = self.progress.lock();
        let facts = LogFacts {
            id: log,
            start: source.start_lsn(),
            last: source.last_lsn(),
        };
        match fit(progress.facts, facts) {
            Fit::Fits => Ok(()),
            Fit::Fresh => {
                self.write("attach", |transaction| {
                    meta::attach(&mut transaction.open_table(meta::META)?, log)
                })?;
                progress.facts.log = Some(log);
                Ok(())
            }
            misfit => Err(self.misfit(misfit, progress.facts.applied, facts)),
        }
    }

    fn misfit(&self, misfit: Fit, applied: Lsn, log: LogFacts) -> Error {
        let path = self.path.clone();
        match misfit {
            Fit::Foreign(found) => Error::CatalogForeign {
                path,
                expected: log.id,
                found,
            },
            Fit::Behind => Error::CatalogBehind {
                path,
                applied,
                start: log.start,
            },
            Fit::Ahead => Error::CatalogAhead {
                path,
                applied,
                last: log.last,
            },
            Fit::Fits | Fit::Fresh | Fit::Missing => Error::CatalogMissing {
                path,
                start: log.start,
            },
        }
    }

    /// A copy of what control records have said up to [`Self::applied`].
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn control_state(&self) -> Result<ControlState> {
        let mut progress = self.progress.lock();
        Ok(self.state_of(&mut progress)?.clone())
    }

    pub(super) fn progress(&self) -> &Mutex<Progress> {
        &self.progress
    }

    /// What the tables say, read from them if that is not known.
    pub(super) fn state_of<'p>(&self, progress: &'p mut Progress) -> Result<&'p mut ControlState> {
        if progress.state.is_none() {
            progress.state = Some(self.read("read", control_tables::load)?);
        }
        Ok(progress.state.get_or_insert_default())
    }

    /// Reads in one transaction: what it sees is of one moment.
    pub(super) fn read<T>(
        &self,
        operation: &'static str,
        read: impl FnOnce(&ReadTransaction) -> Result<T, redb::Error>,
    ) -> Result<T> {
        let reading = || -> Result<T, redb::Error> { read(&self.database.begin_read()?) };
        reading().map_err(|source| failed(operation, &self.path, source))
    }

    /// Writes in one transaction, durable when this returns. Nothing is changed when it fails.
    pub(super) fn write<T>(
        &self,
        operation: &'static str,
        write: impl FnOnce(&WriteTransaction) -> Result<T, redb::Error>,
    ) -> Result<T> {
        let writing = || -> Result<T, redb::Error> {
            let transaction = self.database.begin_write()?;
            let written = write(&transaction)?;
            transaction.commit()?;
            Ok(written)
        };
        writing().map_err(|source| failed(operation, &self.path, source))
    }
}

fn io_failed(path: &Path, source: std::io::Error) -> Error {
    failed("open", path, redb::Error::Io(source))
}

fn failed(operation: &'static str, path: &Path, source: impl Into<redb::Error>) -> Error {
    Error::Catalog {
        operation,
        path: path.to_path_buf(),
        source: Box::new(source.into()),
    }
}
