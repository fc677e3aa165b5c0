//! What control records of a log say, for commands that only look: nothing is locked or changed.

use std::path::{Path, PathBuf};

use nodedb_wal::Reader;
use nodedb_wal::types::Lsn;

use super::error::CliError;
use crate::catalog::Catalog;
use crate::{Error, NodeConfig};

/// The log in `wal`, and a catalog in memory that holds everything it says now.
pub(super) fn look(wal: &Path, catalog: Option<&PathBuf>) -> Result<(Reader, Catalog), CliError> {
    let reader = Reader::open(wal)?;
    let beside_log = || NodeConfig::new(wal).catalog_path();
    let path = catalog.cloned().unwrap_or_else(beside_log);
    let has_beginning = reader.start_lsn() == Lsn::FIRST;
    let catalog = match (reader.is_in_use(), has_beginning) {
        (false, _) if path.exists() => Catalog::open_to_look(&path)?,
        // Its node writes the catalog, or there is none; the log says all of it, or is refused below.
        (true, true) | (false, _) => Catalog::in_memory()?,
        (true, false) => {
            let wal = wal.display();
            return Err(CliError::Refused(format!(
                "the log {wal} is in use and no longer has its beginning: what that said is in the \
                 catalog, which its node has open; ask the node, or stop it"
            )));
        }
    };
    let attached = catalog.attach(reader.id(), &reader);
    attached.map_err(|error| match error {
        // Not the one in memory is missed.
        Error::CatalogMissing { start, .. } => Error::CatalogMissing { path, start },
        error => error,
    })?;
    catalog.fold(&reader)?;
    Ok((reader, catalog))
}
