//! Replay of the log a manager owns, and of what is left of it after a restart.

use nodedb_wal::types::Lsn;
use nodedb_wal::{ReadOptions, Records};

use super::{ReplayPlan, ReplayReport, ReplaySink, ReplaySource, replay};
use crate::error::Result;
use crate::manager::WalManager;

impl ReplaySource for WalManager {
    fn start_lsn(&self) -> Lsn {
        self.start_lsn()
    }

    fn last_lsn(&self) -> Lsn {
        self.durable_lsn()
    }

    fn read(&self, options: ReadOptions) -> nodedb_wal::Result<Records> {
        self.log().read(options)
    }
}

impl WalManager {
    /// Delivers the records of `plan` to `sink`, up to the last one that was durable when it began.
    ///
    /// # Errors
    ///
    /// As [`replay`].
    pub fn replay(&self, plan: &ReplayPlan, sink: &mut dyn ReplaySink) -> Result<ReplayReport> {
        replay(self, plan, sink, &mut |_| ())
    }

    /// Delivers every record from `lsn` on to `sink`.
    ///
    /// # Errors
    ///
    /// As [`replay`]; also when `lsn` was truncated away.
    pub fn replay_from(&self, lsn: Lsn, sink: &mut dyn ReplaySink) -> Result<ReplayReport> {
        self.replay(&ReplayPlan::from(lsn), sink)
    }
}
