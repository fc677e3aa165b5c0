//! What a consumer is to be, and how one is doing.

use nodedb_wal::payload::ConsumerAdded;
use nodedb_wal::types::Lsn;

use super::filter::ConsumerFilter;
use super::lag::Lag;
use super::limit::LagLimit;
use crate::control::ConsumerState;

/// What a consumer is to be: everything from the oldest record on, in one partition, however far
/// behind, unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerSpec {
    /// Its name, one per node.
    pub name: String,
    /// Where it starts.
    pub start: StartAt,
    /// Into how many partitions its records are divided by vshard, so that as many members of a
    /// group can share them: 1 to 1,024. It cannot be changed later.
    pub partitions: u32,
    /// What it wants.
    pub filter: ConsumerFilter,
    /// How far behind it may be.
    pub limit: LagLimit,
}

/// Where a new consumer starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// With the oldest record the log holds.
    #[default]
    Oldest,
    /// With the next record that is appended.
    Next,
    /// With this record.
    Lsn(Lsn),
}

impl ConsumerSpec {
    /// A consumer of this name that wants everything there is.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            start: StartAt::Oldest,
            partitions: 1,
            filter: ConsumerFilter::default(),
            limit: LagLimit::default(),
        }
    }

    pub(super) fn added(&self, from: Lsn) -> ConsumerAdded {
        let filter = &self.filter;
        ConsumerAdded {
            name: self.name.clone(),
            partitions: self.partitions,
            from,
            kinds: filter.kinds.iter().map(|kind| kind.code()).collect(),
            tenant: filter.tenant,
            database: filter.database,
            vshard: filter.vshard,
            collection: filter.collection.clone(),
            records_max: self.limit.records,
            bytes_max: self.limit.bytes,
            seconds_max: self.limit.seconds,
            when_over: self.limit.when_over,
        }
    }
}

/// How a consumer is doing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConsumerStatus {
    /// What it was added as, and what the log says of it.
    pub state: ConsumerState,
    /// For each partition, how far it has acknowledged, whether that is on record yet or not.
    pub acknowledged: Vec<Lsn>,
    /// Who has it open, in order of name.
    pub members: Vec<String>,
    /// How far its slowest partition is behind; nothing when it was dropped.
    pub lag: Option<Lag>,
    /// Which limit it is over, in words.
    pub over: Option<String>,
}
