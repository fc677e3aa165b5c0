//! The seals of Calvin epochs there ever were, from the trail: what two replicas compare.

use nodedb_wal::payload::{AnyPayload, CalvinSeal};
use nodedb_wal::types::{Lsn, RecordKind};

use super::filter::AuditFilter;
use super::trail::AuditTrail;
use crate::catalog::Catalog;
use crate::error::Result;
use crate::replay::ReplaySource;

/// The seal of every epoch of every vshard, in the order of the log; those in segments that are gone
/// are in the catalog.
///
/// # Errors
///
/// As [`AuditTrail::next`].
pub fn calvin_seals(
    catalog: Option<&Catalog>,
    source: &dyn ReplaySource,
) -> Result<Vec<CalvinSeal>> {
    let filter = AuditFilter::of_kind(RecordKind::CalvinSeal);
    let mut trail = AuditTrail::open(catalog, source, filter, Lsn::ZERO)?;
    let mut seals = Vec::new();
    while let Some(entry) = trail.next()? {
        if let AnyPayload::CalvinSeal(seal) = entry.record.payload {
            seals.push(seal);
        }
    }
    Ok(seals)
}
