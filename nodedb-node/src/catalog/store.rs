//! The catalog's file: opening it, and transactions on it. What the tables hold is for the other
//! files of this folder to say.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nodedb_wal::storage::{IoMode, OsStorage, Storage as _};
use nodedb_wal::types::{LogId, Lsn};
use parking_lot::Mutex;
use redb::{Database, DatabaseError, ReadTransaction, ReadableDatabase, WriteTransaction};

use super::fit::{CatalogFacts, Fit, LogFacts, fit};
use super::medium::{Backend, Medium};
use super::shadow::Shadow;
use super::{
    audit_tables, consumer_tables, control_tables, meta, surrogate_tables, unborn, usage_tables,
};
use crate::control::{ControlState, Holds};
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
        let is_new = !path.exists();
        let failed_to_open = |source| failed("open", &path, source);
        let database = match Database::create(&path) {
            // Whoever else had it open would have been told before.
            Err(error @ DatabaseError::Storage(_)) if !is_new => match unborn::clear_file(&path) {
                Ok(true) => Database::create(&path).map_err(failed_to_open)?,
                Ok(false) | Err(_) => return Err(failed("open", &path, error)),
            },
            opened => opened.map_err(failed_to_open)?,
        };
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
        unborn::clear_medium(medium.as_ref())
            .map_err(|source| failed("open", &path, redb::Error::Io(source)))?;
        let database = Database::builder()
            .create_with_backend(Backend(medium))
            .map_err(|source| failed("open", &path, source))?;
        Self::load(path, database)
    }

    /// Opens the catalog at `path` to look into it: nothing in the file is changed, and nobody is
    /// kept from it; what is written to this catalog is gone with it. Only for the catalog of a node
    /// that is not running: of one that is written meanwhile it would show parts of two moments.
    ///
    /// # Errors
    ///
    /// As [`Self::open`]; and when there is no such file.
    pub fn open_to_look(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let shadow =
            Shadow::of(&path).map_err(|source| failed("open", &path, redb::Error::Io(source)))?;
        Self::open_on(path, Box::new(shadow))
    }

    /// An empty catalog in memory, to be made from a log that has its beginning.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn in_memory() -> Result<Self> {
        Self::open_on("(memory)", Box::new(Shadow::default()))
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
            consumer_tables::make(transaction)?;
            surrogate_tables::make(transaction)?;
            audit_tables::make(transaction)?;
            usage_tables::make(transaction)?;
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

    /// A copy of the holds, up to [`Self::applied`].
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn holds(&self) -> Result<Holds> {
        let mut progress = self.progress.lock();
        Ok(self.state_of(&mut progress)?.holds.clone())
    }

    /// For each engine the last record that its own files hold, up to [`Self::applied`].
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn checkpoints(&self) -> Result<BTreeMap<String, Lsn>> {
        let mut progress = self.progress.lock();
        Ok(self.state_of(&mut progress)?.checkpoints.clone())
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

fn failed(operation: &'static str, path: &Path, source: impl Into<redb::Error>) -> Error {
    let source = source.into();
    let path = path.to_path_buf();
    let is_damaged = match &source {
        redb::Error::Corrupted(_) => true,
        redb::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    };
    let source = Box::new(source);
    if is_damaged {
        return Error::CatalogDamaged { path, source };
    }
    Error::Catalog {
        operation,
        path,
        source,
    }
}
