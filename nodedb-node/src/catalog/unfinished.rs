//! A catalog that was being made when the power went.
//!
//! redb writes its magic number last, when everything else is on disk. A file that is not empty and
//! starts with zeros was never finished: nothing was ever folded into it, so it may be made anew.
//! Should it have been a catalog that lost its first bytes, nothing is silently reset by that: an
//! empty catalog is only taken for a log that has its beginning, and made from it.

use std::io;
use std::path::Path;

use nodedb_wal::storage::{Access, IoMode, OsStorage, Storage as _};

use super::medium::Medium;

/// Bytes of the magic number that are looked at.
const MAGIC_BYTES: usize = 9;

/// Whether a medium holds a catalog that was never finished.
pub(super) fn is_unfinished(medium: &dyn Medium) -> io::Result<bool> {
    let len = usize::try_from(medium.len()?).unwrap_or(usize::MAX);
    let mut magic = vec![0; len.min(MAGIC_BYTES)];
    medium.read(0, &mut magic)?;
    Ok(is_zero(&magic))
}

/// Removes a file that holds one. Whether the removal is durable does not matter: a file that comes
/// back is removed again.
pub(super) fn remove_unfinished(path: &Path) -> io::Result<()> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(());
    };
    let Some(name) = name.to_str() else {
        return Ok(());
    };
    let storage = OsStorage::new(directory, IoMode::Buffered);
    let mut magic = vec![0; MAGIC_BYTES];
    let len = match storage.open(name, Access::Read) {
        Ok(file) => file.read_at(&mut magic, 0)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if is_zero(&magic[..len]) {
        storage.remove(name)?;
    }
    Ok(())
}

/// Zeros, and at least one.
fn is_zero(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.iter().all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use crate::catalog::Catalog;

    /// The power went while a catalog was made, and from then on no node opened: "not a redb
    /// database".
    #[test]
    fn a_catalog_that_was_never_finished_is_made_anew_and_another_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("catalog.redb");
        std::fs::write(&path, vec![0; 100_000]).unwrap();
        drop(Catalog::open(&path).unwrap());
        drop(Catalog::open(&path).unwrap());
        std::fs::write(&path, b"something else altogether").unwrap();
        assert!(Catalog::open(&path).is_err());
        assert!(path.exists());
    }
}
