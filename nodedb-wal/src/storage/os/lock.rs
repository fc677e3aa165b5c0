//! The lock of a log directory: an open-file-description lock on one file. The kernel gives it back
//! when the process ends, however it ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc;

use crate::storage::DirectoryLock;

/// The lock, held.
#[derive(Debug)]
pub(super) struct OsLock {
    file: File,
}

impl DirectoryLock for OsLock {}

/// Closing our descriptor alone would not do: a process that is just being started has a copy of it
/// between its fork and its exec, and with it the lock.
impl Drop for OsLock {
    fn drop(&mut self) {
        let given_back = fcntl(
            &self.file,
            FcntlArg::F_OFD_SETLK(&whole_file(libc::F_UNLCK)),
        );
        debug_assert!(given_back.is_ok(), "{given_back:?}");
    }
}

impl OsLock {
    /// Takes the lock; `None` when somebody has it.
    pub(super) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        match fcntl(&file, FcntlArg::F_OFD_SETLK(&whole_file(libc::F_WRLCK))) {
            Ok(_) => Ok(Some(Self { file })),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }
}

/// Whether somebody has the lock. Asks only: a lock that is taken and given back could make another
/// process's open fail.
pub(super) fn is_held(path: &Path) -> io::Result<bool> {
    let file = match OpenOptions::new().read(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut lock = whole_file(libc::F_RDLCK);
    fcntl(&file, FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the kernel's own small constants"
)]
fn whole_file(kind: i32) -> libc::flock {
    libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log was closed and opened again while another thread was starting a program: the open failed,
    /// because the program still had the descriptor of the first lock.
    #[test]
    fn a_lock_is_given_back_though_a_process_has_a_copy_of_its_descriptor() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("LOCK");
        let lock = OsLock::take(&path).unwrap().unwrap();
        let copy = lock.file.try_clone().unwrap();
        assert!(OsLock::take(&path).unwrap().is_none());
        drop(lock);
        assert!(!is_held(&path).unwrap());
        assert!(OsLock::take(&path).unwrap().is_some());
        drop(copy);
    }
}
