//! A vector was written. Read in place.

use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::archived_payload;

/// A vector was written, whether or not one of its id was there before. Version 1: read in place.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorPut {
    /// The collection the vector is in.
    pub collection: String,
    /// The vector's id, as the engine orders it.
    pub id: Vec<u8>,
    /// The vector, as many numbers as the index has dimensions.
    pub vector: Vec<f32>,
}

archived_payload!(
    VectorPut, version 1, collection named, VectorPutView of ArchivedStored<'a>,
);

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    collection: &'a str,
    #[rkyv(with = InlineAsBox)]
    id: &'a [u8],
    #[rkyv(with = InlineAsBox)]
    vector: &'a [f32],
}

impl<'a> VectorPutView<'a> {
    /// The collection the vector is in.
    #[must_use]
    pub fn collection(self) -> &'a str {
        &self.stored.collection
    }

    /// The vector's id.
    #[must_use]
    pub fn id(self) -> &'a [u8] {
        &self.stored.id
    }

    /// The vector.
    pub fn vector(self) -> impl ExactSizeIterator<Item = f32> + DoubleEndedIterator + Clone + 'a {
        self.stored.vector.iter().map(|number| number.to_native())
    }

    fn copied(self) -> VectorPut {
        VectorPut {
            collection: self.collection().to_owned(),
            id: self.id().to_vec(),
            vector: self.vector().collect(),
        }
    }
}

impl fmt::Debug for VectorPutView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VectorPutView")
            .field("collection", &self.collection())
            .field("id", &self.id())
            .field("dimensions", &self.vector().len())
            .finish_non_exhaustive()
    }
}

impl VectorPut {
    fn stored(&self) -> Stored<'_> {
        Stored {
            collection: &self.collection,
            id: &self.id,
            vector: &self.vector,
        }
    }
}
