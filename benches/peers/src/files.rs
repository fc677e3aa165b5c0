//! The files of a directory, whoever wrote them: how much disk they take, and what the page cache
//! holds of them.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nodedb_wal::storage::{Access, IoMode, OsStorage, Storage};

use crate::peer::Failure;

const READ_BYTES: usize = 1 << 20;
/// What the block count of a file is in.
const DISK_BLOCK_BYTES: u64 = 512;

/// How many bytes of disk the files in `directory` take: allocated, and not beyond a file's end.
pub(crate) fn disk_bytes(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for path in all(directory)? {
        let metadata = fs::metadata(path)?;
        bytes += metadata.len().min(metadata.blocks() * DISK_BLOCK_BYTES);
    }
    Ok(bytes)
}

/// Brings every file into the page cache.
pub(crate) fn warm(directory: &Path) -> io::Result<()> {
    let mut buffer = vec![0; READ_BYTES];
    for path in all(directory)? {
        let mut file = File::open(path)?;
        while file.read(&mut buffer)? > 0 {}
    }
    Ok(())
}

/// Has the page cache forget every file. They are read once before, so that the memory a cold read
/// goes into has been in use: a virtual machine gets memory it never used from its host one page at a
/// time, which takes several times longer than the read.
pub(crate) fn cool(directory: &Path) -> Result<(), Failure> {
    warm(directory)?;
    for path in all(directory)? {
        let folder = path.parent().unwrap_or(directory);
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or("a file has a name that is no text")?;
        let file = OsStorage::new(folder, IoMode::Buffered).open(name, Access::Read)?;
        // Only pages that are on disk can be forgotten.
        file.sync()?;
        file.advise_done(0, file.len()?);
    }
    Ok(())
}

/// Every file below `directory`.
fn all(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut folders) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                files.push(entry.path());
            }
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_are_counted_and_holes_are_not() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("a")).unwrap();
        fs::write(home.path().join("a/full"), vec![1; 8192]).unwrap();
        File::create(home.path().join("holes"))
            .unwrap()
            .set_len(1 << 30)
            .unwrap();
        cool(&home.path().join("a")).unwrap();
        assert_eq!(disk_bytes(home.path()).unwrap(), 8192);
    }
}
