//! What is to be replayed.

use std::ops::RangeInclusive;

use nodedb_wal::types::{DatabaseId, Epoch, Lsn, RecordKind, TenantId, Timestamp, VshardId};

use super::{EngineFamily, EpochFilter, KindFilter, ScopeFilter, TimeWindow};

/// Which records a replay delivers. The default is all that the log holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayPlan {
    pub(super) start: Start,
    pub(super) until: Option<Lsn>,
    /// The engines to be brought up; nothing for all of them, and records of none.
    pub(super) engines: Option<Vec<EngineFamily>>,
    /// The last record that an engine holds by its own account.
    pub(super) engines_after: Vec<(EngineFamily, Lsn)>,
    pub(super) scope: ScopeFilter,
    pub(super) times: TimeWindow,
    pub(super) kinds: KindFilter,
    pub(super) epoch: EpochFilter,
    pub(super) gates_calvin: bool,
}

/// Where a replay starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// At this record; [`Lsn::ZERO`] is the oldest there is.
    At(Lsn),
    /// Behind what a sink holds by its own account.
    After(Lsn),
    /// At the first record that an engine's checkpoint does not cover.
    Checkpoints,
}

impl Default for Start {
    fn default() -> Self {
        Self::At(Lsn::ZERO)
    }
}

impl ReplayPlan {
    /// Everything from `lsn` on. [`Lsn::ZERO`] is from the oldest record there is, wherever that
    /// is; any other LSN that was truncated away is an error when the plan is carried out.
    #[must_use]
    pub fn from(lsn: Lsn) -> Self {
        Self {
            start: Start::At(lsn),
            ..Self::default()
        }
    }

    /// Everything behind `applied`: for a sink that keeps the last LSN it applied.
    /// [`Lsn::ZERO`] is a sink that holds nothing, which a log without its beginning cannot bring
    /// up, and a sink that holds more than the log has is one of another log or of one that was put
    /// back: both are errors when the plan is carried out.
    #[must_use]
    pub fn after(applied: Lsn) -> Self {
        Self {
            start: Start::After(applied),
            ..Self::default()
        }
    }

    /// For each engine everything behind its last checkpoint; for one that never took any,
    /// everything there is. The stream starts where the first of them does, and what a later one
    /// already holds is skipped on the way. A checkpoint that reaches less far back than the log is
    /// an error when the plan is carried out.
    #[must_use]
    pub fn from_checkpoints() -> Self {
        Self {
            start: Start::Checkpoints,
            ..Self::default()
        }
    }

    /// No record after `last`. It narrows what is delivered, not what is known: tombstones, aborts
    /// and flushes behind it count.
    #[must_use]
    pub fn until(mut self, last: Lsn) -> Self {
        self.until = Some(last);
        self
    }

    /// Only records of these engines, and control records. No-ops and kinds of the embedding
    /// database are left out.
    #[must_use]
    pub fn engines(mut self, families: &[EngineFamily]) -> Self {
        self.engines = Some(families.to_vec());
        self
    }

    /// Of this engine only what is behind `applied`, whatever its checkpoints say: for an engine
    /// that keeps the last LSN it applied. As with [`Self::after`], it may not hold more than the log
    /// has.
    #[must_use]
    pub fn engine_after(mut self, family: EngineFamily, applied: Lsn) -> Self {
        self.engines_after.push((family, applied));
        self
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

    /// Only records of these kinds, and only operations of these kinds out of transactions; whole
    /// transactions where [`RecordKind::Transaction`] is among them.
    #[must_use]
    pub fn kinds(mut self, kinds: &[RecordKind]) -> Self {
        self.kinds.kinds = Some(kinds.to_vec());
        self
    }

    /// Only records written within these times, both included.
    #[must_use]
    pub fn times(mut self, times: RangeInclusive<Timestamp>) -> Self {
        self.times.times = Some(times);
        self
    }

    /// Withholds writes of Calvin transactions that were not applied to their end: every data
    /// record of an epoch whose own batch holds no `CalvinApplied` for it. For logs whose epochs
    /// are Calvin's.
    ///
    /// Which transaction a record belongs to is told by its batch, so that every record is read,
    /// however narrow the plan, and a batch is held in memory until its end: as much as the largest
    /// batch, which `Config::batch_bytes_max` of the log bounds.
    #[must_use]
    pub fn calvin_gate(mut self) -> Self {
        self.gates_calvin = true;
        self
    }
}
