//! The audit trail up to an LSN, in one digest.

use super::error::BrokenRule;
use super::msgpack::msgpack_payload;
use crate::types::Lsn;

/// The audit trail up to an LSN, in one digest: who changes or removes an entry before it has to
/// change this record too. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditSeal {
    /// The last record the digest covers.
    pub through: Lsn,
    /// How many entries the trail has up to there.
    pub entries: u64,
    /// The trail's digest, [`AuditSeal::DIGEST_BYTES`] long.
    pub digest: Vec<u8>,
}

msgpack_payload!(
    AuditSeal, version 1, collection none,
    [through, entries, digest],
    check check,
);

impl AuditSeal {
    /// How long a digest is.
    pub const DIGEST_BYTES: usize = 32;

    fn check(&self) -> Result<(), BrokenRule> {
        if self.digest.len() != Self::DIGEST_BYTES {
            return Err(BrokenRule {
                field: "digest",
                requirement: "must be 32 bytes",
            });
        }
        Ok(())
    }
}
