//! The manifest in its file: read whole, and replaced whole or not at all.

use std::io;

use crate::error::{Error, Result};
use crate::format::file_name::{MANIFEST, MANIFEST_UNFINISHED};
use crate::format::{Manifest, ManifestFault};
use crate::storage::{Access, AlignedBuf, Storage, WriteError};

/// A manifest of the most cores, each with voids, and of many sources is far below this.
const BYTES_MAX: u64 = 64 << 20;

/// The manifest on `storage`; `None` where there never was one.
pub(super) fn load(storage: &dyn Storage) -> Result<Option<Manifest>> {
    let path = storage.path().join(MANIFEST);
    let io = |source| Error::of_io("read", path.clone(), source);
    let file = match storage.open(MANIFEST, Access::Read) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let fault = |source| Error::Manifest {
        path: path.clone(),
        source,
    };
    let len = file.len().map_err(io)?;
    let len = usize::try_from(len.min(BYTES_MAX)).map_err(|_| fault(ManifestFault::Damaged))?;
    let mut bytes = vec![0; len];
    let read = file.read_at(&mut bytes, 0).map_err(io)?;
    bytes.truncate(read);
    Manifest::decode(&bytes).map(Some).map_err(fault)
}

/// Puts `manifest` in place of the one before. When it returns, the new one is there after a crash;
/// on an error, or a crash before, it is one or the other.
///
/// # Errors
///
/// [`Error::DiskFull`]: the one before is in place, and the call may be made again. After any other
/// error it must not.
pub(super) fn store(storage: &dyn Storage, manifest: &Manifest) -> Result<()> {
    let path = storage.path().join(MANIFEST);
    let io = |operation| {
        let path = path.clone();
        move |source| Error::of_io(operation, path, source)
    };
    let encoded = manifest.encode();
    let mut blocks = AlignedBuf::zeroed(encoded.len());
    blocks.as_mut_slice()[..encoded.len()].copy_from_slice(&encoded);
    forget_unfinished(storage).map_err(io("remove what was left of"))?;
    let file = storage
        .create(MANIFEST_UNFINISHED, encoded.len() as u64)
        .map_err(io("write"))?;
    match file.write_durable(blocks.as_slice(), 0) {
        Ok(()) => {}
        Err(WriteError::NoSpace(source) | WriteError::Failed(source)) => {
            return Err(io("write")(source));
        }
    }
    file.sync().map_err(io("sync"))?;
    storage
        .rename(MANIFEST_UNFINISHED, MANIFEST)
        .map_err(io("rename"))?;
    storage
        .sync_directory()
        .map_err(io("sync the directory of"))
}

fn forget_unfinished(storage: &dyn Storage) -> io::Result<()> {
    match storage.remove(MANIFEST_UNFINISHED) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
