//! Where a workload runs, how long, and on how much.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::content::Content;
use crate::cli::error::CliError;
use nodedb_wal::Config;
use nodedb_wal::storage::{IoMode, OsStorage, Storage};

/// What every workload is given.
#[derive(Debug)]
pub(super) struct Place {
    home: PathBuf,
    pub(super) content: Content,
    /// How long a timed row takes.
    pub(super) time: Duration,
    /// How much each stream, replay and open is about.
    pub(super) payload_bytes: u64,
}

/// A directory of one workload, removed when dropped.
#[derive(Debug)]
pub(super) struct Spot {
    directory: PathBuf,
    storage: Arc<OsStorage>,
}

impl Place {
    /// In `home`, which somebody else removes at the end.
    pub(super) fn new(home: PathBuf, seconds: f64, mib: u32) -> Self {
        Self {
            home,
            content: Content::new(0x6265_6e63),
            time: Duration::from_secs_f64(seconds),
            payload_bytes: u64::from(mib) << 20,
        }
    }

    /// An empty directory of this name.
    pub(super) fn spot(&self, name: &str) -> Result<Spot, CliError> {
        let directory = self.home.join(name);
        std::fs::create_dir(&directory).map_err(io("make", &directory))?;
        Ok(Spot::at(directory))
    }

    /// A directory that stays until the end of the benchmark, and whether it is new.
    pub(super) fn lasting(&self, name: &str) -> Result<(PathBuf, bool), CliError> {
        let directory = self.home.join(name);
        let is_new = !directory.exists();
        if is_new {
            std::fs::create_dir(&directory).map_err(io("make", &directory))?;
        }
        Ok((directory, is_new))
    }

    /// How long a timed row runs before it is measured.
    pub(super) fn warm_up(&self) -> Duration {
        self.time / 4
    }
}

impl Spot {
    fn at(directory: PathBuf) -> Self {
        let storage = Arc::new(OsStorage::new(&directory, IoMode::Direct));
        Self { directory, storage }
    }

    pub(super) fn path(&self) -> &Path {
        &self.directory
    }

    pub(super) fn storage(&self) -> &dyn Storage {
        self.storage.as_ref()
    }

    /// A log here, with every setting as it comes.
    pub(super) fn config(&self) -> Config {
        Config::new(&self.directory)
    }
}

impl Drop for Spot {
    fn drop(&mut self) {
        // What cannot be removed now goes with the benchmark's directory.
        let _left = std::fs::remove_dir_all(&self.directory);
    }
}

/// Tells what was being done to which path when an I/O error came.
pub(super) fn io(
    operation: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> CliError + use<> {
    let path = path.to_path_buf();
    move |source| CliError::Io {
        operation,
        path,
        source,
    }
}

/// Whether writes in `directory` go past the page cache.
pub(super) fn takes_direct_io(directory: &Path) -> Result<bool, CliError> {
    const NAME: &str = "probe";
    let storage = OsStorage::new(directory, IoMode::Direct);
    let probe = || {
        storage.create(NAME, 4096)?;
        storage.remove(NAME)
    };
    probe().map_err(io("make a file in", directory))?;
    Ok(storage.io_mode() == IoMode::Direct)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_removed_and_what_lasts_is_made_once() {
        let home = tempfile::tempdir().unwrap();
        let place = Place::new(home.path().to_owned(), 1.0, 1);
        let spot = place.spot("a").unwrap();
        std::fs::write(spot.path().join("f"), "x").unwrap();
        assert!(place.spot("a").is_err(), "the name is taken");
        drop(spot);
        drop(place.spot("a").unwrap());
        assert!(place.lasting("b").unwrap().1);
        assert!(!place.lasting("b").unwrap().1);
        takes_direct_io(home.path()).unwrap();
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }
}
