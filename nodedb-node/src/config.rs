//! The settings of a node's log services.

use std::path::{Path, PathBuf};

use nodedb_wal::Config;

/// The settings of a node. Only the directory has no default.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    log: Config,
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
        settings(self.log).into()
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
        Self { log }
    }
}
