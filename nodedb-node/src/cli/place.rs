//! A log and its catalog opened to look into them: nothing is changed, nobody is kept from them.

use std::path::{Path, PathBuf};

use clap::Args;
use nodedb_wal::Reader;
use nodedb_wal::types::LogId;

use super::error::CliError;
use crate::NodeConfig;
use crate::catalog::Catalog;

/// Where the log and the catalog are.
#[derive(Clone, Debug, Args)]
pub(super) struct Place {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    pub(super) wal: PathBuf,
    /// The catalog, if it is not `catalog.redb` in the log's directory.
    #[arg(long, value_name = "FILE")]
    pub(super) catalog: Option<PathBuf>,
}

/// A log, and its catalog if that can be looked into.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) reader: Reader,
    pub(super) log: LogId,
    pub(super) catalog: Option<Catalog>,
    /// What there is to say of the catalog.
    pub(super) catalog_is: &'static str,
}

impl Place {
    /// Opens both. A node that is running has its catalog to itself: then there is the log only.
    pub(super) fn open(&self) -> Result<Look, CliError> {
        let reader = Reader::open(&self.wal)?;
        let log = reader.id();
        if log == LogId::new(0) {
            let message = format!("there is no log in {}", self.wal.display());
            return Err(CliError::Refused(message));
        }
        let path = self.catalog_path();
        let (catalog, catalog_is) = match (reader.is_in_use(), path.exists()) {
            (true, _) => (None, "in use"),
            (false, false) => (None, "not there"),
            (false, true) => (Some(fitting(&path, log, &reader)?), "used"),
        };
        Ok(Look {
            reader,
            log,
            catalog,
            catalog_is,
        })
    }

    fn catalog_path(&self) -> PathBuf {
        let config = NodeConfig::new(&self.wal);
        match &self.catalog {
            Some(path) => config.with_catalog(path).catalog_path(),
            None => config.catalog_path(),
        }
    }
}

fn fitting(path: &Path, log: LogId, reader: &Reader) -> Result<Catalog, CliError> {
    let catalog = Catalog::open_to_look(path)?;
    catalog.attach(log, reader)?;
    Ok(catalog)
}

impl Look {
    /// Bytes of the log's files that were read: `by` the command, and to open the log.
    pub(super) fn bytes_read(&self, by: u64) -> u64 {
        let opening = self.reader.recovery().bytes_read;
        opening + by
    }
}
