//! The settings of a node's log services.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nodedb_wal::{Config, TenantId};

use crate::tenants::Budget;

/// How long a node's log may grow, and when it is looked at. Whatever is set, nothing goes that a
/// hold needs. As it comes, the log is looked at when a hold moved, and may grow without a limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// How many bytes the log's files should take at most. Above that, each new segment has the
    /// holds looked at again, and whoever keeps what cannot go is named.
    pub retained_bytes_max: Option<u64>,
    /// The holds are looked at again after this time at the latest.
    pub every: Option<Duration>,
}

/// Entries of the audit trail after which it is sealed, unless something else is set.
pub(crate) const SEAL_AUDIT_EVERY: u64 = 4_096;

/// The settings of a node. Only the directory has no default.
#[derive(Clone, Debug)]
pub struct NodeConfig {
    log: Config,
    catalog: Option<PathBuf>,
    retention: Retention,
    seal_audit_every: Option<u64>,
    budgets: Vec<(TenantId, Budget)>,
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

    /// The same node with another limit for the bytes of its log's files: see
    /// [`Retention::retained_bytes_max`].
    #[must_use]
    pub fn retained_bytes_max(mut self, bytes: Option<u64>) -> Self {
        self.retention.retained_bytes_max = bytes;
        self
    }

    /// The same node, whose [`Keeper`](crate::Keeper) looks at the holds after this time at the
    /// latest.
    #[must_use]
    pub fn truncate_every(mut self, time: Option<Duration>) -> Self {
        self.retention.every = time;
        self
    }

    /// How long the log may grow, and when it is looked at.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.retention
    }

    /// The same node, which seals its audit trail when so many entries are not vouched for, each time
    /// it looks what can be dropped; 4,096 as it comes. With nothing it seals before it drops
    /// segments and when it is closed, and no other time.
    #[must_use]
    pub fn seal_audit_every(mut self, entries: Option<u64>) -> Self {
        self.seal_audit_every = entries;
        self
    }

    /// The same node with a budget for a tenant; the last one for a tenant counts. It can be changed
    /// while the node is open: [`Node::set_budget`](crate::Node::set_budget).
    #[must_use]
    pub fn budget(mut self, tenant: TenantId, budget: Budget) -> Self {
        self.budgets.push((tenant, budget));
        self
    }

    pub(crate) fn audit_is_sealed_every(&self) -> Option<u64> {
        self.seal_audit_every
    }

    /// The budgets of tenants, in the order in which they were set.
    #[must_use]
    pub fn budgets(&self) -> &[(TenantId, Budget)] {
        &self.budgets
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
        Self {
            log,
            catalog: None,
            retention: Retention::default(),
            seal_audit_every: Some(SEAL_AUDIT_EVERY),
            budgets: Vec::new(),
        }
    }
}
