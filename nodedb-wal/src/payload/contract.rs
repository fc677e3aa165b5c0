//! The contract every typed payload keeps. How bytes are laid out is each format's own business.

use std::borrow::Cow;

use super::PayloadError;
use crate::types::{CollectionTag, Epoch, Record, RecordKind, Scope};

/// A typed payload of one record kind.
///
/// A database that embeds the log may implement it for its own kinds
/// ([`CustomKind`](crate::types::CustomKind)), or hand over raw bytes with [`Record::raw`] and no
/// typed payload at all.
///
/// Decoding never panics, whatever the bytes, and allocates no more than a small multiple of their
/// length.
pub trait Payload: Sized {
    /// The kind of record it is the payload of.
    const KIND: RecordKind;

    /// The collection it names, if it names one.
    fn collection(&self) -> Option<&str>;

    /// The epoch the payload itself speaks of: its record belongs to that epoch. Most payloads
    /// speak of none.
    fn epoch(&self) -> Epoch {
        Epoch::NONE
    }

    /// Appends the encoded payload to `out`.
    ///
    /// # Errors
    ///
    /// [`PayloadError::Unencodable`]: a value breaks a rule of the payload; `out` is as it was.
    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError>;

    /// The payload in `bytes`, all of which must be used.
    ///
    /// # Errors
    ///
    /// Says what was wrong and where.
    fn decode(bytes: &[u8]) -> Result<Self, PayloadError>;

    /// The collection an encoded payload names, found without decoding what follows the name.
    ///
    /// # Errors
    ///
    /// The bytes up to the name are not those of a payload of this kind. What follows the name is
    /// not looked at.
    fn collection_in(bytes: &[u8]) -> Result<Option<Cow<'_, str>>, PayloadError> {
        let payload = Self::decode(bytes)?;
        Ok(payload.collection().map(|name| name.to_owned().into()))
    }

    /// The tag of the collection it names, as record headers carry it.
    fn collection_tag(&self) -> CollectionTag {
        self.collection()
            .map_or(CollectionTag::NONE, CollectionTag::of)
    }

    /// The record of this payload, encoded into `buffer`, whose earlier content is dropped and
    /// whose memory is used again.
    ///
    /// # Errors
    ///
    /// As [`Self::encode`].
    fn record<'b>(
        &self,
        scope: Scope,
        buffer: &'b mut Vec<u8>,
    ) -> Result<Record<'b>, PayloadError> {
        buffer.clear();
        self.encode(buffer)?;
        Ok(Record::typed(Self::KIND, scope, self.collection_tag(), buffer).in_epoch(self.epoch()))
    }
}
