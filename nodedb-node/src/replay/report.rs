//! What a replay did: an account of every record of the log.

use std::collections::BTreeMap;
use std::time::Duration;

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{KindCode, LsnRange};

use super::Skipped;
use super::filters::{Decision, SkipReason};

/// The records of one kind among those the reader delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindTally {
    /// Given to the sink.
    pub applied: u64,
    /// Withheld by a filter.
    pub skipped: u64,
    /// Payload bytes of those given to the sink.
    pub applied_bytes: u64,
}

/// The operations of the transactions that were looked into.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OperationTally {
    /// Given to the sink, in their transactions.
    pub applied: u64,
    /// Withheld, each for its own reason.
    pub skipped: Skipped,
}

/// What a replay did. `applied + skipped.total()` is the number of records in `range`.
///
/// A transaction is one record. It counts as applied when any of its operations was given to the
/// sink, and as skipped, for the reason its first operation was withheld, when none was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayReport {
    /// The records the log held when the replay began; nothing for an empty log.
    pub range: Option<LsnRange>,
    /// Records given to the sink.
    pub applied: u64,
    /// Their payload bytes.
    pub applied_bytes: u64,
    /// The first and last record given to the sink.
    pub applied_range: Option<LsnRange>,
    /// Records not given to the sink.
    pub skipped: Skipped,
    /// What came of the operations of transactions.
    pub operations: OperationTally,
    /// Kinds of the records that were looked at.
    pub kinds: BTreeMap<KindCode, KindTally>,
    /// Dropped collections that were taken into account.
    pub tombstones: u64,
    /// Bytes read from the log's files to find out what control records have said; 0 when the
    /// catalog knew.
    pub known_bytes_read: u64,
    /// Bytes read from the log's files, those included.
    pub bytes_read: u64,
    /// Segments of which something was read while delivering records.
    pub segments_read: u64,
    /// Segments that were passed over by their footers while delivering records.
    pub segments_skipped: u64,
    /// The most bytes that ever waited for workers.
    pub queued_bytes_max: u64,
    /// How long it took.
    pub duration: Duration,
}

impl ReplayReport {
    /// Records accounted for.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.applied + self.skipped.total()
    }

    pub(super) fn count(&mut self, header: &RecordHeader, decision: Decision) {
        let tally = self.kinds.entry(header.kind).or_default();
        let bytes = u64::from(header.payload_len);
        match decision {
            Decision::Apply => {
                tally.applied += 1;
                tally.applied_bytes += bytes;
                self.applied += 1;
                self.applied_bytes += bytes;
                let first = self.applied_range.map_or(header.lsn, |range| range.first);
                self.applied_range = Some(LsnRange {
                    first,
                    last: header.lsn,
                });
            }
            Decision::Skip(reason) => {
                tally.skipped += 1;
                self.skipped.count(reason);
            }
        }
    }

    pub(super) fn count_operations(&mut self, applied: usize, withheld: &[SkipReason]) {
        self.operations.applied += applied as u64;
        for reason in withheld {
            self.operations.skipped.count(*reason);
        }
    }
}

#[cfg(test)]
mod tests {
    use nodedb_wal::types::{CollectionTag, Epoch, Lsn, RecordFlags, RecordKind, Scope, Timestamp};

    use super::*;

    #[test]
    fn every_record_is_counted_once() {
        let mut report = ReplayReport::default();
        let decisions = [
            Decision::Apply,
            Decision::Skip(SkipReason::Epoch),
            Decision::Skip(SkipReason::Tombstone),
            Decision::Skip(SkipReason::OutsidePlan),
            Decision::Apply,
        ];
        for (number, decision) in (1..).zip(decisions) {
            let header = RecordHeader {
                payload_crc: 0,
                payload_len: 10,
                kind: RecordKind::Put.code(),
                flags: RecordFlags::NONE,
                lsn: Lsn::new(number),
                scope: Scope::default(),
                collection: CollectionTag::NONE,
                epoch: Epoch::NONE,
                timestamp: Timestamp::from_nanos(0),
            };
            report.count(&header, decision);
        }
        assert_eq!(
            (report.seen(), report.applied, report.skipped.total()),
            (5, 2, 3)
        );
        assert_eq!(report.applied_bytes, 20);
        let expected = LsnRange {
            first: Lsn::new(1),
            last: Lsn::new(5),
        };
        assert_eq!(report.applied_range, Some(expected));
        let tally = report.kinds[&RecordKind::Put.code()];
        assert_eq!(
            (tally.applied, tally.skipped, tally.applied_bytes),
            (2, 3, 20)
        );
    }
}
