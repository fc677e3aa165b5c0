//! Which surrogates are handed out: runs of ids, each in the log before an id of it is used.

use std::collections::HashMap;
use std::sync::Arc;

use nodedb_wal::payload::SurrogateAlloc;
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, VshardId};
use parking_lot::{Mutex, RwLock};

use super::id::{Surrogate, SurrogateRun};
use super::id_space::IdSpace;
use crate::catalog::Catalog;
use crate::error::{Error, Result};
use crate::manager::WalManager;

/// Ids that are set aside at a time: what a crash can cost a database.
const RUN_IDS: u32 = 1_024;

/// The vshard of records about surrogates, which belong to a whole database.
pub(super) const NO_VSHARD: VshardId = VshardId::new(0);

/// Hands out surrogates, never one twice.
///
/// `SurrogateRegistry` is `Send + Sync`. There is one for a log: it trusts that nobody else appends
/// `SurrogateAlloc` and `SurrogateBind`.
#[derive(Debug)]
pub struct SurrogateRegistry {
    wal: Arc<WalManager>,
    catalog: Arc<Catalog>,
    /// Held shared for a look-up, alone for a read of the catalog when a database is used for the first time.
    spaces: RwLock<HashMap<(TenantId, DatabaseId), SharedSpace>>,
}

/// Held while an id is taken, and while a run's record is appended.
type SharedSpace = Arc<Mutex<IdSpace>>;

impl SurrogateRegistry {
    /// The catalog holds everything the log says.
    pub(super) fn new(wal: Arc<WalManager>, catalog: Arc<Catalog>) -> Self {
        Self {
            wal,
            catalog,
            spaces: RwLock::default(),
        }
    }

    /// Hands out a run of `count` surrogates that follow each other, for the caller to use as it
    /// likes. Waits until it is durable that they are used up: one write, shared with whoever commits
    /// at the time.
    ///
    /// # Errors
    ///
    /// [`Error::SurrogatesExhausted`] when the database has not that many left, or `count` is 0; the
    /// log's errors as for [`WalManager::commit`]. None of them is handed out then.
    pub fn allocate(
        &self,
        tenant: TenantId,
        database: DatabaseId,
        count: u32,
    ) -> Result<SurrogateRun> {
        let space = self.space(tenant, database)?;
        let (run, lsn) = {
            let mut space = space.lock();
            let run = space
                .plan_exactly(count)
                .map_err(|_| Error::SurrogatesExhausted { tenant, database })?;
            let lsn = self.append(tenant, database, run)?;
            space.use_up(run);
            (run, lsn)
        };
        self.wal.commit(lsn)?;
        Ok(run)
    }

    /// The highest surrogate of a database that was handed out or set aside; nothing when none was.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn high_watermark(
        &self,
        tenant: TenantId,
        database: DatabaseId,
    ) -> Result<Option<Surrogate>> {
        let space = self.space(tenant, database)?;
        let space = space.lock();
        Ok(space.high_watermark())
    }

    /// An id to be bound by a record that is appended after this returns. That its run is used up is
    /// in the log in front of that record, so it is durable when the record is.
    pub(super) fn take(&self, tenant: TenantId, database: DatabaseId) -> Result<Surrogate> {
        let space = self.space(tenant, database)?;
        let mut space = space.lock();
        if let Some(id) = space.take() {
            return Ok(id);
        }
        let exhausted = || Error::SurrogatesExhausted { tenant, database };
        let run = space.plan_up_to(RUN_IDS).map_err(|_| exhausted())?;
        self.append(tenant, database, run)?;
        space.set_aside(run);
        space.take().ok_or_else(exhausted)
    }

    /// Takes an id back whose record was refused.
    pub(super) fn put_back(
        &self,
        tenant: TenantId,
        database: DatabaseId,
        id: Surrogate,
    ) -> Result<()> {
        self.space(tenant, database)?.lock().put_back(id);
        Ok(())
    }

    fn space(&self, tenant: TenantId, database: DatabaseId) -> Result<SharedSpace> {
        if let Some(space) = self.spaces.read().get(&(tenant, database)) {
            return Ok(Arc::clone(space));
        }
        let mut spaces = self.spaces.write();
        if let Some(space) = spaces.get(&(tenant, database)) {
            return Ok(Arc::clone(space));
        }
        let known = self.catalog.surrogate_high_watermark(tenant, database)?;
        let space = Arc::new(Mutex::new(IdSpace::after(known)));
        spaces.insert((tenant, database), Arc::clone(&space));
        Ok(space)
    }

    fn append(&self, tenant: TenantId, database: DatabaseId, run: SurrogateRun) -> Result<Lsn> {
        let alloc = SurrogateAlloc {
            collection: None,
            first: run.first.value(),
            count: run.count(),
        };
        self.wal
            .append_surrogate_alloc(tenant, NO_VSHARD, database, &alloc)
    }
}
