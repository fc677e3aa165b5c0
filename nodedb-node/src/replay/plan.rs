//! What is to be replayed.

use std::ops::RangeInclusive;

use nodedb_wal::ReadOptions;
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, RecordKind, TenantId, Timestamp, VshardId};

use super::{EpochFilter, ScopeFilter};

/// Which records a replay delivers. The default is all that the log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayPlan {
    from: Lsn,
    scope: ScopeFilter,
    epoch: EpochFilter,
    kinds: Option<Vec<RecordKind>>,
    times: Option<RangeInclusive<Timestamp>>,
}

impl ReplayPlan {
    /// Everything from `lsn` on. [`Lsn::ZERO`] is from the oldest record there is, wherever that
    /// is; any other LSN that was truncated away is an error when the plan is carried out.
    #[must_use]
    pub fn from(lsn: Lsn) -> Self {
        Self {
            from: lsn,
            ..Self::default()
        }
    }

    /// Only records that `scope` lets pass.
    #[must_use]
    pub fn scope(mut self, scope: ScopeFilter) -> Self {
        self.scope = scope;
        self
    }

    /// Only records of one tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantId) -> Self {
        self.scope.tenant = Some(tenant);
        self
    }

    /// Only records of databases with this number.
    #[must_use]
    pub fn database(mut self, database: DatabaseId) -> Self {
        self.scope.database = Some(database);
        self
    }

    /// Only records of one vshard.
    #[must_use]
    pub fn vshard(mut self, vshard: VshardId) -> Self {
        self.scope.vshard = Some(vshard);
        self
    }

    /// Only records outside every epoch, or of epochs up to this one, itself included.
    #[must_use]
    pub fn until_epoch(mut self, epoch: Epoch) -> Self {
        self.epoch.until = Some(epoch);
        self
    }

    /// Only records of these kinds.
    #[must_use]
    pub fn kinds(mut self, kinds: &[RecordKind]) -> Self {
        self.kinds = Some(kinds.to_vec());
        self
    }

    /// Only records written within these times, both included.
    #[must_use]
    pub fn times(mut self, times: RangeInclusive<Timestamp>) -> Self {
        self.times = Some(times);
        self
    }

    /// The first record wanted; [`Lsn::ZERO`] for the oldest there is.
    pub(super) const fn first_lsn(&self) -> Lsn {
        self.from
    }

    pub(super) const fn scope_filter(&self) -> ScopeFilter {
        self.scope
    }

    pub(super) const fn epoch_filter(&self) -> EpochFilter {
        self.epoch
    }

    /// The tombstones that can matter to the plan, wherever in the log they stand.
    pub(super) fn tombstone_read(&self) -> ReadOptions {
        let options = ReadOptions::all()
            .control_only()
            .kinds(&[RecordKind::CollectionTombstoned]);
        self.scope.every_vshard().push_down(options)
    }

    /// The records the plan wants, from `first` on.
    pub(super) fn record_read(&self, first: Lsn) -> ReadOptions {
        let mut options = self.scope.push_down(ReadOptions::from(first));
        if let Some(kinds) = &self.kinds {
            options = options.kinds(kinds);
        }
        if let Some(times) = &self.times {
            options = options.times(times.clone());
        }
        options
    }
}
