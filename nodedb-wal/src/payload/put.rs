//! A row was written. Read in place.

use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::archived_payload;

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

archived_payload!(
    Put, version 1, collection named, PutView of ArchivedStored<'a>,
);

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

    fn copied(self) -> Put {
        Put {
            collection: self.collection().to_owned(),
            key: self.key().to_vec(),
            value: self.value().to_vec(),
        }
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

impl Put {
    fn stored(&self) -> Stored<'_> {
        Stored {
            collection: &self.collection,
            key: &self.key,
            value: &self.value,
        }
    }
}
