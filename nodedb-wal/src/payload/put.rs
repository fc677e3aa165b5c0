//! A row was written. Read in place.

use std::borrow::Cow;
use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::{self, AlignedScratch};
use super::{Payload, PayloadError};
use crate::types::RecordKind;

const VERSION: u8 = 1;

/// A row was written, whether or not it was there before. Version 1: read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The collection the row is in.
    pub collection: String,
    /// The row's primary key, as the engine orders it.
    pub key: Vec<u8>,
    /// The whole row, in the engine's own form.
    pub value: Vec<u8>,
}

/// A [`Put`] read in place: nothing was copied.
#[derive(Clone, Copy)]
pub struct PutView<'a> {
    stored: &'a ArchivedStored<'a>,
}

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    collection: &'a str,
    #[rkyv(with = InlineAsBox)]
    key: &'a [u8],
    #[rkyv(with = InlineAsBox)]
    value: &'a [u8],
}

impl<'a> PutView<'a> {
    /// The payload in `bytes`, which are copied to `scratch` only when they are not 16-aligned.
    ///
    /// # Errors
    ///
    /// As [`Payload::decode`].
    pub fn read(bytes: &'a [u8], scratch: &'a mut AlignedScratch) -> Result<Self, PayloadError> {
        let stored = archive::access(RecordKind::Put, VERSION, bytes, scratch)?;
        Ok(Self { stored })
    }

    /// The collection the row is in.
    #[must_use]
    pub fn collection(self) -> &'a str {
        &self.stored.collection
    }

    /// The row's primary key.
    #[must_use]
    pub fn key(self) -> &'a [u8] {
        &self.stored.key
    }

    /// The whole row.
    #[must_use]
    pub fn value(self) -> &'a [u8] {
        &self.stored.value
    }
}

impl fmt::Debug for PutView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PutView")
            .field("collection", &self.collection())
            .field("key", &self.key())
            .field("value_bytes", &self.value().len())
            .finish_non_exhaustive()
    }
}

impl Payload for Put {
    const KIND: RecordKind = RecordKind::Put;

    fn collection(&self) -> Option<&str> {
        Some(&self.collection)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let stored = Stored {
            collection: &self.collection,
            key: &self.key,
            value: &self.value,
        };
        archive::write(Self::KIND, VERSION, &stored, out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut scratch = AlignedScratch::new();
        let view = PutView::read(bytes, &mut scratch)?;
        Ok(Self {
            collection: view.collection().to_owned(),
            key: view.key().to_vec(),
            value: view.value().to_vec(),
        })
    }

    fn collection_in(bytes: &[u8]) -> Result<Option<Cow<'_, str>>, PayloadError> {
        archive::collection_in(Self::KIND, VERSION, bytes, collection_of)
    }
}

fn collection_of<'x>(stored: &'x ArchivedStored<'_>) -> &'x str {
    &stored.collection
}
