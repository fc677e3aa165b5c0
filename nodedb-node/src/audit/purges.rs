//! What was purged, up to which cutoff, by which engine, when: the answer for whoever schedules
//! retention.

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, Timestamp, VshardId};

use super::filter::AuditFilter;
use super::trail::AuditTrail;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::replay::ReplaySource;

/// One purge of old versions of rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purge {
    /// The record that tells of it.
    pub lsn: Lsn,
    /// When that was written.
    pub at: Timestamp,
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// The vshard.
    pub vshard: VshardId,
    /// The collection that was purged.
    pub collection: String,
    /// The engine that did it.
    pub engine: String,
    /// Versions whose system time ended before this were purged.
    pub cutoff: Timestamp,
    /// How many.
    pub purged: u64,
}

/// Purges, oldest first, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purges {
    /// The purges.
    pub purges: Vec<Purge>,
    /// Ask with this next time. An LSN, so that it stays right whatever is dropped meanwhile: every
    /// purge is delivered once, none twice.
    pub cursor: Lsn,
    /// Whether there are more than fitted.
    pub has_more: bool,
}

/// The purges behind `after` that `filter` wants, whatever kinds it names, at most `limit` (at least
/// one): [`Lsn::ZERO`] is the beginning.
///
/// # Errors
///
/// As [`AuditTrail::next`].
pub fn purges(
    catalog: Option<&Catalog>,
    source: &dyn ReplaySource,
    filter: AuditFilter,
    after: Lsn,
    limit: usize,
) -> Result<Purges> {
    let filter = AuditFilter {
        kinds: vec![RecordKind::TemporalPurge],
        ..filter
    };
    let mut trail = AuditTrail::open(catalog, source, filter, after)?;
    let mut answer = Purges {
        purges: Vec::new(),
        cursor: trail.last().max(after),
        has_more: false,
    };
    while let Some(entry) = trail.next()? {
        let header = entry.record.header;
        let AnyPayload::TemporalPurge(purge) = entry.record.payload else {
            continue;
        };
        if let Some(last) = answer.purges.get(limit.max(1) - 1) {
            answer.cursor = last.lsn;
            answer.has_more = true;
            break;
        }
        answer.purges.push(Purge {
            lsn: header.lsn,
            at: header.timestamp,
            tenant: header.scope.tenant,
            database: header.scope.database,
            vshard: header.scope.vshard,
            collection: purge.collection,
            engine: purge.engine,
            cutoff: purge.cutoff,
            purged: purge.purged,
        });
    }
    Ok(answer)
}
