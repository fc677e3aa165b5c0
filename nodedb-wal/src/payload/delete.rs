//! A row was deleted. Read in place.

use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::archived_payload;

/// A row was deleted. Version 1: read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// The collection the row was in.
    pub collection: String,
    /// The row's primary key, as the engine orders it.
    pub key: Vec<u8>,
}

archived_payload!(
    Delete, version 1, collection named, DeleteView of ArchivedStored<'a>,
);

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    collection: &'a str,
    #[rkyv(with = InlineAsBox)]
    key: &'a [u8],
}

impl<'a> DeleteView<'a> {
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

    fn copied(self) -> Delete {
        Delete {
            collection: self.collection().to_owned(),
            key: self.key().to_vec(),
        }
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

impl Delete {
    fn stored(&self) -> Stored<'_> {
        Stored {
            collection: &self.collection,
            key: &self.key,
        }
    }
}
