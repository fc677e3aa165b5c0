//! Checks the trail: the chain over the catalog's entries, the entries the log still holds against
//! them, and the seals in the log against the chain. Names the first entry that is wrong.

use nodedb_wal::payload::{AnyPayload, AuditSeal};
use nodedb_wal::types::{LogId, Lsn};

use super::recent::Recent;
use super::sides::{At, Sides};
use crate::catalog::{AuditRow, Catalog};
use crate::control::{AuditChain, AuditDigest, AuditLink, ControlRecord, audit_entry_record};
use crate::error::Result;
use crate::replay::ReplaySource;

/// Which of the two holds what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditPlace {
    /// The catalog.
    Catalog,
    /// The log.
    Log,
}

/// What is wrong with an entry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditFault {
    /// It is no entry.
    #[error("it cannot be read")]
    Unreadable,
    /// The chain does not fit it.
    #[error("it is not what was entered")]
    Changed,
    /// Its number is not the one that comes next: one in front was removed, or put in.
    #[error(
        "it has number {found} where {expected} comes next: entries in front were removed or put in"
    )]
    Renumbered {
        /// The number that comes next.
        expected: u64,
        /// The number it has.
        found: u64,
    },
    /// The catalog and the log hold different entries of one record.
    #[error("the log holds something else")]
    Differs,
    /// The log holds a record of this number which is no control record, or none.
    #[error("the log does not hold it")]
    NotInLog,
    /// The catalog should hold it.
    #[error("the catalog does not hold it")]
    NotInCatalog,
    /// A seal says something else of the trail up to a record.
    #[error("this seal does not fit the trail up to LSN {through}")]
    Seal {
        /// The record.
        through: Lsn,
    },
    /// The log cannot be read there.
    #[error("the log is damaged")]
    Damaged(#[source] nodedb_wal::Error),
}

/// An entry that is wrong.
#[derive(Debug)]
pub struct AuditFinding {
    /// The record the entry is of.
    pub lsn: Lsn,
    /// Where it was read.
    pub place: AuditPlace,
    /// What is wrong.
    pub fault: AuditFault,
}

/// What checking the trail came to.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct AuditReport {
    /// Entries that were looked at.
    pub entries: u64,
    /// Of those, entries that the catalog and the log both hold, the same in both.
    pub compared: u64,
    /// Seals that fit the trail.
    pub seals: u64,
    /// Seals that could not be checked: too much was written between what they cover and
    /// themselves, or, without a catalog, what they cover is gone.
    pub seals_unchecked: u64,
    /// Entries that no seal vouches for yet.
    pub unsealed: u64,
    /// The end of the chain; nothing when there is no entry, or none it could start from.
    pub end: Option<AuditLink>,
    /// Bytes read from the log's files.
    pub bytes_read: u64,
    /// The first entry that is wrong; what is behind it was not looked at.
    pub finding: Option<AuditFinding>,
}

/// Checks the trail of the log `log`. Without a catalog only the log's own entries and seals are
/// checked, which starts at the first seal when the log's beginning is gone.
///
/// # Errors
///
/// The catalog or the log could not be read. What is wrong with the trail is no error here but the
/// report's [finding](AuditReport::finding).
pub fn verify(
    log: LogId,
    catalog: Option<&Catalog>,
    source: &dyn ReplaySource,
) -> Result<AuditReport> {
    let knows_beginning = catalog.is_some() || source.start_lsn() == Lsn::FIRST;
    let mut check = Check {
        report: AuditReport::default(),
        chain: knows_beginning.then(|| AuditChain::of(log)),
        recent: Recent::default(),
        start: if knows_beginning {
            Lsn::FIRST
        } else {
            source.start_lsn()
        },
    };
    let mut sides = Sides::open(catalog, source)?;
    let finding = loop {
        match sides.next() {
            Ok(Some(at)) => {
                if let Err(finding) = check.take(&at) {
                    break Some(finding);
                }
            }
            Ok(None) => break None,
            Err(error) => break Some(damage(error)?),
        }
    };
    let mut report = check.report;
    report.finding = finding;
    report.bytes_read = sides.bytes_read();
    report.end = check.chain.map(|chain| chain.end());
    Ok(report)
}

/// Damage to the log's records is a finding.
fn damage(error: crate::Error) -> Result<AuditFinding> {
    match error {
        crate::Error::Log(error @ nodedb_wal::Error::Damaged { lsns, .. }) => Ok(AuditFinding {
            lsn: lsns.first,
            place: AuditPlace::Log,
            fault: AuditFault::Damaged(error),
        }),
        other => Err(other),
    }
}

struct Check {
    report: AuditReport,
    /// Nothing until a seal tells it.
    chain: Option<AuditChain>,
    recent: Recent,
    /// Of older records nothing is known.
    start: Lsn,
}

impl Check {
    fn take(&mut self, at: &At) -> Result<(), AuditFinding> {
        let place = match at.row {
            Some(_) => AuditPlace::Catalog,
            None => AuditPlace::Log,
        };
        let wrong = |fault| AuditFinding {
            lsn: at.lsn,
            place,
            fault,
        };
        let bytes = match (&at.row, &at.record) {
            (Some(row), _) => row.entry_bytes(),
            (None, Some(bytes)) => bytes.as_slice(),
            (None, None) => return Ok(()),
        };
        let record = audit_entry_record(bytes).ok().flatten();
        let record = record.filter(|record| record.header.lsn == at.lsn);
        let record = record.ok_or_else(|| wrong(AuditFault::Unreadable))?;
        let digest = AuditDigest::of_entry(bytes);
        if let Some(row) = &at.row {
            self.check_row(row, digest).map_err(wrong)?;
        }
        self.check_sides(at).map_err(wrong)?;
        if let AnyPayload::AuditSeal(seal) = &record.payload {
            self.check_seal(seal, &record).map_err(wrong)?;
        } else {
            self.report.unsealed += 1;
        }
        let link = self.chain.as_mut().map(|chain| chain.add(digest));
        self.recent.add(at.lsn, digest, link);
        self.report.entries += 1;
        Ok(())
    }

    /// Whether the row is what the chain says comes next.
    fn check_row(&self, row: &AuditRow, entry: AuditDigest) -> Result<(), AuditFault> {
        let Some(mut chain) = self.chain else {
            return Ok(());
        };
        let (found, expected) = (row.link().ok_or(AuditFault::Unreadable)?, chain.add(entry));
        if found.number != expected.number {
            let (expected, found) = (expected.number, found.number);
            return Err(AuditFault::Renumbered { expected, found });
        }
        if found.digest != expected.digest {
            return Err(AuditFault::Changed);
        }
        Ok(())
    }

    /// Whether the catalog and the log say the same, where both can.
    fn check_sides(&mut self, at: &At) -> Result<(), AuditFault> {
        match (&at.row, &at.record) {
            (Some(row), Some(bytes)) if row.entry_bytes() != bytes => Err(AuditFault::Differs),
            (Some(_), Some(_)) => {
                self.report.compared += 1;
                Ok(())
            }
            (Some(_), None) if at.is_in_log => Err(AuditFault::NotInLog),
            (None, Some(_)) if at.is_in_catalog => Err(AuditFault::NotInCatalog),
            _ => Ok(()),
        }
    }

    fn check_seal(&mut self, seal: &AuditSeal, record: &ControlRecord) -> Result<(), AuditFault> {
        let through = seal.through;
        let misfit = || AuditFault::Seal { through };
        if through >= record.header.lsn {
            return Err(misfit());
        }
        let sealed = AuditLink {
            number: seal.entries,
            digest: AuditDigest::from_stored(&seal.digest).ok_or_else(misfit)?,
        };
        if through.next() < self.start || !self.recent.reaches(through) {
            self.report.seals_unchecked += 1;
            return Ok(());
        }
        match self.chain {
            None => self.chain = Some(self.recent.chain_from(through, sealed)),
            Some(chain) => {
                if self.recent.link_at(through, &chain) != Some(sealed) {
                    return Err(misfit());
                }
            }
        }
        self.report.seals += 1;
        self.report.unsealed = self.recent.count_behind(through);
        Ok(())
    }
}
