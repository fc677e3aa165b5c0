//! LSNs and time, both ways, and the anchor that says that the clock was set back.

use nodedb_wal::payload::TimeAnchor;
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, Timestamp, VshardId};

use super::Node;
use crate::audit::{LsnAtTime, TimeOfLsn, lsn_at_time, time_of_lsn};
use crate::error::{Error, Result};

/// A clock that is behind by no more than this was not set back: the log's time may be as much
/// ahead by itself.
const BEHIND_NANOS_MAX: i64 = 1_000_000_000;

impl Node {
    /// The first record written at `time` or later. Of a log that holds it, one footer and one zone
    /// of a segment are read.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`]; the log could not be read.
    pub fn lsn_at(&self, time: Timestamp) -> Result<LsnAtTime> {
        self.fold()?;
        let looked = self.wal().log().lsn_at(time)?;
        lsn_at_time(Some(self.catalog()), self.wal(), time, looked)
    }

    /// When a durable record was written; between which times, when it is gone.
    ///
    /// # Errors
    ///
    /// [`NotAppended`](nodedb_wal::Error::NotAppended) when it is not durable yet; as [`Self::fold`];
    /// the log could not be read.
    pub fn time_of(&self, lsn: Lsn) -> Result<TimeOfLsn> {
        self.fold()?;
        let log = self.wal().log();
        let (looked, start) = match log.time_of(lsn) {
            Ok(looked) => (Some(looked), None),
            Err(nodedb_wal::Error::Truncated { start, .. }) => {
                (None, log.time_of(start).ok().map(|looked| looked.found))
            }
            Err(error) => return Err(Error::Log(error)),
        };
        time_of_lsn(Some(self.catalog()), self.wal(), lsn, looked, start)
    }

    /// Puts what the wall clock says on record when it was set back behind the log's time, by more
    /// than a second: the log's time stands still then, and only anchors tell what the clock said.
    /// Opening a node does this; one that runs may call it once a minute. Not durable before the
    /// next commit.
    ///
    /// # Errors
    ///
    /// As [`WalManager::append`](crate::WalManager::append).
    pub fn anchor_time(&self) -> Result<Option<Lsn>> {
        let clocks = self.wal().log().clocks();
        let behind = clocks.log.as_nanos().saturating_sub(clocks.wall.as_nanos());
        if behind <= BEHIND_NANOS_MAX {
            return Ok(None);
        }
        let anchor = TimeAnchor {
            wall_clock: clocks.wall,
        };
        let (tenant, vshard, database) = (TenantId::new(0), VshardId::new(0), DatabaseId::new(0));
        let lsn = self
            .wal()
            .append_time_anchor(tenant, vshard, database, &anchor)?;
        Ok(Some(lsn))
    }
}
