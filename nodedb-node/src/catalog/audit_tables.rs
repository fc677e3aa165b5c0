//! The audit trail in the catalog: every control record there ever was, by LSN, each with its place
//! in the chain; and the LSNs of each kind. Rows are added and never changed: they outlive the
//! segments they came from.

use std::ops::Bound;

use nodedb_wal::types::{Lsn, RecordKind, Timestamp};
use redb::{
    ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata as _, Table,
    TableDefinition, WriteTransaction,
};

use super::store::Catalog;
use crate::control::{
    AuditChain, AuditDigest, AuditEntry, AuditLink, ControlRecord, audit_entry_record,
    write_audit_entry,
};
use crate::error::{Error, Result};

const TRAIL: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("_system.audit");
const KINDS: TableDefinition<'_, (u16, u64), ()> = TableDefinition::new("_system.audit_kinds");

/// In front of an entry's bytes in its row: its number and the chain's digest.
const LINK_BYTES: usize = 8 + 32;

/// A row of the trail, as it is in the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// The LSN it is filed under.
    pub lsn: Lsn,
    stored: Vec<u8>,
}

impl AuditRow {
    /// What the row says of the entry's place in the chain; nothing when it is too short to.
    #[must_use]
    pub fn link(&self) -> Option<AuditLink> {
        link_in(&self.stored)
    }

    /// The entry's bytes, which the chain is made of.
    #[must_use]
    pub fn entry_bytes(&self) -> &[u8] {
        self.stored.get(LINK_BYTES..).unwrap_or_default()
    }

    /// The entry; nothing when the row is none, or not that of its LSN.
    #[must_use]
    pub fn entry(&self) -> Option<AuditEntry> {
        let record = audit_entry_record(self.entry_bytes()).ok().flatten()?;
        let link = Some(self.link()?);
        (record.header.lsn == self.lsn).then_some(AuditEntry { record, link })
    }
}

pub(super) struct AuditTables<'t> {
    trail: Table<'t, u64, &'static [u8]>,
    kinds: Table<'t, (u16, u64), ()>,
    chain: AuditChain,
    /// The row that is being made.
    row: Vec<u8>,
}

pub(super) fn make(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(TRAIL)?;
    transaction.open_table(KINDS)?;
    Ok(())
}

/// The tables, whose chain goes on where it ends; `start` is where a chain without an entry does.
pub(super) fn open(
    transaction: &WriteTransaction,
    start: AuditChain,
) -> Result<AuditTables<'_>, redb::Error> {
    let trail = transaction.open_table(TRAIL)?;
    let chain = end_of(&trail)?.map_or(start, |(_, chain)| chain);
    Ok(AuditTables {
        trail,
        kinds: transaction.open_table(KINDS)?,
        chain,
        row: Vec::new(),
    })
}

impl AuditTables<'_> {
    /// Adds a control record to the trail.
    pub(super) fn save(&mut self, record: &ControlRecord) -> Result<(), redb::Error> {
        let lsn = record.header.lsn.value();
        self.row.clear();
        self.row.resize(LINK_BYTES, 0);
        write_audit_entry(&record.header, &record.stored, &mut self.row);
        let (link_bytes, entry) = self.row.split_at_mut(LINK_BYTES);
        let link = self.chain.add(AuditDigest::of_entry(entry));
        link_bytes[..8].copy_from_slice(&link.number.to_le_bytes());
        link_bytes[8..].copy_from_slice(link.digest.as_bytes());
        self.trail.insert(lsn, self.row.as_slice())?;
        self.kinds.insert((record.header.kind.bits(), lsn), ())?;
        Ok(())
    }
}

impl Catalog {
    /// Rows of the trail in order, at most `limit`: those behind `after`, up to `until`.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn audit_rows(&self, after: Lsn, until: Lsn, limit: usize) -> Result<Vec<AuditRow>> {
        self.read(
            "read the audit trail in",
            |transaction: &ReadTransaction| {
                let rows = transaction.open_table(TRAIL)?;
                let rows = rows.range(behind(after.value(), until.value()))?;
                let rows = rows.take(limit).map(|row| {
                    let (lsn, stored) = row?;
                    Ok(AuditRow {
                        lsn: Lsn::new(lsn.value()),
                        stored: stored.value().to_vec(),
                    })
                });
                rows.collect()
            },
        )
    }

    /// The same for the rows of one kind, without a look at the others.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn audit_rows_of(
        &self,
        kind: RecordKind,
        after: Lsn,
        until: Lsn,
        limit: usize,
    ) -> Result<Vec<AuditRow>> {
        let code = kind.code().bits();
        self.read(
            "read the audit trail in",
            |transaction: &ReadTransaction| {
                let (kinds, trail) = open_to_read(transaction)?;
                let lsns = kinds.range(behind((code, after.value()), (code, until.value())))?;
                let mut rows = Vec::new();
                for lsn in lsns.take(limit) {
                    let (_, lsn) = lsn?.0.value();
                    // One that was taken away is for the chain to find.
                    if let Some(stored) = trail.get(lsn)? {
                        let stored = stored.value().to_vec();
                        let lsn = Lsn::new(lsn);
                        rows.push(AuditRow { lsn, stored });
                    }
                }
                Ok(rows)
            },
        )
    }

    /// The last row of a kind.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn last_audit_row_of(&self, kind: RecordKind) -> Result<Option<AuditRow>> {
        let code = kind.code().bits();
        self.read(
            "read the audit trail in",
            |transaction: &ReadTransaction| {
                let (kinds, trail) = open_to_read(transaction)?;
                let Some(last) = kinds.range((code, 0)..=(code, u64::MAX))?.next_back() else {
                    return Ok(None);
                };
                let (_, lsn) = last?.0.value();
                Ok(trail.get(lsn)?.map(|stored| AuditRow {
                    lsn: Lsn::new(lsn),
                    stored: stored.value().to_vec(),
                }))
            },
        )
    }

    /// The last row in front of `lsn`.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn last_audit_row_before(&self, lsn: Lsn) -> Result<Option<AuditRow>> {
        self.read(
            "read the audit trail in",
            |transaction: &ReadTransaction| {
                let trail = transaction.open_table(TRAIL)?;
                let row = trail.range(..lsn.value())?.next_back().transpose()?;
                Ok(row.map(|(lsn, stored)| AuditRow {
                    lsn: Lsn::new(lsn.value()),
                    stored: stored.value().to_vec(),
                }))
            },
        )
    }

    /// The last entry, and where the chain ends with it; nothing while the trail has none.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn audit_end(&self) -> Result<Option<(Lsn, AuditLink)>> {
        self.read(
            "read the audit trail in",
            |transaction: &ReadTransaction| {
                let trail = transaction.open_table(TRAIL)?;
                Ok(end_of(&trail)?.map(|(lsn, chain)| (lsn, chain.end())))
            },
        )
    }

    /// How many entries the trail has.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn audit_len(&self) -> Result<u64> {
        self.read(
            "read the audit trail in",
            |transaction: &ReadTransaction| Ok(transaction.open_table(TRAIL)?.len()?),
        )
    }

    /// The last entry that was written before `time`, and the first one that was not: a record of
    /// that time lies between them, also when it is gone from the log.
    ///
    /// # Errors
    ///
    /// The catalog could not be read. [`Error::AuditUnreadable`].
    pub fn audit_rows_around(&self, time: Timestamp) -> Result<(Option<Lsn>, Option<Lsn>)> {
        let (mut before, mut from) = (Lsn::ZERO, self.applied().next());
        // Between the two, which close in: the last that was before, the first that was not.
        let (mut last_before, mut first_not_before) = (None, None);
        while before.next() < from {
            let middle = before.value() + (from.value() - before.value()) / 2;
            let after = Lsn::new(middle).previous();
            let Some(row) = self
                .audit_rows(after, from.previous(), 1)?
                .into_iter()
                .next()
            else {
                from = Lsn::new(middle);
                continue;
            };
            let entry = row.entry().ok_or_else(|| self.unreadable(row.lsn))?;
            if entry.record.header.timestamp < time {
                last_before = Some(row.lsn);
                before = row.lsn;
            } else {
                first_not_before = Some(row.lsn);
                from = Lsn::new(middle);
            }
        }
        Ok((last_before, first_not_before))
    }

    /// What is said of a row that is no entry.
    #[must_use]
    pub fn unreadable(&self, lsn: Lsn) -> Error {
        let path = self.path().to_path_buf();
        Error::AuditUnreadable { path, lsn }
    }
}

type Opened = (
    ReadOnlyTable<(u16, u64), ()>,
    ReadOnlyTable<u64, &'static [u8]>,
);

/// The LSNs of each kind, and the trail.
fn open_to_read(transaction: &ReadTransaction) -> Result<Opened, redb::Error> {
    Ok((
        transaction.open_table(KINDS)?,
        transaction.open_table(TRAIL)?,
    ))
}

fn behind<K>(after: K, until: K) -> (Bound<K>, Bound<K>) {
    (Bound::Excluded(after), Bound::Included(until))
}

/// Where the chain in the table ends. A last row that is no entry is for `audit verify` to find;
/// until then the chain goes on from nothing, which fits nothing.
fn end_of(
    trail: &impl ReadableTable<u64, &'static [u8]>,
) -> Result<Option<(Lsn, AuditChain)>, redb::Error> {
    let Some((lsn, stored)) = trail.last()? else {
        return Ok(None);
    };
    let end = link_in(stored.value()).unwrap_or(AuditLink {
        number: 0,
        digest: AuditDigest::default(),
    });
    Ok(Some((Lsn::new(lsn.value()), AuditChain::ending_in(end))))
}

fn link_in(stored: &[u8]) -> Option<AuditLink> {
    let (number, rest) = stored.split_first_chunk()?;
    let digest = AuditDigest::from_stored(rest.get(..LINK_BYTES - 8)?)?;
    Some(AuditLink {
        number: u64::from_le_bytes(*number),
        digest,
    })
}

/// What somebody could do to the table behind the catalog's back.
#[cfg(test)]
impl Catalog {
    /// Puts these bytes in place of a row, or takes it away.
    pub(crate) fn tamper_with_audit(&self, lsn: Lsn, stored: Option<&[u8]>) {
        self.write("tamper with", |transaction| {
            let mut trail = transaction.open_table(TRAIL)?;
            match stored {
                Some(stored) => trail.insert(lsn.value(), stored)?.map(drop),
                None => trail.remove(lsn.value())?.map(drop),
            };
            Ok(())
        })
        .unwrap();
    }
}

#[cfg(test)]
impl AuditRow {
    /// The row as it is in the table.
    pub(crate) fn stored(&self) -> &[u8] {
        &self.stored
    }

    /// The row of an entry with this link.
    pub(crate) fn made_of(link: AuditLink, entry: &[u8]) -> Vec<u8> {
        [
            &link.number.to_le_bytes(),
            link.digest.as_bytes().as_slice(),
            entry,
        ]
        .concat()
    }
}
