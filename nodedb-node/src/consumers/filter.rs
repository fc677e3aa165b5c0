//! What a consumer wants, told by header where it can be and by payload where it must be.

use nodedb_wal::payload::{ConsumerAdded, Payload as _, Transaction, collection_of};
use nodedb_wal::types::{CollectionTag, DatabaseId, KindCode, RecordKind, TenantId, VshardId};
use nodedb_wal::{ReadOptions, RecordView};

use crate::error::{Error, Result};

/// What a consumer wants: everything, unless narrowed. Conditions are joined by "and", several kinds
/// by "or". It is kept in the log with the consumer.
///
/// A transaction is wanted whole when one of its operations is. What the node writes down for itself
/// (how far consumers have come, seals of the audit trail) is wanted where its kind is named only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerFilter {
    /// Only these kinds; none is every kind.
    pub kinds: Vec<RecordKind>,
    /// Only this tenant.
    pub tenant: Option<TenantId>,
    /// Only databases of this id.
    pub database: Option<DatabaseId>,
    /// Only this vshard.
    pub vshard: Option<VshardId>,
    /// Only this collection.
    pub collection: Option<String>,
}

/// Whether a record of this kind says what the node has to remember of itself.
pub(super) fn is_bookkeeping(kind: KindCode) -> bool {
    [RecordKind::ConsumerCursors, RecordKind::AuditSeal]
        .iter()
        .any(|own| own.code() == kind)
}

/// The filter of a consumer that was added.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    kinds: Vec<KindCode>,
    tenant: Option<TenantId>,
    database: Option<DatabaseId>,
    vshard: Option<VshardId>,
    collection: Option<(String, CollectionTag)>,
}

impl Wanted {
    pub(super) fn of(added: &ConsumerAdded) -> Self {
        let collection = added.collection.clone();
        Self {
            kinds: added.kinds.clone(),
            tenant: added.tenant,
            database: added.database,
            vshard: added.vshard,
            collection: collection.map(|name| {
                let tag = CollectionTag::of(&name);
                (name, tag)
            }),
        }
    }

    /// Has the reader pass over what is not wanted, segment by segment where it can. Collections are
    /// told here: a transaction's header does not say whose its operations are.
    pub(super) fn push_down(&self, mut options: ReadOptions) -> ReadOptions {
        let mut kinds: Vec<RecordKind> =
            self.kinds.iter().filter_map(|kind| kind.known()).collect();
        if kinds.iter().any(|kind| !kind.is_control()) && !kinds.contains(&RecordKind::Transaction)
        {
            kinds.push(RecordKind::Transaction);
        }
        options = options.kinds(&kinds);
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

    /// Whether the record is wanted.
    ///
    /// # Errors
    ///
    /// [`Error::UndecodableRecord`]: it may be, and its payload cannot be understood.
    pub(super) fn wants(&self, record: &RecordView<'_>) -> Result<bool> {
        let header = &record.header;
        let scope = &header.scope;
        let is_in_scope = self.tenant.is_none_or(|tenant| tenant == scope.tenant)
            && self
                .database
                .is_none_or(|database| database == scope.database)
            && self.vshard.is_none_or(|vshard| vshard == scope.vshard);
        if !is_in_scope {
            return Ok(false);
        }
        if self.kinds.is_empty() && is_bookkeeping(header.kind) {
            return Ok(false);
        }
        let is_of_kind = self.admits(header.kind);
        let is_transaction = header.kind == RecordKind::Transaction.code();
        if is_transaction && !header.is_opaque() && !(is_of_kind && self.collection.is_none()) {
            return self.wants_transaction(record, is_of_kind);
        }
        match &self.collection {
            None => Ok(is_of_kind),
            Some((name, tag)) if is_of_kind && *tag == header.collection => names(record, name),
            Some(_) => Ok(false),
        }
    }

    fn admits(&self, kind: KindCode) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    fn wants_transaction(&self, record: &RecordView<'_>, is_of_kind: bool) -> Result<bool> {
        let undecodable = |source| Error::UndecodableRecord {
            lsn: record.header.lsn,
            source,
        };
        let transaction = Transaction::decode(record.payload).map_err(undecodable)?;
        let name = self.collection.as_ref().map(|(name, _)| name.as_str());
        Ok(transaction.operations.iter().any(|operation| {
            let is_named = name.is_none() || operation.collection.as_deref() == name;
            is_named && (is_of_kind || self.admits(operation.kind))
        }))
    }
}

/// Whether the payload names this collection: names can share a tag.
fn names(record: &RecordView<'_>, collection: &str) -> Result<bool> {
    let header = &record.header;
    let (Some(kind), false) = (header.kind.known(), header.is_opaque()) else {
        return Ok(false);
    };
    let named = collection_of(kind, record.payload).map_err(|source| Error::UndecodableRecord {
        lsn: header.lsn,
        source,
    })?;
    Ok(named.as_deref() == Some(collection))
}
