//! Whose records: a tenant, a database, a vshard, any of them or none.

use nodedb_wal::ReadOptions;
use nodedb_wal::types::{DatabaseId, Scope, TenantId, VshardId};

/// Lets records of some scopes pass. The default lets every record pass.
///
/// A database without a tenant means that number under every tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScopeFilter {
    /// Only this tenant.
    pub tenant: Option<TenantId>,
    /// Only this database.
    pub database: Option<DatabaseId>,
    /// Only this vshard.
    pub vshard: Option<VshardId>,
}

impl ScopeFilter {
    /// Whether a record of `scope` passes.
    #[must_use]
    pub fn admits(&self, scope: Scope) -> bool {
        self.tenant.is_none_or(|tenant| tenant == scope.tenant)
            && self
                .database
                .is_none_or(|database| database == scope.database)
            && self.vshard.is_none_or(|vshard| vshard == scope.vshard)
    }

    /// The same filter for every vshard: a tombstone hides a collection in all of them.
    #[must_use]
    pub fn every_vshard(self) -> Self {
        Self {
            vshard: None,
            ..self
        }
    }

    /// Has the reader pass over what does not pass, segment by segment where it can.
    #[must_use]
    pub fn push_down(&self, mut options: ReadOptions) -> ReadOptions {
        if let Some(tenant) = self.tenant {
            options = options.tenant(tenant);
        }
        if let Some(database) = self.database {
            options = options.database(database);
        }
        if let Some(vshard) = self.vshard {
            options = options.vshard(vshard);
        }
        options
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(tenant: u64, database: u64, vshard: u32) -> Scope {
        Scope::new(
            TenantId::new(tenant),
            DatabaseId::new(database),
            VshardId::new(vshard),
        )
    }

    #[test]
    fn each_part_that_is_given_must_match() {
        let any = ScopeFilter::default();
        let tenant = ScopeFilter {
            tenant: Some(TenantId::new(1)),
            ..any
        };
        let database = ScopeFilter {
            database: Some(DatabaseId::new(2)),
            ..any
        };
        let vshard = ScopeFilter {
            vshard: Some(VshardId::new(3)),
            ..any
        };
        let all = ScopeFilter {
            database: database.database,
            vshard: vshard.vshard,
            ..tenant
        };
        let check = |filter: ScopeFilter, scope: Scope, passes: bool| {
            assert_eq!(filter.admits(scope), passes, "{filter:?} {scope:?}");
        };
        check(any, scope(9, 9, 9), true);
        check(tenant, scope(1, 9, 9), true);
        check(tenant, scope(2, 9, 9), false);
        check(database, scope(9, 2, 9), true);
        check(database, scope(9, 1, 9), false);
        check(vshard, scope(9, 9, 3), true);
        check(vshard, scope(9, 9, 2), false);
        check(all, scope(1, 2, 3), true);
        check(all, scope(1, 2, 4), false);
        check(all.every_vshard(), scope(1, 2, 4), true);
        check(all.every_vshard(), scope(1, 3, 3), false);
    }
}
