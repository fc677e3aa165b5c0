//! How much each tenant has written, and how much of that the log still holds: sums over what the
//! footers of segments say, and what those said that are gone.

use std::collections::BTreeMap;

use nodedb_wal::types::{DatabaseId, Lsn, TenantId};
use nodedb_wal::{ScopeUsage, SegmentInfo};

use super::limiter::cost_bytes;

/// So many records, and the bytes of their payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Records.
    pub records: u64,
    /// Bytes of their payloads.
    pub payload_bytes: u64,
}

impl Amount {
    /// Bytes with the records' headers: what budgets count.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.payload_bytes + cost_bytes(0) * self.records
    }

    /// Adds another amount.
    pub fn add(&mut self, other: Self) {
        self.records += other.records;
        self.payload_bytes += other.payload_bytes;
    }
}

/// What one segment holds of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentUsage {
    /// Its first record.
    pub first_lsn: Lsn,
    /// Of each tenant's databases.
    pub scopes: Vec<ScopeUsage>,
    /// Of those the segment's footer does not name, because there are too many.
    pub others: Amount,
}

impl From<SegmentInfo> for SegmentUsage {
    fn from(info: SegmentInfo) -> Self {
        let (records, payload_bytes) = info.other_usage;
        Self {
            first_lsn: info.first_lsn,
            scopes: info.usages,
            others: Amount {
                records,
                payload_bytes,
            },
        }
    }
}

/// What segments held that are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Every record before is counted here, whether or not its segment is gone by now.
    pub before: Lsn,
    /// Of each tenant's databases.
    pub scopes: BTreeMap<(TenantId, DatabaseId), Amount>,
    /// Of those that footers did not name.
    pub others: Amount,
    /// Records of which nobody knows whose they were: their segments went without being counted.
    pub unknown_records: u64,
}

impl Default for Gone {
    fn default() -> Self {
        Self {
            before: Lsn::FIRST,
            scopes: BTreeMap::new(),
            others: Amount::default(),
            unknown_records: 0,
        }
    }
}

impl Gone {
    /// Counts the segments that are about to go, so that every record before `before` is counted
    /// once, however often this is done. `segments` are in order and hold all there is before
    /// `before`.
    pub fn count(&mut self, segments: &[SegmentUsage], before: Lsn) {
        if before <= self.before {
            return;
        }
        let new = segments
            .iter()
            .filter(|segment| (self.before..before).contains(&segment.first_lsn));
        let mut counted_to = self.before;
        for (at, segment) in new.enumerate() {
            if at == 0 {
                let missing = segment.first_lsn.value() - self.before.value();
                self.unknown_records += missing;
            }
            for scope in &segment.scopes {
                let key = (scope.tenant, scope.database);
                self.scopes
                    .entry(key)
                    .or_default()
                    .add(Amount::from(*scope));
            }
            self.others.add(segment.others);
            counted_to = before;
        }
        self.before = counted_to.max(self.before);
    }
}

impl From<ScopeUsage> for Amount {
    fn from(scope: ScopeUsage) -> Self {
        Self {
            records: scope.records,
            payload_bytes: scope.payload_bytes,
        }
    }
}

/// What one database of a tenant uses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantUsage {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// What was written since the log was made.
    pub written: Amount,
    /// What of that the log's segments still hold.
    pub retained: Amount,
}

/// What everybody uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UsageReport {
    /// In order of tenant and database.
    pub scopes: Vec<TenantUsage>,
    /// Written, and still there, of those that are beyond the first 1,024 of a segment.
    pub others: (Amount, Amount),
    /// Records of which nobody knows whose they were, because segments were dropped past the node.
    pub unknown_records: u64,
}

/// Sums up what everybody uses, when `segments` are those of a log that starts at `start`.
#[must_use]
pub fn usage<'s>(
    gone: &Gone,
    start: Lsn,
    segments: impl IntoIterator<Item = &'s SegmentUsage>,
) -> UsageReport {
    let mut scopes: BTreeMap<(TenantId, DatabaseId), TenantUsage> = BTreeMap::new();
    for (&key, &written) in &gone.scopes {
        scopes.entry(key).or_default().written = written;
    }
    let mut others = (gone.others, Amount::default());
    for segment in segments {
        let is_new = segment.first_lsn >= gone.before;
        for scope in &segment.scopes {
            let row = scopes.entry((scope.tenant, scope.database)).or_default();
            row.retained.add(Amount::from(*scope));
            if is_new {
                row.written.add(Amount::from(*scope));
            }
        }
        others.1.add(segment.others);
        if is_new {
            others.0.add(segment.others);
        }
    }
    let missing = start.value().saturating_sub(gone.before.value());
    UsageReport {
        scopes: scopes
            .into_iter()
            .map(|((tenant, database), row)| TenantUsage {
                tenant,
                database,
                ..row
            })
            .collect(),
        others,
        unknown_records: gone.unknown_records + missing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: TenantId = TenantId::new(7);

    /// A segment with ten records of database 1, and one for each ten of database 2.
    fn segment(first: u64) -> SegmentUsage {
        let scope = |database, records| ScopeUsage {
            tenant: TENANT,
            database: DatabaseId::new(database),
            records,
            payload_bytes: 100 * records,
        };
        SegmentUsage {
            first_lsn: Lsn::new(first),
            scopes: vec![scope(1, 9), scope(2, 1)],
            others: Amount::default(),
        }
    }

    fn written(report: &UsageReport) -> Vec<(u64, u64)> {
        let rows = report.scopes.iter();
        rows.map(|row| (row.written.records, row.retained.records))
            .collect()
    }

    #[test]
    fn what_was_written_stays_counted_when_it_goes_and_is_counted_once() {
        let segments: Vec<_> = [1, 11, 21].map(segment).into();
        let mut gone = Gone::default();
        let report = usage(&gone, Lsn::new(1), &segments);
        assert_eq!(written(&report), [(27, 27), (3, 3)]);
        assert_eq!(report.scopes[0].written.bytes(), 27 * 164);
        // Counted, and a crash before the segments went; and once more.
        gone.count(&segments, Lsn::new(21));
        assert_eq!(usage(&gone, Lsn::new(1), &segments), report);
        gone.count(&segments, Lsn::new(21));
        let left = usage(&gone, Lsn::new(21), &segments[2..]);
        assert_eq!(written(&left), [(27, 9), (3, 1)]);
        assert_eq!(left.unknown_records, 0);
    }

    #[test]
    fn segments_that_went_uncounted_are_told() {
        let segments: Vec<_> = [21, 31].map(segment).into();
        let mut gone = Gone::default();
        assert_eq!(usage(&gone, Lsn::new(21), &segments).unknown_records, 20);
        gone.count(&segments, Lsn::new(31));
        let report = usage(&gone, Lsn::new(31), &segments[1..]);
        assert_eq!(report.unknown_records, 20);
        assert_eq!(written(&report), [(18, 9), (2, 1)]);
    }
}
