//! Holds every tenant to its budget. Asked before a record is appended; it says yes or no and never
//! waits.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nodedb_wal::types::TenantId;
use parking_lot::{Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::bucket::Bucket;
use super::{Budget, BudgetKind, Refused};

/// Bytes of a record's header.
const HEADER_BYTES: u64 = nodedb_wal::format::layout::record::BYTES as u64;

/// What a record of so many payload bytes counts.
pub(crate) const fn cost_bytes(payload_bytes: usize) -> u64 {
    HEADER_BYTES + payload_bytes as u64
}

/// The budgets of all tenants and what is left of them.
#[derive(Debug)]
pub(crate) struct Limiter {
    /// Whether any tenant has a budget: nobody pays for what nobody uses.
    is_in_use: AtomicBool,
    /// Written when a budget is set, and read, for a moment, for each record while there is one.
    meters: RwLock<HashMap<TenantId, Arc<Meter>>>,
    /// Held shared from before a record is taken until it is appended, and alone while what the log
    /// holds is counted: every record is in one of the two, and in one only.
    counting: RwLock<()>,
    started: Instant,
}

/// One tenant's budget. The lock is held for some additions, by those who append for this tenant.
#[derive(Debug)]
struct Meter {
    budget: Budget,
    used: Mutex<Used>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Used {
    rate: Bucket,
    retained_bytes: u64,
}

impl Limiter {
    pub(crate) fn new(budgets: impl IntoIterator<Item = (TenantId, Budget)>) -> Self {
        let limiter = Self {
            is_in_use: AtomicBool::new(false),
            meters: RwLock::default(),
            counting: RwLock::default(),
            started: Instant::now(),
        };
        for (tenant, budget) in budgets {
            limiter.set(tenant, budget);
        }
        limiter
    }

    pub(crate) fn is_in_use(&self) -> bool {
        self.is_in_use.load(Ordering::Acquire)
    }

    /// What is taken while this is held is appended, or given back, before it is let go.
    pub(crate) fn appending(&self) -> RwLockReadGuard<'_, ()> {
        self.counting.read()
    }

    /// While this is held nothing is between being taken and being appended.
    pub(crate) fn counting(&self) -> RwLockWriteGuard<'_, ()> {
        self.counting.write()
    }

    /// The time the buckets go by.
    pub(crate) fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Sets a tenant's budget. What it has used so far stays used.
    pub(crate) fn set(&self, tenant: TenantId, budget: Budget) {
        let mut meters = self.meters.write();
        let used = meters.get(&tenant).map(|meter| *meter.used.lock());
        let meter = Meter {
            budget,
            used: Mutex::new(used.unwrap_or_default()),
        };
        meters.insert(tenant, Arc::new(meter));
        self.is_in_use.store(true, Ordering::Release);
    }

    /// The budgets that were set.
    pub(crate) fn budgets(&self) -> Vec<(TenantId, Budget)> {
        let meters = self.meters.read();
        let mut budgets: Vec<_> = meters
            .iter()
            .map(|(&tenant, meter)| (tenant, meter.budget))
            .collect();
        budgets.sort_by_key(|(tenant, _)| *tenant);
        budgets
    }

    /// Takes `bytes` off a tenant's budgets, or nothing. Those that `must_pass` are taken in any
    /// case.
    pub(crate) fn take(
        &self,
        tenant: TenantId,
        bytes: u64,
        must_pass: bool,
        now: Duration,
    ) -> Result<(), Refused> {
        let meter = self.meters.read().get(&tenant).map(Arc::clone);
        match meter {
            Some(meter) => meter.take(bytes, must_pass, now),
            None => Ok(()),
        }
    }

    /// Gives back what was taken for records that were not appended.
    pub(crate) fn give_back(&self, tenant: TenantId, bytes: u64) {
        if let Some(meter) = self.meters.read().get(&tenant) {
            let mut used = meter.used.lock();
            used.retained_bytes = used.retained_bytes.saturating_sub(bytes);
            let rate = meter.budget.bytes_per_second.unwrap_or_default();
            used.rate.give_back(bytes, rate);
        }
    }

    /// Says how much of a tenant the log holds: what it has counted so far is forgotten.
    pub(crate) fn set_retained(&self, tenant: TenantId, bytes: u64) {
        if let Some(meter) = self.meters.read().get(&tenant) {
            meter.used.lock().retained_bytes = bytes;
        }
    }

    /// Takes in that so much of a tenant was dropped from the log.
    pub(crate) fn dropped(&self, tenant: TenantId, bytes: u64) {
        if let Some(meter) = self.meters.read().get(&tenant) {
            let mut used = meter.used.lock();
            used.retained_bytes = used.retained_bytes.saturating_sub(bytes);
        }
    }
}

impl Meter {
    fn take(&self, bytes: u64, must_pass: bool, now: Duration) -> Result<(), Refused> {
        let mut used = self.used.lock();
        let retained_bytes = used.retained_bytes.saturating_add(bytes);
        if let Some(allowed_bytes) = self.budget.retained_bytes
            && retained_bytes > allowed_bytes
            && !must_pass
        {
            return Err(Refused {
                budget: BudgetKind::RetainedBytes,
                allowed_bytes,
                retry_after: None,
            });
        }
        if let Some(rate) = self.budget.bytes_per_second {
            let taken = used.rate.take(bytes, rate, self.budget.burst(), now);
            match taken {
                Ok(()) => {}
                Err(_) if must_pass => used.rate.charge(bytes, rate, now),
                Err(retry_after) => {
                    return Err(Refused {
                        budget: BudgetKind::ByteRate,
                        allowed_bytes: rate,
                        retry_after,
                    });
                }
            }
        }
        used.retained_bytes = retained_bytes;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: TenantId = TenantId::new(1);
    const B: TenantId = TenantId::new(2);
    const START: Duration = Duration::ZERO;

    fn limiter(budget: Budget) -> Limiter {
        Limiter::new([(A, budget)])
    }

    fn kind(refused: Result<(), Refused>) -> Option<BudgetKind> {
        refused.err().map(|refused| refused.budget)
    }

    #[test]
    fn only_the_tenant_with_the_budget_is_held_to_it() {
        let limiter = limiter(Budget {
            bytes_per_second: Some(100),
            burst_bytes: Some(0),
            ..Budget::default()
        });
        assert_eq!(limiter.take(A, 100, false, START), Ok(()));
        let refused = limiter.take(A, 1, false, START).unwrap_err();
        assert_eq!(refused.budget, BudgetKind::ByteRate);
        assert_eq!(refused.retry_after, Some(Duration::from_secs(1)));
        assert_eq!(limiter.take(B, 1 << 40, false, START), Ok(()));
        assert_eq!(limiter.take(A, 1, false, Duration::from_secs(1)), Ok(()));
        assert!(!Limiter::new([]).is_in_use());
    }

    #[test]
    fn what_the_log_holds_of_a_tenant_ends_and_truncation_makes_room() {
        let limiter = limiter(Budget {
            retained_bytes: Some(1000),
            ..Budget::default()
        });
        limiter.set_retained(A, 900);
        assert_eq!(limiter.take(A, 100, false, START), Ok(()));
        let refused = limiter.take(A, 1, false, START).unwrap_err();
        assert_eq!(refused.budget, BudgetKind::RetainedBytes);
        assert_eq!((refused.allowed_bytes, refused.retry_after), (1000, None));
        // What makes room goes in, and counts.
        assert_eq!(limiter.take(A, 50, true, START), Ok(()));
        limiter.dropped(A, 50);
        assert!(limiter.take(A, 1, false, START).is_err());
        limiter.dropped(A, 10);
        assert_eq!(limiter.take(A, 10, false, START), Ok(()));
    }

    #[test]
    fn what_was_refused_or_given_back_costs_nothing() {
        let limiter = limiter(Budget {
            bytes_per_second: Some(100),
            burst_bytes: Some(0),
            retained_bytes: Some(1000),
            ..Budget::default()
        });
        // Refused for the one budget, it is not taken off the other.
        let too_much = limiter.take(A, 1001, false, START);
        assert_eq!(kind(too_much), Some(BudgetKind::RetainedBytes));
        assert_eq!(limiter.take(A, 500, false, START), Ok(()));
        limiter.give_back(A, 500);
        assert_eq!(limiter.take(A, 1000, false, START), Ok(()));
    }

    #[test]
    fn a_new_budget_does_not_forget_what_was_used() {
        let small = Budget {
            retained_bytes: Some(100),
            ..Budget::default()
        };
        let limiter = limiter(small);
        assert_eq!(limiter.take(A, 100, false, START), Ok(()));
        let larger = Budget {
            retained_bytes: Some(150),
            ..small
        };
        limiter.set(A, larger);
        assert_eq!(limiter.take(A, 50, false, START), Ok(()));
        assert!(limiter.take(A, 1, false, START).is_err());
        assert_eq!(limiter.budgets(), [(A, larger)]);
    }
}
