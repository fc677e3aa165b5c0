//! The holds of a node as a service: who needs old records says so here. The record in the log is
//! what counts; the catalog keeps what the records came to.
//!
//! A hold is placed and nothing dropped, or dropped and nothing placed: both go through one gate.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use nodedb_wal::payload::{Checkpoint, Hold};
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, VshardId};
use parking_lot::{Mutex, MutexGuard};

use super::Node;
use crate::control::{ControlState, Holds};
use crate::error::{Error, Result};

/// What a service of the node's own belongs to.
const NOBODY: (TenantId, VshardId, DatabaseId) =
    (TenantId::new(0), VshardId::new(0), DatabaseId::new(0));

/// Lets one in at a time who places a hold or drops what no hold needs. It is held across the log's
/// and the catalog's writes; nobody who appends or commits takes it.
#[derive(Debug, Default)]
pub(super) struct Gate {
    last_truncation: Mutex<Option<Instant>>,
    /// Whether a hold moved since the last truncation.
    moved: AtomicBool,
}

impl Gate {
    /// Enters; what the gate guards is when the last truncation was.
    pub(super) fn enter(&self) -> MutexGuard<'_, Option<Instant>> {
        self.last_truncation.lock()
    }

    pub(super) fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Acquire)
    }

    pub(super) fn set_moved(&self, moved: bool) {
        self.moved.store(moved, Ordering::Release);
    }
}

impl Node {
    /// The holds there are, as of the last durable record.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`].
    pub fn holds(&self) -> Result<Holds> {
        self.fold()?;
        self.catalog().holds()
    }

    /// For each engine the last record that its own files hold.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`].
    pub fn checkpoints(&self) -> Result<BTreeMap<String, Lsn>> {
        self.fold()?;
        self.catalog().checkpoints()
    }

    /// Says that there is somebody who needs old records and has not said which: nothing is dropped
    /// until [`Self::set_hold`] says so, or for an engine [`Self::checkpoint`], whose hold is named
    /// by [`ControlState::checkpoint_hold`]. A hold that is there stays as it is. Durable when this
    /// returns; whether the hold is new.
    ///
    /// # Errors
    ///
    /// [`Error::HoldIsConsumer`]. As [`Self::fold`], and as
    /// [`WalManager::commit`](crate::WalManager::commit).
    pub fn declare_hold(&self, name: &str) -> Result<bool> {
        check_name(name)?;
        let gate = self.gate().enter();
        let is_new = self.holds()?.find(name).is_none();
        if is_new {
            self.write_hold(name, None)?;
        }
        drop(gate);
        Ok(is_new)
    }

    /// Says that `name` needs `needs` and every later record, and none before: forwards as it gets
    /// on, or back to what is still there. Durable when this returns.
    ///
    /// # Errors
    ///
    /// [`Error::HoldTooLate`]: records it needs are gone. [`Error::HoldIsCheckpoint`]: the name is
    /// that of an engine's checkpoint. [`Error::HoldIsConsumer`]: that of a consumer. [`NotAppended`](nodedb_wal::Error::NotAppended): past the
    /// next record. Otherwise as [`Self::declare_hold`]. The hold is as it was then.
    pub fn set_hold(&self, name: &str, needs: Lsn) -> Result<()> {
        if ControlState::is_checkpoint_hold(name) {
            let hold = name.to_owned();
            return Err(Error::HoldIsCheckpoint { hold });
        }
        check_name(name)?;
        let gate = self.gate().enter();
        let known = self.holds()?.find(name);
        if known.is_none_or(|hold| hold.needs != Some(needs)) {
            self.check_reach(name, needs)?;
            self.write_hold(name, Some(needs))?;
        }
        drop(gate);
        Ok(())
    }

    /// Drops a hold: whoever had it needs no old records any more. Durable when this returns;
    /// whether there was one of this name.
    ///
    /// # Errors
    ///
    /// As [`Self::declare_hold`].
    pub fn release_hold(&self, name: &str) -> Result<bool> {
        check_name(name)?;
        let gate = self.gate().enter();
        let is_known = self.holds()?.find(name).is_some();
        if is_known {
            self.write_hold(name, Some(Lsn::MAX))?;
        }
        drop(gate);
        Ok(is_known)
    }

    /// Takes in that `engine` has everything up to and with `lsn` in its own durable files, so that
    /// replay for it starts behind that, and it needs nothing older. Durable when this returns. To
    /// say the same again changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::CheckpointBack`]: the engine has been further. [`Error::HoldTooLate`]: it comes
    /// after its hold was released, and records behind `lsn` are gone.
    /// [`NotAppended`](nodedb_wal::Error::NotAppended): there is no such record yet. Otherwise as
    /// [`Self::declare_hold`]. The checkpoint is where it was then.
    pub fn checkpoint(&self, engine: &str, lsn: Lsn) -> Result<()> {
        let hold = ControlState::checkpoint_hold(engine);
        let gate = self.gate().enter();
        let at = self.checkpoints()?.get(engine).copied();
        if let Some(at) = at.filter(|at| *at > lsn) {
            let engine = engine.to_owned();
            return Err(Error::CheckpointBack { engine, at, lsn });
        }
        let known = self.catalog().holds()?.find(&hold);
        if known.is_none_or(|known| known.needs != Some(lsn.next())) || at.is_none() {
            self.check_reach(&hold, lsn.next())?;
            let (tenant, vshard, database) = NOBODY;
            let engine = engine.to_owned();
            let record = Checkpoint { engine, lsn };
            let written = self
                .wal()
                .append_checkpoint(tenant, vshard, database, &record)?;
            self.settle(written)?;
        }
        drop(gate);
        Ok(())
    }

    /// Whether the log holds every record from `needs` on, which may be the next one.
    fn check_reach(&self, name: &str, needs: Lsn) -> Result<()> {
        let (start, next) = (self.wal().start_lsn(), self.wal().next_lsn());
        if needs.max(Lsn::FIRST) < start {
            return Err(Error::HoldTooLate {
                hold: name.to_owned(),
                needs,
                start,
            });
        }
        if needs > next {
            return Err(nodedb_wal::Error::NotAppended { lsn: needs, next }.into());
        }
        Ok(())
    }

    fn write_hold(&self, name: &str, needs: Option<Lsn>) -> Result<()> {
        let (tenant, vshard, database) = NOBODY;
        let name = name.to_owned();
        let record = Hold { name, needs };
        let written = self.wal().append_hold(tenant, vshard, database, &record)?;
        self.settle(written)
    }

    /// Commits the record that moved a hold, and tells whoever drops what is not held any more.
    fn settle(&self, written: Lsn) -> Result<()> {
        self.wal().commit(written)?;
        self.tell_moved();
        Ok(())
    }

    /// Tells whoever drops what is not held any more.
    pub(super) fn tell_moved(&self) {
        self.gate().set_moved(true);
        self.wal().log().bell().ring();
    }
}

/// A consumer's hold is moved by what the consumer acknowledges.
fn check_name(name: &str) -> Result<()> {
    if ControlState::is_consumer_hold(name) {
        let hold = name.to_owned();
        return Err(Error::HoldIsConsumer { hold });
    }
    Ok(())
}
