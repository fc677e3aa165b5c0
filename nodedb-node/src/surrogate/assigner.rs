//! Binding primary keys to surrogates: the first one wins, for good.

use std::sync::Arc;

use nodedb_wal::payload::SurrogateBind;
use nodedb_wal::types::{DatabaseId, Lsn, TenantId};

use super::folder::Folder;
use super::id::Surrogate;
use super::overlay::{Bound, Overlay};
use super::registry::{NO_VSHARD, SurrogateRegistry};
use super::row_key::{Collection, RowKey};
use super::status::SurrogateStatus;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::manager::WalManager;

/// Bindings in memory from which on whoever assigns folds too, so that memory stays bounded.
const UNFOLDED_MAX: usize = 1 << 18;

/// Binds primary keys to surrogates.
///
/// `SurrogateAssigner` is `Send + Sync`. There is one for a log: a second one, or somebody who
/// appends bindings past it, could bind a key twice.
#[derive(Debug)]
pub struct SurrogateAssigner {
    wal: Arc<WalManager>,
    catalog: Arc<Catalog>,
    overlay: Arc<Overlay>,
    registry: SurrogateRegistry,
    folder: Folder,
}

/// What a look for a key came to.
enum Found {
    /// In the catalog: durable.
    Folded(Surrogate),
    /// In memory, by the record of this LSN.
    Unfolded(Bound),
    /// Bound just now.
    New(Bound),
}

impl SurrogateAssigner {
    /// The service on a log and its catalog, which holds everything the log says.
    pub(crate) fn new(wal: &Arc<WalManager>, catalog: &Arc<Catalog>) -> Self {
        let overlay = Arc::new(Overlay::new());
        let (wal, catalog) = (Arc::clone(wal), Arc::clone(catalog));
        Self {
            registry: SurrogateRegistry::new(Arc::clone(&wal), Arc::clone(&catalog)),
            folder: Folder::new(Arc::clone(&wal), Arc::clone(&catalog), Arc::clone(&overlay)),
            wal,
            catalog,
            overlay,
        }
    }

    /// The surrogate of a primary key: the one it has, or a new one, which it keeps for good. Waits
    /// until that is durable: one write, shared with whoever commits at the time. Two callers with
    /// one key get one surrogate.
    ///
    /// # Errors
    ///
    /// [`SurrogatesExhausted`](crate::Error::SurrogatesExhausted); the log's errors as for
    /// [`WalManager::append`] and [`WalManager::commit`]; a catalog that cannot be read, and
    /// [`FoldStopped`](crate::Error::FoldStopped). After an error that can be retried the same call
    /// brings the surrogate, if one was bound.
    pub fn assign(&self, collection: Collection<'_>, primary_key: &[u8]) -> Result<Surrogate> {
        self.check()?;
        match self.find_or_bind(RowKey::new(collection, primary_key))? {
            Found::Folded(surrogate) => Ok(surrogate),
            Found::Unfolded(bound) => {
                self.wal.commit(bound.lsn)?;
                Ok(bound.surrogate)
            }
            Found::New(bound) => {
                self.wal.commit(bound.lsn)?;
                self.folder.note(1)?;
                Ok(bound.surrogate)
            }
        }
    }

    /// The surrogates of many primary keys, in their order, as [`Self::assign`] but with one wait
    /// for all.
    ///
    /// # Errors
    ///
    /// As [`Self::assign`]. Keys that were bound before the error keep their surrogates.
    pub fn assign_many<'k>(
        &self,
        collection: Collection<'_>,
        primary_keys: impl IntoIterator<Item = &'k [u8]>,
    ) -> Result<Vec<Surrogate>> {
        self.check()?;
        let (mut surrogates, mut new, mut last) = (Vec::new(), 0, Lsn::ZERO);
        for primary_key in primary_keys {
            let found = self.find_or_bind(RowKey::new(collection, primary_key))?;
            surrogates.push(match found {
                Found::Folded(surrogate) => surrogate,
                Found::Unfolded(bound) | Found::New(bound) => {
                    last = last.max(bound.lsn);
                    bound.surrogate
                }
            });
            new += u64::from(matches!(found, Found::New(_)));
        }
        if last > Lsn::ZERO {
            self.wal.commit(last)?;
        }
        self.folder.note(new)?;
        Ok(surrogates)
    }

    /// The surrogate a primary key has; nothing when none is durable.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn find(
        &self,
        collection: Collection<'_>,
        primary_key: &[u8],
    ) -> Result<Option<Surrogate>> {
        let key = RowKey::new(collection, primary_key);
        let shard = self.overlay.lock(&key);
        if let Some(bound) = shard.find(&key) {
            let is_durable = bound.lsn <= self.wal.durable_lsn();
            return Ok(is_durable.then_some(bound.surrogate));
        }
        self.find_folded(&key)
    }

    /// The row a surrogate stands for; nothing when no durable binding says so.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn key_of(
        &self,
        tenant: TenantId,
        database: DatabaseId,
        surrogate: Surrogate,
    ) -> Result<Option<RowKey>> {
        if let Some((key, lsn)) = self.overlay.key_of(tenant, database, surrogate) {
            let is_durable = lsn <= self.wal.durable_lsn();
            return Ok(is_durable.then(|| RowKey::clone(&key)));
        }
        // What left memory in between is in the catalog.
        let found = self
            .catalog
            .primary_key_of(tenant, database, surrogate.value())?;
        Ok(found.map(|(collection, primary_key)| RowKey {
            tenant,
            database,
            collection,
            primary_key,
        }))
    }

    /// Folds what is durable into the catalog now, as a thread does by itself after 16,384 bindings or
    /// 200 ms.
    ///
    /// # Errors
    ///
    /// As [`Catalog::fold_for_now`]; nothing is assigned any more then.
    pub fn fold_now(&self) -> Result<()> {
        self.folder.fold()
    }

    /// Runs of surrogates for callers who bind them themselves.
    #[must_use]
    pub fn registry(&self) -> &SurrogateRegistry {
        &self.registry
    }

    /// How the service is.
    #[must_use]
    pub fn status(&self) -> SurrogateStatus {
        self.folder.status()
    }

    fn check(&self) -> Result<()> {
        self.folder.check()?;
        if self.overlay.len() >= UNFOLDED_MAX {
            self.folder.fold()?;
        }
        Ok(())
    }

    fn find_or_bind(&self, key: RowKey) -> Result<Found> {
        let mut shard = self.overlay.lock(&key);
        if let Some(bound) = shard.find(&key) {
            return Ok(Found::Unfolded(bound));
        }
        // What leaves memory is in the catalog before it does: one look after the other, under the
        // lock, misses nothing.
        if let Some(surrogate) = self.find_folded(&key)? {
            return Ok(Found::Folded(surrogate));
        }
        let (key, bound) = self.bind(key)?;
        shard.insert(key, bound);
        Ok(Found::New(bound))
    }

    fn find_folded(&self, key: &RowKey) -> Result<Option<Surrogate>> {
        let (collection, primary_key) = (&key.collection, &key.primary_key);
        let found = self
            .catalog
            .surrogate_of(key.tenant, key.database, collection, primary_key)?;
        Ok(found.map(Surrogate::new))
    }

    /// Appends a binding. One that was refused left no trace, and its id is free again.
    fn bind(&self, key: RowKey) -> Result<(RowKey, Bound)> {
        let (tenant, database) = (key.tenant, key.database);
        let surrogate = self.registry.take(tenant, database)?;
        let bind = SurrogateBind {
            collection: key.collection,
            surrogate: surrogate.value(),
            primary_key: key.primary_key,
        };
        match self
            .wal
            .append_surrogate_bind(tenant, NO_VSHARD, database, &bind)
        {
            Ok(lsn) => {
                let key = RowKey {
                    tenant,
                    database,
                    collection: bind.collection,
                    primary_key: bind.primary_key,
                };
                Ok((key, Bound { surrogate, lsn }))
            }
            Err(error) => {
                self.registry.put_back(tenant, database, surrogate)?;
                Err(error)
            }
        }
    }
}
