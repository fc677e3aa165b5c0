//! A node on a simulated disk: its log there, its catalog on a medium that loses power with it.

use nodedb_node::catalog::Catalog;
use nodedb_node::{Error, Node, NodeConfig, WalManager};
use nodedb_tests::medium::SimMedium;
use nodedb_tests::random::Random;
use nodedb_wal::Config;
use nodedb_wal::storage::sim::SimDisk;

/// Where a node lives, from one life to the next.
pub(crate) struct Home {
    pub(crate) disk: SimDisk,
    pub(crate) catalog: SimMedium,
    pub(crate) random: Random,
    pub(crate) crashes: u64,
}

impl Home {
    pub(crate) fn new(seed: u64) -> Self {
        let disk = SimDisk::new(seed);
        Self {
            catalog: SimMedium::new(&disk),
            disk,
            random: Random::new(seed),
            crashes: 0,
        }
    }

    pub(crate) fn open(&self) -> Result<Node, Error> {
        let config = Config::on(self.disk.storage()).segment_bytes(Config::SEGMENT_BYTES_MIN);
        let wal = WalManager::open(NodeConfig::from(config))?;
        let catalog = Catalog::open_on("catalog.redb", Box::new(self.catalog.clone()))?;
        Node::on(wal, catalog)
    }

    /// The power goes at one of the next operations, of the log or of the catalog.
    pub(crate) fn plan_crash(&mut self, within: u64) {
        let after = self.random.below(within);
        if self.random.percent(50) {
            self.disk.crash_at(self.disk.operations() + after);
        } else {
            self.catalog
                .crash_at(Some(self.catalog.operations() + after));
        }
    }

    /// Nothing goes wrong any more.
    pub(crate) fn plan_peace(&self) {
        self.disk.crash_at(u64::MAX);
        self.catalog.crash_at(None);
    }

    /// The power comes back, after a life that ended with `error` or that is cut off now. Everything
    /// that had the node open is gone.
    pub(crate) fn restart(&mut self, error: Option<&Error>) {
        assert!(
            error.is_none() || !self.disk.is_powered(),
            "nothing was wrong, and yet: {error:?}"
        );
        self.crashes += 1;
        self.disk.restart();
        self.catalog.settle(&mut self.random);
        self.plan_peace();
    }
}
