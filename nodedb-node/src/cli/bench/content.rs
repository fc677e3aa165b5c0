//! What is written: random bytes, so that nothing on the way can make them shorter.

use nodedb_wal::types::{DatabaseId, Record, RecordKind, Scope, TenantId, VshardId};

/// The tenant of one record in a hundred.
pub(super) const RARE: TenantId = TenantId::new(2);
const COMMON: TenantId = TenantId::new(1);

/// Where payloads may start; payloads reach up to [`PAYLOAD_BYTES_MAX`] behind it.
const STARTS: usize = 1 << 20;
const STEP_BYTES: usize = 64;
const PAYLOAD_BYTES_MAX: usize = 64 << 10;

/// Random bytes that payloads are slices of: to get one costs nothing beside appending it.
#[derive(Clone, Debug)]
pub(super) struct Content {
    bytes: Vec<u8>,
}

impl Content {
    pub(super) fn new(seed: u64) -> Self {
        let mut bytes = vec![0; STARTS + PAYLOAD_BYTES_MAX];
        fastrand::Rng::with_seed(seed).fill(&mut bytes);
        Self { bytes }
    }

    /// Record `number`, of `len` bytes; one in a hundred is of the tenant [`RARE`].
    pub(super) fn record(&self, number: usize, len: usize) -> Record<'_> {
        let start = (number * STEP_BYTES) % STARTS;
        let payload = &self.bytes[start..start + len];
        let tenant = if number.is_multiple_of(100) {
            RARE
        } else {
            COMMON
        };
        let scope = Scope::new(tenant, DatabaseId::new(1), VshardId::new(1));
        Record::raw(RecordKind::Put, scope, payload)
    }

    /// Fills whole blocks to be written as they are.
    pub(super) fn fill(&self, blocks: &mut [u8]) {
        for part in blocks.chunks_mut(STARTS) {
            part.copy_from_slice(&self.bytes[..part.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_record_in_a_hundred_is_rare_and_all_have_their_length() {
        let content = Content::new(1);
        for len in [64, 256, 4 << 10, 64 << 10] {
            let records: Vec<_> = (0..20_000).map(|n| content.record(n, len)).collect();
            assert!(records.iter().all(|record| record.payload.len() == len));
            let rare = records.iter().filter(|record| record.scope.tenant == RARE);
            assert_eq!(rare.count(), 200);
        }
    }

    #[test]
    fn blocks_longer_than_the_content_are_filled_to_their_end() {
        let mut blocks = vec![0; STARTS + 4096];
        Content::new(1).fill(&mut blocks);
        assert!(blocks[STARTS..].iter().any(|byte| *byte != 0));
    }
}
