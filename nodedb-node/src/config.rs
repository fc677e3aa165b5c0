//! The settings of a node's log services.

use std::path::{Path, PathBuf};

use nodedb_wal::Config;

/// The settings of a node. Only the directory has no default.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    log: Config,
    catalog: Option<PathBuf>,
}

impl NodeConfig {
    /// A node whose log is in `directory`, which is made if it is not there, with every other
    /// setting as it comes.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Config::new(directory).into()
    }

    /// The same node with other settings of its log:
    /// `NodeConfig::new(dir).with_log(|log| log.segment_bytes(1 << 20))`.
    #[must_use]
    pub fn with_log(self, settings: impl FnOnce(Config) -> Config) -> Self {
        Self {
            log: settings(self.log),
            ..self
        }
    }

    /// The same node with its catalog in another file than `catalog.redb` in the log's directory.
    #[must_use]
    pub fn with_catalog(self, path: impl Into<PathBuf>) -> Self {
        Self {
            catalog: Some(path.into()),
            ..self
        }
    }

    /// The file of the catalog.
    #[must_use]
    pub fn catalog_path(&self) -> PathBuf {
        let beside_log = || self.directory().join("catalog.redb");
        self.catalog.clone().unwrap_or_else(beside_log)
    }

    /// The directory of the log.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.log.directory()
    }

    /// The settings of the log.
    pub(crate) fn into_log(self) -> Config {
        self.log
    }
}

/// A node with a log of these settings.
impl From<Config> for NodeConfig {
    fn from(log: Config) -> Self {
        Self { log, catalog: None }
    }
}
