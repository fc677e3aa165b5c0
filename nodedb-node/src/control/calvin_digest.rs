//! What Calvin transactions wrote, in numbers that two replicas can compare: FNV-1a digests of 64 bits
//! (Fowler, Noll, Vo), which tell what differs by mistake, not what somebody forged.

use nodedb_wal::payload::CalvinApplied;
use nodedb_wal::types::Record;

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// The records of one transaction on one vshard, digested one after the other.
///
/// Of each record the digest covers, as little-endian numbers, its kind, tenant, database and vshard,
/// whether its payload is raw, the payload's length, and the payload. It does not cover where
/// and when a replica stored it: LSN, time, log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransactionDigest(u64);

impl Default for TransactionDigest {
    fn default() -> Self {
        Self(OFFSET_BASIS)
    }
}

impl TransactionDigest {
    /// Takes the next record in.
    pub fn add(&mut self, record: &Record<'_>) {
        let scope = record.scope;
        for part in [
            &record.kind.code().bits().to_le_bytes()[..],
            &scope.tenant.value().to_le_bytes(),
            &scope.database.value().to_le_bytes(),
            &scope.vshard.value().to_le_bytes(),
            &[u8::from(record.opaque)],
            &(record.payload.len() as u64).to_le_bytes(),
            record.payload,
        ] {
            self.0 = fnv(self.0, part);
        }
    }

    /// The digest of the records so far.
    #[must_use]
    pub const fn value(self) -> u64 {
        self.0
    }
}

/// What was applied in one epoch on one vshard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochTally {
    /// How many transactions.
    pub transactions: u64,
    /// How many records they have, their marks not counted.
    pub records: u64,
    /// A digest over the transactions in the order in which they were applied: for each, as
    /// little-endian numbers, its position, how many records it has, and their digest.
    pub digest: u64,
}

impl Default for EpochTally {
    fn default() -> Self {
        Self {
            transactions: 0,
            records: 0,
            digest: OFFSET_BASIS,
        }
    }
}

impl EpochTally {
    /// Takes in the transaction that was applied next.
    pub fn add(&mut self, applied: &CalvinApplied) {
        self.transactions += 1;
        self.records = self.records.saturating_add(u64::from(applied.records));
        for part in [
            &applied.position.to_le_bytes()[..],
            &applied.records.to_le_bytes(),
            &applied.digest.to_le_bytes(),
        ] {
            self.digest = fnv(self.digest, part);
        }
    }
}

fn fnv(digest: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(digest, |digest, byte| {
        (digest ^ u64::from(*byte)).wrapping_mul(PRIME)
    })
}

#[cfg(test)]
mod tests {
    use nodedb_wal::types::{CollectionTag, DatabaseId, RecordKind, Scope, TenantId, VshardId};

    use super::*;

    #[test]
    fn the_function_is_the_published_one() {
        assert_eq!(fnv(OFFSET_BASIS, b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(OFFSET_BASIS, b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv(OFFSET_BASIS, b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn everything_a_record_says_and_the_order_count() {
        let typed = |kind, scope, payload| Record::typed(kind, scope, CollectionTag::NONE, payload);
        let scope = |t, d, v| Scope::new(TenantId::new(t), DatabaseId::new(d), VshardId::new(v));
        let records = [
            typed(RecordKind::Put, scope(1, 1, 1), &b"ab"[..]),
            typed(RecordKind::Put, scope(1, 1, 1), &b"ac"[..]),
            typed(RecordKind::Delete, scope(1, 1, 1), &b"ab"[..]),
            typed(RecordKind::Put, scope(2, 1, 1), &b"ab"[..]),
            typed(RecordKind::Put, scope(1, 2, 1), &b"ab"[..]),
            typed(RecordKind::Put, scope(1, 1, 2), &b"ab"[..]),
            Record::raw(RecordKind::Put, scope(1, 1, 1), b"ab"),
            typed(RecordKind::Put, scope(1, 1, 1), &b"a"[..]),
        ];
        let of = |records: &[&Record<'_>]| {
            let mut digest = TransactionDigest::default();
            records.iter().for_each(|record| digest.add(record));
            digest.value()
        };
        let mut seen: Vec<u64> = records.iter().map(|record| of(&[record])).collect();
        for (index, record) in records.iter().enumerate().skip(1) {
            seen.extend([of(&[&records[0], record]), of(&[record, &records[0]])]);
            assert_ne!(of(&[&records[0]]), of(&[record]), "{index}");
        }
        let count = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), count);
    }
}
