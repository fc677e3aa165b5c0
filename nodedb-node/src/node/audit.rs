//! The audit trail of a node: listed, sealed and checked.

use nodedb_wal::payload::{AnyPayload, AuditSeal};
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, VshardId};

use super::Node;
use crate::audit::{AuditFilter, AuditReport, AuditTrail, Purges, purges, verify};
use crate::control::AuditLink;
use crate::error::Result;

/// The trail as it was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditSealed {
    /// The seal's record.
    pub lsn: Lsn,
    /// The last entry it covers.
    pub through: Lsn,
    /// The trail's end there.
    pub end: AuditLink,
}

impl Node {
    /// The entries of the audit trail behind `after` that `filter` wants, up to the last durable
    /// record: [`Lsn::ZERO`] is the beginning.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`].
    pub fn audit(&self, filter: AuditFilter, after: Lsn) -> Result<AuditTrail<'_>> {
        self.fold()?;
        AuditTrail::open(Some(self.catalog()), self.wal(), filter, after)
    }

    /// The purges behind `after` that `filter` wants, at most `limit`, and the LSN to ask with next
    /// time.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`] and [`AuditTrail::next`].
    pub fn purges(&self, filter: AuditFilter, after: Lsn, limit: usize) -> Result<Purges> {
        self.fold()?;
        purges(Some(self.catalog()), self.wal(), filter, after, limit)
    }

    /// Puts the end of the audit trail on record, durable when this returns: who changes an entry
    /// from then on has to change the catalog, this record, and every segment behind it. Nothing is
    /// written when nothing was entered since the last seal but the seal itself.
    ///
    /// [`close`](Self::close) and [`truncate_to_holds`](Self::truncate_to_holds) do this, and
    /// [`tend`](Self::tend) does when many entries came:
    /// [`NodeConfig::seal_audit_every`](crate::NodeConfig::seal_audit_every).
    ///
    /// # Errors
    ///
    /// As [`Self::fold`] and [`WalManager::append`](crate::WalManager::append).
    pub fn seal_audit(&self) -> Result<Option<AuditSealed>> {
        self.fold()?;
        let Some((through, end)) = self.catalog().audit_end()? else {
            return Ok(None);
        };
        // The last seal is an entry itself.
        let vouched_for = self
            .sealed_entries()?
            .map(|sealed| sealed.saturating_add(1));
        if vouched_for.is_some_and(|vouched_for| end.number <= vouched_for) {
            return Ok(None);
        }
        let seal = AuditSeal {
            through,
            entries: end.number,
            digest: end.digest.as_bytes().to_vec(),
        };
        let (tenant, vshard, database) = (TenantId::new(0), VshardId::new(0), DatabaseId::new(0));
        let lsn = self
            .wal()
            .append_audit_seal(tenant, vshard, database, &seal)?;
        self.wal().commit(lsn)?;
        self.fold()?;
        Ok(Some(AuditSealed { lsn, through, end }))
    }

    /// Seals the trail when as many entries as are set came since the last seal.
    pub(super) fn seal_audit_if_due(&self) -> Result<Option<AuditSealed>> {
        let Some(every) = self.audit_is_sealed_every() else {
            return Ok(None);
        };
        self.catalog().fold_for_now(self.wal())?;
        let Some((_, end)) = self.catalog().audit_end()? else {
            return Ok(None);
        };
        let sealed = self.sealed_entries()?.unwrap_or(0);
        if end.number.saturating_sub(sealed) < every {
            return Ok(None);
        }
        self.seal_audit()
    }

    /// How many entries the last seal covers.
    fn sealed_entries(&self) -> Result<Option<u64>> {
        let row = self.catalog().last_audit_row_of(RecordKind::AuditSeal)?;
        let Some(row) = row else { return Ok(None) };
        let entry = row
            .entry()
            .ok_or_else(|| self.catalog().unreadable(row.lsn))?;
        Ok(match entry.record.payload {
            AnyPayload::AuditSeal(seal) => Some(seal.entries),
            _ => None,
        })
    }

    /// Checks the audit trail: the catalog's against its chain, the log's and its seals.
    ///
    /// # Errors
    ///
    /// As [`Self::fold`] and [`verify`].
    pub fn verify_audit(&self) -> Result<AuditReport> {
        self.fold()?;
        verify(self.wal().log_id(), Some(self.catalog()), self.wal())
    }
}
