//! A row was deleted. Read in place.

use std::borrow::Cow;
use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::{self, AlignedScratch};
use super::{Payload, PayloadError};
use crate::types::RecordKind;

const VERSION: u8 = 1;

/// A row was deleted. Version 1: read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// The collection the row was in.
    pub collection: String,
    /// The row's primary key, as the engine orders it.
    pub key: Vec<u8>,
}

/// A [`Delete`] read in place: nothing was copied.
#[derive(Clone, Copy)]
pub struct DeleteView<'a> {
    stored: &'a ArchivedStored<'a>,
}

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    collection: &'a str,
    #[rkyv(with = InlineAsBox)]
    key: &'a [u8],
}

impl<'a> DeleteView<'a> {
    /// The payload in `bytes`, which are copied to `scratch` only when they are not 16-aligned.
    ///
    /// # Errors
    ///
    /// As [`Payload::decode`].
    pub fn read(bytes: &'a [u8], scratch: &'a mut AlignedScratch) -> Result<Self, PayloadError> {
        let stored = archive::access(RecordKind::Delete, VERSION, bytes, scratch)?;
        Ok(Self { stored })
    }

    /// The collection the row was in.
    #[must_use]
    pub fn collection(self) -> &'a str {
        &self.stored.collection
    }

    /// The row's primary key.
    #[must_use]
    pub fn key(self) -> &'a [u8] {
        &self.stored.key
    }
}

impl fmt::Debug for DeleteView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeleteView")
            .field("collection", &self.collection())
            .field("key", &self.key())
            .finish()
    }
}

impl Payload for Delete {
    const KIND: RecordKind = RecordKind::Delete;

    fn collection(&self) -> Option<&str> {
        Some(&self.collection)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let stored = Stored {
            collection: &self.collection,
            key: &self.key,
        };
        archive::write(Self::KIND, VERSION, &stored, out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut scratch = AlignedScratch::new();
        let view = DeleteView::read(bytes, &mut scratch)?;
        Ok(Self {
            collection: view.collection().to_owned(),
            key: view.key().to_vec(),
        })
    }

    fn collection_in(bytes: &[u8]) -> Result<Option<Cow<'_, str>>, PayloadError> {
        archive::collection_in(Self::KIND, VERSION, bytes, collection_of)
    }
}

fn collection_of<'x>(stored: &'x ArchivedStored<'_>) -> &'x str {
    &stored.collection
}
