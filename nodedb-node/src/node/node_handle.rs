//! The handle of a node: its log and its catalog, opened and closed together.

use std::sync::Arc;

use super::NodeStart;
use super::holds::Gate;
use super::usage::SealedUsages;
use crate::calvin::Calvin;
use crate::catalog::{Catalog, Folded};
use crate::config::{NodeConfig, Retention};
use crate::consumers::Consumers;
use crate::control::ControlState;
use crate::error::Result;
use crate::manager::WalManager;
use crate::replay::{Known, Replay, ReplayPlan, ReplayReport, ReplaySink};
use crate::surrogate::SurrogateAssigner;

/// A node's log services.
///
/// `Node` is `Send + Sync`; every method but [`close`](Self::close) takes `&self`.
///
/// Dropping it loses nothing that was committed: the log is recovered and the catalog caught up
/// when the node is opened again. [`close`](Self::close) does both now.
#[derive(Debug)]
pub struct Node {
    /// Shared with the services, and with nobody outside the node.
    wal: Arc<WalManager>,
    catalog: Arc<Catalog>,
    surrogates: SurrogateAssigner,
    calvin: Calvin,
    consumers: Consumers,
    start: NodeStart,
    retention: Retention,
    gate: Gate,
    sealed_usages: SealedUsages,
}

impl Node {
    /// Opens the log and the catalog of `config`, or makes new ones, and brings the catalog up to
    /// date with the log.
    ///
    /// # Errors
    ///
    /// As [`WalManager::open`], [`Catalog::open`], [`Catalog::attach`] and [`Catalog::fold`].
    pub fn open(config: NodeConfig) -> Result<Self> {
        let catalog = config.catalog_path();
        let retention = config.retention();
        let wal = WalManager::open(config)?;
        let node = Self::on(wal, Catalog::open(catalog)?)?;
        Ok(node.with_retention(retention))
    }

    /// A node on a log and a catalog that are open.
    ///
    /// # Errors
    ///
    /// As [`Catalog::attach`] and [`Catalog::fold`], and as [`Self::usage`] when a tenant has a budget
    /// of retained bytes.
    pub fn on(wal: WalManager, catalog: Catalog) -> Result<Self> {
        catalog.attach(wal.log_id(), &wal)?;
        let folded = catalog.fold(&wal)?;
        let start = NodeStart {
            recovery: wal.recovery().clone(),
            folded,
        };
        let (wal, catalog) = (Arc::new(wal), Arc::new(catalog));
        let state = catalog.control_state()?;
        let node = Self {
            consumers: Consumers::new(&wal, &state.consumers),
            surrogates: SurrogateAssigner::new(&wal, &catalog),
            calvin: Calvin::new(&wal, &state.calvin),
            wal,
            catalog,
            start,
            retention: Retention::default(),
            gate: Gate::default(),
            sealed_usages: SealedUsages::default(),
        };
        node.anchor_time()?;
        node.count_retained()?;
        Ok(node)
    }

    /// The same node, which keeps its log by other rules.
    #[must_use]
    pub fn with_retention(self, retention: Retention) -> Self {
        Self { retention, ..self }
    }

    /// How long the log may grow, and when it is looked at.
    #[must_use]
    pub fn retention(&self) -> Retention {
        self.retention
    }

    pub(super) fn sealed_usages(&self) -> &SealedUsages {
        &self.sealed_usages
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What opening found.
    #[must_use]
    pub fn start(&self) -> &NodeStart {
        &self.start
    }

    /// The log, for appends, commits and reads.
    #[must_use]
    pub fn wal(&self) -> &WalManager {
        &self.wal
    }

    /// The catalog.
    #[must_use]
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Surrogates for primary keys.
    #[must_use]
    pub fn surrogates(&self) -> &SurrogateAssigner {
        &self.surrogates
    }

    /// Calvin transactions.
    #[must_use]
    pub fn calvin(&self) -> &Calvin {
        &self.calvin
    }

    pub(super) fn consumers_service(&self) -> &Consumers {
        &self.consumers
    }

    /// Brings the catalog up to date with the log.
    ///
    /// # Errors
    ///
    /// As [`Catalog::fold`].
    pub fn fold(&self) -> Result<Folded> {
        self.catalog.fold(&*self.wal)
    }

    /// What control records have said up to the last durable record.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`].
    pub fn control_state(&self) -> Result<ControlState> {
        self.fold()?;
        self.catalog.control_state()
    }

    /// What a replay goes by, as the catalog has it up to the last durable record. Of the log only
    /// what the catalog has not seen yet is read.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`].
    pub fn known(&self) -> Result<Known> {
        self.fold()?;
        // In this order: what is known reaches at least as far as it says.
        let through = self.catalog.applied();
        Ok(Known::of(self.catalog.control_state()?, through))
    }

    /// Delivers the records of `plan` to `sink`, up to the last one that was durable when it began.
    /// What control records have said comes from the catalog. For progress, and for several sinks at
    /// once, take [`Self::known`] to a [`Replay`] of [`Self::wal`].
    ///
    /// # Errors
    ///
    /// As [`Self::fold`] and [`Replay::run`].
    pub fn replay(&self, plan: &ReplayPlan, sink: &mut dyn ReplaySink) -> Result<ReplayReport> {
        let known = self.known()?;
        Replay::new(&*self.wal, plan).knowing(&known).run(sink)
    }

    /// Commits what was appended and what consumers have acknowledged, brings the catalog up to date, seals the audit trail, and closes
    /// both.
    ///
    /// # Errors
    ///
    /// As [`WalManager::close`] and [`Self::seal_audit`]. Both are closed either way, and what was
    /// acknowledged is on disk.
    pub fn close(self) -> Result<()> {
        let synced = self.consumers.write_durably();
        let synced = synced.and_then(|()| self.wal.sync());
        let sealed = self.seal_audit();
        // Its thread ends, and nobody else shares the log.
        drop((self.surrogates, self.calvin, self.consumers));
        if let Some(wal) = Arc::into_inner(self.wal) {
            wal.close()?;
        }
        synced?;
        sealed.map(drop)
    }
}
