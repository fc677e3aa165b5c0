//! Mounting a disk and unmounting it.

use std::path::Path;

use fuser::{BackgroundSession, Config, MountOption, Session};

use super::disk::Disk;
use super::filesystem::DiskFilesystem;

/// A disk that is mounted. Unmounted when dropped.
pub(crate) struct Mounted {
    session: Option<BackgroundSession>,
}

impl Mounted {
    /// Mounts `disk`; why it cannot be when it cannot.
    pub(crate) fn at(directory: &Path, disk: &Disk) -> Result<Self, String> {
        if !Path::new("/dev/fuse").exists() {
            return Err("no /dev/fuse".to_owned());
        }
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("nodedb-real".to_owned())];
        let filesystem = DiskFilesystem::new(disk.clone());
        let session = Session::new(filesystem, directory, &config).and_then(Session::spawn);
        let session = session.map_err(|error| format!("FUSE: {error}"))?;
        Ok(Self {
            session: Some(session),
        })
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            let _ended = session.umount_and_join();
        }
    }
}
