//! Whose record it is: tenant, database and virtual shard.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            /// The id with this number.
            #[must_use]
            pub const fn new(number: $inner) -> Self {
                Self(number)
            }

            /// The bare number.
            #[must_use]
            pub const fn value(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id!(
    /// A tenant of the node.
    TenantId(u64)
);
id!(
    /// A database of a tenant. The same number under another tenant is another database.
    DatabaseId(u64)
);
id!(
    /// A virtual shard: the unit by which records are partitioned for ordered, parallel replay.
    VshardId(u32)
);

/// Where a record belongs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// The virtual shard.
    pub vshard: VshardId,
}

impl Scope {
    /// The scope of these three ids.
    #[must_use]
    pub const fn new(tenant: TenantId, database: DatabaseId, vshard: VshardId) -> Self {
        Self {
            tenant,
            database,
            vshard,
        }
    }
}
