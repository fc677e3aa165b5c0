//! Which entries of the trail are wanted.

use std::ops::RangeInclusive;

use nodedb_wal::ReadOptions;
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, Timestamp};

use crate::control::ControlRecord;

/// Which entries of the trail are wanted: all, unless narrowed. Conditions are joined by "and",
/// several kinds by "or".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only this tenant.
    pub tenant: Option<TenantId>,
    /// Only databases of this id.
    pub database: Option<DatabaseId>,
    /// Only what names this collection.
    pub collection: Option<String>,
    /// Only these kinds; none is all.
    pub kinds: Vec<RecordKind>,
    /// Only what was written within these times, both ends included.
    pub times: Option<RangeInclusive<Timestamp>>,
}

impl AuditFilter {
    /// Only entries of this kind.
    #[must_use]
    pub fn of_kind(kind: RecordKind) -> Self {
        Self {
            kinds: vec![kind],
            ..Self::default()
        }
    }

    /// Whether the entry of this record is wanted.
    #[must_use]
    pub fn wants(&self, record: &ControlRecord) -> bool {
        let header = &record.header;
        let is_audited = ControlRecord::is_audited(header.kind);
        let is_of_kind = |kind: &RecordKind| kind.code() == header.kind;
        is_audited
            && self
                .tenant
                .is_none_or(|tenant| tenant == header.scope.tenant)
            && self
                .database
                .is_none_or(|database| database == header.scope.database)
            && (self.kinds.is_empty() || self.kinds.iter().any(is_of_kind))
            && self
                .times
                .as_ref()
                .is_none_or(|times| times.contains(&header.timestamp))
            && self
                .collection
                .as_deref()
                .is_none_or(|collection| record.payload.collection() == Some(collection))
    }

    /// What has to be read of a log for it. Collections are told by name, not by tag.
    pub(super) fn options(&self, from: Lsn, until: Lsn) -> ReadOptions {
        let audited = || {
            let kinds = RecordKind::ALL.iter().copied();
            kinds.filter(|kind| kind.is_control() && ControlRecord::is_audited(kind.code()))
        };
        let kinds = match self.kinds.is_empty() {
            true => audited().collect(),
            false => self.kinds.clone(),
        };
        let mut options = ReadOptions::from(from)
            .until(until)
            .control_only()
            .kinds(&kinds);
        if let Some(tenant) = self.tenant {
            options = options.tenant(tenant);
        }
        if let Some(database) = self.database {
            options = options.database(database);
        }
        if let Some(times) = &self.times {
            options = options.times(times.clone());
        }
        options
    }
}
