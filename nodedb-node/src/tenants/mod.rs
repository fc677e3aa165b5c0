//! What tenants use and what they may: budgets, the limiter that holds them, and the sums of what
//! was written and is still there. Nothing here reads a log or a catalog, or waits.

mod bucket;
mod budget;
mod limiter;
mod usage;

pub use budget::{Budget, BudgetKind, Refused};
pub(crate) use limiter::{Limiter, cost_bytes};
pub use usage::{Amount, Gone, SegmentUsage, TenantUsage, UsageReport, usage};
