//! Where a workload runs: the benchmark's directory, removed at the end, and how long and how much.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use nodedb_wal::Config;
use nodedb_wal::storage::{IoMode, OsStorage, Storage};
use tempfile::TempDir;

use super::BenchArgs;
use super::content::Content;
use crate::cli::error::CliError;

/// What every workload is given.
#[derive(Debug)]
pub(super) struct Place {
    home: TempDir,
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
    pub(super) fn new(args: &BenchArgs) -> Result<Self, CliError> {
        let home = TempDir::with_prefix_in("nodedb-bench-", &args.dir)
            .map_err(io("make a directory in", &args.dir))?;
        Ok(Self {
            home,
            content: Content::new(0x6265_6e63),
            time: Duration::from_secs_f64(args.seconds),
            payload_bytes: args.payload_bytes(),
        })
    }

    /// Whether writes here go past the page cache.
    pub(super) fn takes_direct_io(&self) -> Result<bool, CliError> {
        let spot = self.spot("probe")?;
        let made = spot.storage().create("probe", 4096);
        made.map_err(io("make a file in", spot.path()))?;
        Ok(spot.storage().io_mode() == IoMode::Direct)
    }

    /// An empty directory of this name.
    pub(super) fn spot(&self, name: &str) -> Result<Spot, CliError> {
        let directory = self.home.path().join(name);
        std::fs::create_dir(&directory).map_err(io("make", &directory))?;
        Ok(Spot::at(directory))
    }

    /// A directory that stays until the end of the benchmark, and whether it is new.
    pub(super) fn lasting(&self, name: &str) -> Result<(PathBuf, bool), CliError> {
        let directory = self.home.path().join(name);
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: BenchArgs,
    }

    #[test]
    fn nothing_is_left_in_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap();
        let args = Line::parse_from(["bench", "--dir", path]).args;
        let place = Place::new(&args).unwrap();
        let spot = place.spot("a").unwrap();
        std::fs::write(spot.path().join("f"), "x").unwrap();
        assert!(place.spot("a").is_err(), "the name is taken");
        drop(spot);
        drop(place.spot("a").unwrap());
        assert!(place.lasting("b").unwrap().1);
        assert!(!place.lasting("b").unwrap().1);
        drop(place);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
