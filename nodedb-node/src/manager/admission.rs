//! Holding appends to the budgets of their tenants: asked before anything is appended, so that what
//! is refused leaves no trace and takes no LSN.

use nodedb_wal::{Record, TenantId};

use super::WalManager;
use crate::error::{Error, Result};
use crate::tenants::{Budget, Limiter, cost_bytes};

impl WalManager {
    /// Sets what a tenant may, from now on. Bytes it has in the log already do not count towards a
    /// budget of retained bytes: [`Node::set_budget`](crate::Node::set_budget) has them count.
    pub fn set_budget(&self, tenant: TenantId, budget: Budget) {
        self.log().set_weight(tenant, budget.weight);
        self.limiter().set(tenant, budget);
    }

    /// The budgets that were set, in order of tenant.
    #[must_use]
    pub fn budgets(&self) -> Vec<(TenantId, Budget)> {
        self.limiter().budgets()
    }

    /// Appends one record as `append` does, when its tenant's budget allows it. Without budgets that
    /// costs reading a flag; with them, some additions.
    pub(super) fn admit<T>(
        &self,
        record: &Record<'_>,
        append: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if !self.limiter().is_in_use() {
            return append();
        }
        let cost = (record.scope.tenant, cost_bytes(record.payload.len()));
        self.admit_costs(&[cost], record.kind.is_control(), append)
    }

    /// Appends these records as `append` does, when the budgets of all their tenants allow it.
    pub(super) fn admit_all<T>(
        &self,
        records: &[Record<'_>],
        append: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        if !self.limiter().is_in_use() {
            return append();
        }
        // What makes room passes; but not in the company of what takes it.
        let must_pass = records.iter().all(|record| record.kind.is_control());
        self.admit_costs(&costs(records), must_pass, append)
    }

    fn admit_costs<T>(
        &self,
        costs: &[(TenantId, u64)],
        must_pass: bool,
        append: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let _appending = self.limiter().appending();
        take(self.limiter(), costs, must_pass)?;
        let appended = append();
        if appended.is_err() {
            give_back(self.limiter(), costs);
        }
        appended
    }
}

/// What the records count, for each tenant.
fn costs(records: &[Record<'_>]) -> Vec<(TenantId, u64)> {
    let mut costs: Vec<(TenantId, u64)> = Vec::new();
    for record in records {
        let (tenant, cost) = (record.scope.tenant, cost_bytes(record.payload.len()));
        match costs.iter_mut().find(|(known, _)| *known == tenant) {
            Some((_, sum)) => *sum += cost,
            None => costs.push((tenant, cost)),
        }
    }
    costs
}

/// Takes all of them, or nothing.
fn take(limiter: &Limiter, costs: &[(TenantId, u64)], must_pass: bool) -> Result<()> {
    let now = limiter.now();
    for (at, &(tenant, bytes)) in costs.iter().enumerate() {
        if let Err(refused) = limiter.take(tenant, bytes, must_pass, now) {
            give_back(limiter, &costs[..at]);
            return Err(Error::OverBudget {
                tenant,
                budget: refused.budget,
                allowed_bytes: refused.allowed_bytes,
                bytes,
                retry_after: refused.retry_after,
            });
        }
    }
    Ok(())
}

fn give_back(limiter: &Limiter, costs: &[(TenantId, u64)]) {
    for &(tenant, bytes) in costs {
        limiter.give_back(tenant, bytes);
    }
}
