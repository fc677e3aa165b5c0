//! What control records of a directory have said, looked up without changing anything in it.

use std::io;
use std::path::Path;

use nodedb_wal::Reader;

use super::error::CliError;
use crate::NodeConfig;
use crate::catalog::Catalog;

/// The log in `directory`, and a copy of its catalog that has taken in everything the log says.
pub(super) fn look(directory: &Path) -> Result<(Reader, Catalog), CliError> {
    let reader = Reader::open(directory)?;
    let path = NodeConfig::new(directory).catalog_path();
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(source) => {
            return Err(CliError::Io {
                operation: "read",
                path,
                source,
            });
        }
    };
    let catalog = Catalog::open_copy(path, bytes)?;
    catalog.attach(reader.id(), &reader)?;
    catalog.fold(&reader)?;
    Ok((reader, catalog))
}
