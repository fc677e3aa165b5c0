//! A record as the caller hands it over.

use super::{CollectionTag, Epoch, RecordKind, Scope};

/// A record to be appended. The log adds the LSN, the timestamp and the checksums.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// What the record says.
    pub kind: RecordKind,
    /// Whose it is.
    pub scope: Scope,
    /// The tag of the collection the payload names, or [`CollectionTag::NONE`].
    pub collection: CollectionTag,
    /// The epoch it was written in, or [`Epoch::NONE`].
    pub epoch: Epoch,
    /// The payload's bytes; they may be empty.
    pub payload: &'a [u8],
    /// Whether the payload is raw bytes of the caller, not one of the typed payloads.
    pub opaque: bool,
}

impl<'a> Record<'a> {
    /// A record of raw bytes, outside every collection and epoch.
    #[must_use]
    pub const fn raw(kind: RecordKind, scope: Scope, payload: &'a [u8]) -> Self {
        Self {
            kind,
            scope,
            collection: CollectionTag::NONE,
            epoch: Epoch::NONE,
            payload,
            opaque: true,
        }
    }

    /// A record whose payload is one of the typed payloads, already encoded.
    #[must_use]
    pub const fn typed(
        kind: RecordKind,
        scope: Scope,
        collection: CollectionTag,
        payload: &'a [u8],
    ) -> Self {
        Self {
            kind,
            scope,
            collection,
            epoch: Epoch::NONE,
            payload,
            opaque: false,
        }
    }

    /// The same record, written in `epoch`.
    #[must_use]
    pub const fn in_epoch(mut self, epoch: Epoch) -> Self {
        self.epoch = epoch;
        self
    }

    /// The record without its payload's bytes.
    #[must_use]
    pub const fn envelope(&self) -> Envelope {
        Envelope {
            kind: self.kind,
            scope: self.scope,
            collection: self.collection,
            epoch: self.epoch,
            payload_len: self.payload.len(),
            opaque: self.opaque,
        }
    }
}

/// All of a record but its payload's bytes, for a payload that is encoded straight into the log's
/// buffer: see [`Log::append_with`](crate::Log::append_with).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the record says.
    pub kind: RecordKind,
    /// Whose it is.
    pub scope: Scope,
    /// The tag of the collection the payload names, or [`CollectionTag::NONE`].
    pub collection: CollectionTag,
    /// The epoch it was written in, or [`Epoch::NONE`].
    pub epoch: Epoch,
    /// How many bytes the payload has; they may be none.
    pub payload_len: usize,
    /// Whether the payload is raw bytes of the caller, not one of the typed payloads.
    pub opaque: bool,
}

impl Envelope {
    /// That of a record of raw bytes, outside every collection and epoch.
    #[must_use]
    pub const fn raw(kind: RecordKind, scope: Scope, payload_len: usize) -> Self {
        Self {
            kind,
            scope,
            collection: CollectionTag::NONE,
            epoch: Epoch::NONE,
            payload_len,
            opaque: true,
        }
    }
}

/// The flag bits of a record header. A bit that is not named here is an error to a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RecordFlags(u16);

impl RecordFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The record's batch goes on with the next record.
    pub const BATCH_CONTINUES: Self = Self(1);
    /// The payload is raw bytes of the caller.
    pub const OPAQUE: Self = Self(1 << 3);
    /// Every flag this version reads. Bits 1 (encrypted) and 2 (compressed) are reserved.
    pub const KNOWN: Self = Self(Self::BATCH_CONTINUES.0 | Self::OPAQUE.0);

    /// The flags as found in a header, known or not.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// The flags as they are written.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and those of `other`.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The bits this version does not know.
    #[must_use]
    pub const fn unknown(self) -> u16 {
        self.0 & !Self::KNOWN.0
    }
}
