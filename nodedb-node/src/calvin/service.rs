//! Applying transactions once, and sealing epochs.

use std::collections::BTreeMap;
use std::sync::Arc;

use nodedb_wal::payload::CalvinSeal;
use nodedb_wal::types::{Epoch, Lsn, LsnRange, VshardId};
use parking_lot::Mutex;

use super::transaction::{CalvinTransaction, NO_DATABASE, NO_TENANT};
use crate::control::{CalvinPosition, CalvinProgress, VshardProgress};
use crate::error::{Error, Result};
use crate::manager::WalManager;

/// Applies Calvin transactions, each once on each vshard.
///
/// `Calvin` is `Send + Sync`. There is one for a log: it trusts that nobody else appends
/// `CalvinApplied` and `CalvinSeal`. Vshards do not wait for each other.
#[derive(Debug)]
pub struct Calvin {
    wal: Arc<WalManager>,
    /// Held for a look-up.
    lanes: Mutex<BTreeMap<VshardId, Arc<Mutex<Lane>>>>,
}

/// One vshard. Its lock is held while a batch is appended, so that marks are tallied in the order
/// of the log, and never while one is committed.
#[derive(Debug, Default)]
struct Lane {
    /// With what was appended and is not durable yet.
    progress: VshardProgress,
    /// The last mark or seal of this process.
    last: Lsn,
}

/// A transaction that was applied, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CalvinCommit {
    /// Its records; the last one is the mark.
    pub lsns: LsnRange,
    /// How many writes it has, the mark not counted.
    pub records: u32,
    /// The digest of its writes.
    pub digest: u64,
}

impl Calvin {
    /// The service on a log that says what `progress` is.
    pub(crate) fn new(wal: &Arc<WalManager>, progress: &CalvinProgress) -> Self {
        let lane = |progress: &VshardProgress| Lane {
            progress: progress.clone(),
            last: Lsn::ZERO,
        };
        let lanes = progress
            .iter()
            .map(|(vshard, progress)| (vshard, Arc::new(Mutex::new(lane(progress)))))
            .collect();
        Self {
            wal: Arc::clone(wal),
            lanes: Mutex::new(lanes),
        }
    }

    /// Applies a transaction on a vshard: what `write` adds and the mark are one batch. Waits until
    /// it is durable: after a crash all of it is there, or nothing and the transaction can be applied
    /// again.
    ///
    /// # Errors
    ///
    /// [`Error::CalvinApplied`] when it was applied, for good; then there is nothing left to do.
    /// [`Error::CalvinNoEpoch`]. What `write` says, and the log's errors as for
    /// [`WalManager::append_batch`], leave no trace. After an error of the commit nothing more is
    /// acknowledged on this log until it is opened again, unless the error can be retried: then
    /// the same call waits again.
    pub fn apply(
        &self,
        vshard: VshardId,
        epoch: Epoch,
        position: u32,
        write: impl FnOnce(&mut CalvinTransaction) -> Result<()>,
    ) -> Result<CalvinCommit> {
        if epoch == Epoch::NONE {
            return Err(Error::CalvinNoEpoch);
        }
        let at = CalvinPosition { epoch, position };
        // Before the lock is taken: it may take long, and may ask this service.
        let mut transaction = CalvinTransaction::new(vshard, at);
        write(&mut transaction)?;
        let (applied, batch) = transaction.finish()?;
        let lane = self.lane(vshard);
        let lsns = {
            let mut lane = lane.lock();
            if lane.progress.is_applied(at) {
                return Err(self.applied_already(lane.last, vshard, at));
            }
            let lsns = self.wal.append_batch(&batch)?;
            lane.progress.apply(&applied);
            lane.last = lsns.last;
            lsns
        };
        self.wal.commit(lsns.last)?;
        Ok(CalvinCommit {
            lsns,
            records: applied.records,
            digest: applied.digest,
        })
    }

    /// Seals an epoch on a vshard: every transaction of it and of those before it that concerns the
    /// vshard was applied. Waits until that is durable. The seal says how many there were in this
    /// epoch, and their digest: see [`EpochTally`](crate::control::EpochTally).
    ///
    /// # Errors
    ///
    /// [`Error::CalvinSealed`] when it was sealed, or a later one; [`Error::CalvinUnsealed`] when an
    /// earlier epoch has transactions and no seal; [`Error::CalvinNoEpoch`]; the log's errors, as
    /// for [`WalManager::append`] and [`WalManager::commit`].
    pub fn seal(&self, vshard: VshardId, epoch: Epoch) -> Result<CalvinSeal> {
        if epoch == Epoch::NONE {
            return Err(Error::CalvinNoEpoch);
        }
        let lane = self.lane(vshard);
        let (seal, lsn) = {
            let mut lane = lane.lock();
            let seal = next_seal(vshard, &lane.progress, epoch)?;
            let (tenant, database) = (NO_TENANT, NO_DATABASE);
            let lsn = self
                .wal
                .append_calvin_seal(tenant, vshard, database, &seal)?;
            lane.progress.seal(&seal);
            lane.last = lsn;
            (seal, lsn)
        };
        self.wal.commit(lsn)?;
        Ok(seal)
    }

    /// What was applied on a vshard, with what is on its way to the disk; nothing when no transaction
    /// was. A scheduler that starts again applies what is not in it.
    #[must_use]
    pub fn progress(&self, vshard: VshardId) -> Option<VshardProgress> {
        let lane = self.lanes.lock().get(&vshard).map(Arc::clone)?;
        let lane = lane.lock();
        Some(lane.progress.clone())
    }

    /// The vshards that transactions were applied on, in order.
    #[must_use]
    pub fn vshards(&self) -> Vec<VshardId> {
        self.lanes.lock().keys().copied().collect()
    }

    fn lane(&self, vshard: VshardId) -> Arc<Mutex<Lane>> {
        Arc::clone(self.lanes.lock().entry(vshard).or_default())
    }

    /// That a transaction was applied is only said once it is durable.
    fn applied_already(&self, last: Lsn, vshard: VshardId, at: CalvinPosition) -> Error {
        if last > Lsn::ZERO
            && let Err(error) = self.wal.commit(last)
        {
            return error;
        }
        Error::CalvinApplied {
            vshard,
            epoch: at.epoch,
            position: at.position,
        }
    }
}

/// The seal of an epoch. Pure.
fn next_seal(vshard: VshardId, progress: &VshardProgress, epoch: Epoch) -> Result<CalvinSeal> {
    let watermark = progress.watermark;
    if epoch <= watermark {
        return Err(Error::CalvinSealed { vshard, watermark });
    }
    match progress.tallies.first_key_value() {
        Some((&earlier, _)) if earlier < epoch => Err(Error::CalvinUnsealed {
            vshard,
            epoch: earlier,
        }),
        _ => {
            let tally = progress.tallies.get(&epoch).copied().unwrap_or_default();
            Ok(CalvinSeal {
                epoch,
                vshard,
                transactions: tally.transactions,
                records: tally.records,
                digest: tally.digest,
            })
        }
    }
}
