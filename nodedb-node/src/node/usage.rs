//! What tenants use, and their budgets, as a service of the node.

use std::collections::BTreeMap;
use std::sync::Arc;

use nodedb_wal::types::{Lsn, TenantId};
use parking_lot::Mutex;

use super::Node;
use crate::error::Result;
use crate::tenants::{Budget, SegmentUsage, UsageReport, usage};

/// What sealed segments hold, by their first record: a footer is read once.
#[derive(Debug, Default)]
pub(super) struct SealedUsages {
    by_first_lsn: Mutex<BTreeMap<Lsn, Arc<SegmentUsage>>>,
}

impl Node {
    /// What each tenant's databases have written since the log was made, and what of that the log
    /// still holds. Reads the footers of segments it has not read before.
    ///
    /// # Errors
    ///
    /// As [`Log::segment`](nodedb_wal::Log::segment), and the catalog could not be read.
    pub fn usage(&self) -> Result<UsageReport> {
        // No segment goes meanwhile.
        let gate = self.gate().enter();
        let report = self.usage_in_gate();
        drop(gate);
        report
    }

    pub(super) fn usage_in_gate(&self) -> Result<UsageReport> {
        let segments = self.segment_usages(Lsn::MAX)?;
        let gone = self.catalog().usage_gone()?;
        let start = self.wal().start_lsn();
        Ok(usage(&gone, start, segments.iter().map(AsRef::as_ref)))
    }

    /// Sets what a tenant may, from now on. Whatever it has used counts.
    ///
    /// # Errors
    ///
    /// As [`Self::usage`], for a budget of retained bytes: the rest is set then.
    pub fn set_budget(&self, tenant: TenantId, budget: Budget) -> Result<()> {
        self.wal().set_budget(tenant, budget);
        self.count_retained()
    }

    /// Tells the limiter how much the log holds of the tenants that have a budget for that.
    pub(super) fn count_retained(&self) -> Result<()> {
        let limiter = self.wal().limiter();
        let is_limited = |budget: &Budget| budget.retained_bytes.is_some();
        if !limiter
            .budgets()
            .iter()
            .any(|(_, budget)| is_limited(budget))
        {
            return Ok(());
        }
        // In this order: who drops segments has the gate, and appends a seal first.
        let gate = self.gate().enter();
        let counting = limiter.counting();
        let report = self.usage_in_gate()?;
        for (tenant, _) in limiter.budgets() {
            let own = report.scopes.iter().filter(|row| row.tenant == tenant);
            limiter.set_retained(tenant, own.map(|row| row.retained.bytes()).sum());
        }
        drop((counting, gate));
        Ok(())
    }

    /// What the segments hold that start before `before`, oldest first. Called with the gate held:
    /// none of them goes meanwhile.
    pub(super) fn segment_usages(&self, before: Lsn) -> Result<Vec<Arc<SegmentUsage>>> {
        let start = self.wal().start_lsn();
        let mut usages = Vec::new();
        for extent in self.wal().extents() {
            if extent.first_lsn < before {
                usages.extend(self.segment_usage(extent.first_lsn)?);
            }
        }
        let mut sealed = self.sealed_usages().by_first_lsn.lock();
        *sealed = sealed.split_off(&start);
        Ok(usages)
    }

    fn segment_usage(&self, first_lsn: Lsn) -> Result<Option<Arc<SegmentUsage>>> {
        let sealed = &self.sealed_usages().by_first_lsn;
        if let Some(known) = sealed.lock().get(&first_lsn) {
            return Ok(Some(Arc::clone(known)));
        }
        let Some(segment) = self.wal().log().segment(first_lsn)? else {
            return Ok(None);
        };
        let is_sealed = segment.sealed;
        let usage = Arc::new(SegmentUsage::from(segment));
        if is_sealed {
            sealed.lock().insert(first_lsn, Arc::clone(&usage));
        }
        Ok(Some(usage))
    }
}
