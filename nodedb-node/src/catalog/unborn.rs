//! A catalog's file that a crash cut off while it was being made: it has a length, and does not
//! begin as redb's files do, which is written last. Nothing was ever in it, so it is emptied and
//! made again.

use std::io;
use std::path::Path;

use nodedb_wal::storage::{Access, IoMode, OsStorage, Storage as _};

use super::medium::Medium;

/// How redb's files begin. While one is being made these bytes are zeros.
const MAGIC_BYTES: usize = 9;

fn is_unborn(len: u64, begins: [u8; MAGIC_BYTES]) -> bool {
    len > 0 && begins == [0; MAGIC_BYTES]
}

/// Empties the medium if what is on it was never a catalog.
pub(super) fn clear_medium(medium: &dyn Medium) -> io::Result<()> {
    let len = medium.len()?;
    let mut begins = [0; MAGIC_BYTES];
    if len >= MAGIC_BYTES as u64 {
        medium.read(0, &mut begins)?;
    }
    if is_unborn(len, begins) {
        medium.set_len(0)?;
        medium.sync()?;
    }
    Ok(())
}

/// Empties the file at `path` if it was never a catalog; whether it was emptied. Only for a file
/// that nobody has open.
pub(super) fn clear_file(path: &Path) -> io::Result<bool> {
    let (storage, name) = storage_of(path)?;
    let file = storage.open(name, Access::Read)?;
    let mut begins = [0; MAGIC_BYTES];
    file.read_at(&mut begins, 0)?;
    if !is_unborn(file.len()?, begins) {
        return Ok(false);
    }
    let file = storage.open(name, Access::Write)?;
    file.set_len(0)?;
    file.sync()?;
    Ok(true)
}

/// The directory a file is in, and its name there.
pub(super) fn storage_of(path: &Path) -> io::Result<(OsStorage, &str)> {
    let directory = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let directory = directory.unwrap_or(Path::new("."));
    Ok((OsStorage::new(directory, IoMode::Buffered), name))
}
