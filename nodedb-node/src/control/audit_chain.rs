//! The chain over the audit trail: each digest covers an entry and the digest before it, so that
//! nothing in front of a digest that is known can be changed, removed or put in.
//!
//! Pure, and the only user of `sha2`.

use std::fmt;

use nodedb_wal::types::LogId;
use sha2::{Digest as _, Sha256};

use super::audit_entry::AuditLink;

/// A SHA-256 digest. Its `Display` is 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuditDigest([u8; 32]);

impl AuditDigest {
    /// The digest of these bytes as it was stored; nothing when they are not 32.
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The digest of an entry by itself.
    #[must_use]
    pub fn of_entry(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for AuditDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditChain {
    end: AuditLink,
}

impl AuditChain {
    /// The chain of a log, without an entry.
    #[must_use]
    pub fn of(log: LogId) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"nodedb audit trail 1");
        hash.update(log.value().to_le_bytes());
        let digest = AuditDigest(hash.finalize().into());
        Self::ending_in(AuditLink { number: 0, digest })
    }

    /// The chain that ends with this link.
    #[must_use]
    pub const fn ending_in(end: AuditLink) -> Self {
        Self { end }
    }

    /// Its last link; of a chain without an entry, number 0.
    #[must_use]
    pub const fn end(&self) -> AuditLink {
        self.end
    }

    /// Adds an entry, by its [own digest](AuditDigest::of_entry).
    pub fn add(&mut self, entry: AuditDigest) -> AuditLink {
        let mut hash = Sha256::new();
        hash.update(self.end.digest.0);
        hash.update(entry.0);
        self.end = AuditLink {
            number: self.end.number.saturating_add(1),
            digest: AuditDigest(hash.finalize().into()),
        };
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(log: u128, entries: &[&[u8]]) -> AuditLink {
        let mut chain = AuditChain::of(LogId::new(log));
        for entry in entries {
            chain.add(AuditDigest::of_entry(entry));
        }
        chain.end()
    }

    #[test]
    fn every_change_of_the_trail_changes_its_end() {
        let whole = end(1, &[b"a", b"b", b"c"]);
        assert_eq!(whole.number, 3);
        let others: [&[&[u8]]; 6] = [
            &[b"a", b"b"],
            &[b"a", b"c", b"b"],
            &[b"a", b"x", b"c"],
            &[b"ab", b"", b"c"],
            &[b"a", b"b", b"c", b""],
            &[],
        ];
        for other in others {
            assert_ne!(end(1, other).digest, whole.digest, "{other:?}");
        }
        assert_ne!(end(2, &[b"a", b"b", b"c"]).digest, whole.digest);
        assert_eq!(end(1, &[b"a", b"b", b"c"]), whole);
    }

    /// SHA-256 of nothing, as its standard gives it.
    #[test]
    fn digests_are_told_in_hexadecimal() {
        let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(AuditDigest::of_entry(b"").to_string(), expected);
    }
}
