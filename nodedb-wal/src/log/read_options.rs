//! What a read delivers.

use std::ops::RangeInclusive;

use crate::types::{
    CollectionTag, DatabaseId, Epoch, Lsn, RecordKind, TenantId, Timestamp, VshardId,
};

/// What a read delivers: everything, unless narrowed. Conditions are joined by "and"; several kinds
/// by "or".
///
/// The header of every record that is read is checked, the payload of every record that is delivered.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    pub(crate) from: Option<Lsn>,
    pub(crate) until: Lsn,
    pub(crate) kinds: Vec<RecordKind>,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) database: Option<DatabaseId>,
    pub(crate) vshard: Option<VshardId>,
    pub(crate) collection: Option<CollectionTag>,
    pub(crate) epochs: Option<(Epoch, Epoch)>,
    pub(crate) times: Option<(Timestamp, Timestamp)>,
    pub(crate) control_only: bool,
    pub(crate) headers_only: bool,
    pub(crate) drop_behind: bool,
    pub(crate) salvage: bool,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self::all()
    }
}

impl ReadOptions {
    /// Every record there is, oldest first.
    #[must_use]
    pub fn all() -> Self {
        Self {
            from: None,
            until: Lsn::MAX,
            kinds: Vec::new(),
            tenant: None,
            database: None,
            vshard: None,
            collection: None,
            epochs: None,
            times: None,
            control_only: false,
            headers_only: false,
            drop_behind: false,
            salvage: false,
        }
    }

    /// Every record from `lsn` on. Reading fails when that record was truncated away.
    #[must_use]
    pub fn from(lsn: Lsn) -> Self {
        Self {
            from: Some(lsn.max(Lsn::FIRST)),
            ..Self::all()
        }
    }

    /// No record after `last`.
    #[must_use]
    pub fn until(mut self, last: Lsn) -> Self {
        self.until = last;
        self
    }

    /// Only these kinds; an empty list is every kind.
    #[must_use]
    pub fn kinds(mut self, kinds: &[RecordKind]) -> Self {
        self.kinds = kinds.to_vec();
        self
    }

    /// Only this tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Only databases of this id.
    #[must_use]
    pub fn database(mut self, database: DatabaseId) -> Self {
        self.database = Some(database);
        self
    }

    /// Only this vshard.
    #[must_use]
    pub fn vshard(mut self, vshard: VshardId) -> Self {
        self.vshard = Some(vshard);
        self
    }

    /// Only collections of this tag. Names can share a tag: confirm the name in the payload.
    #[must_use]
    pub fn collection(mut self, tag: CollectionTag) -> Self {
        self.collection = Some(tag);
        self
    }

    /// Only these epochs, both ends included.
    #[must_use]
    pub fn epochs(mut self, epochs: RangeInclusive<Epoch>) -> Self {
        self.epochs = Some(epochs.into_inner());
        self
    }

    /// Only these timestamps, both ends included.
    #[must_use]
    pub fn times(mut self, times: RangeInclusive<Timestamp>) -> Self {
        self.times = Some(times.into_inner());
        self
    }

    /// Only control records. In sealed segments they are looked up in the footer, so that the data
    /// between them is not read.
    #[must_use]
    pub fn control_only(mut self) -> Self {
        self.control_only = true;
        self
    }

    /// Leaves payload checksums unchecked. Headers are always checked.
    #[must_use]
    pub fn headers_only(mut self) -> Self {
        self.headers_only = true;
        self
    }

    /// Has the page cache forget what was read from it or through it, so that reading a long log once
    /// does not push out what others use. What was in the cache before is forgotten as well: a read that
    /// will soon be repeated is faster without. Of a segment that the cache holds hardly anything of,
    /// nothing comes into it either way.
    #[must_use]
    pub fn drop_behind(mut self) -> Self {
        self.drop_behind = true;
        self
    }

    /// For looking at a damaged log: after an [`Error::Damaged`](crate::Error::Damaged) or an
    /// [`Error::MissingSegment`](crate::Error::MissingSegment) the next call goes on behind the
    /// damage, and kinds this version does not know are delivered.
    #[must_use]
    pub fn salvage(mut self) -> Self {
        self.salvage = true;
        self
    }
}
