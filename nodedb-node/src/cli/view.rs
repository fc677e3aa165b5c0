//! What control records of a log say, for commands that only look: nothing is locked or changed.

use std::path::{Path, PathBuf};

use nodedb_wal::Reader;
use nodedb_wal::types::{LogId, Lsn};

use super::error::CliError;
use crate::NodeConfig;
use crate::catalog::Catalog;

/// A catalog in memory that holds everything the log says now.
pub(super) fn view(wal: &Path, catalog: Option<&PathBuf>) -> Result<Catalog, CliError> {
    let reader = Reader::open(wal)?;
    let beside_log = || NodeConfig::new(wal).catalog_path();
    let path = catalog.cloned().unwrap_or_else(beside_log);
    let catalog = match (reader.is_in_use(), reader.start_lsn() == Lsn::FIRST) {
        (false, _) => Catalog::open_scratch(&path)?,
        // Its node writes the catalog; the log says all of it.
        (true, true) => Catalog::in_memory()?,
        (true, false) => {
            let wal = wal.display();
            return Err(CliError::Refused(format!(
                "the log {wal} is in use and no longer has its beginning: what that said is in the \
                 catalog, which its node has open; ask the node, or stop it"
            )));
        }
    };
    let id = reader.log_id().unwrap_or(LogId::new(0));
    catalog.attach(id, &reader)?;
    catalog.fold(&reader)?;
    Ok(catalog)
}
