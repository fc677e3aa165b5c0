//! A vector was written. Read in place.

use std::borrow::Cow;
use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::{self, AlignedScratch};
use super::{Payload, PayloadError};
use crate::types::RecordKind;

const VERSION: u8 = 1;

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

/// A [`VectorPut`] read in place: nothing was copied.
#[derive(Clone, Copy)]
pub struct VectorPutView<'a> {
    stored: &'a ArchivedStored<'a>,
}

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
    /// The payload in `bytes`, which are copied to `scratch` only when they are not 16-aligned.
    ///
    /// # Errors
    ///
    /// As [`Payload::decode`].
    pub fn read(bytes: &'a [u8], scratch: &'a mut AlignedScratch) -> Result<Self, PayloadError> {
        let stored = archive::access(RecordKind::VectorPut, VERSION, bytes, scratch)?;
        Ok(Self { stored })
    }

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

impl Payload for VectorPut {
    const KIND: RecordKind = RecordKind::VectorPut;

    fn collection(&self) -> Option<&str> {
        Some(&self.collection)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let stored = Stored {
            collection: &self.collection,
            id: &self.id,
            vector: &self.vector,
        };
        archive::write(Self::KIND, VERSION, &stored, out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut scratch = AlignedScratch::new();
        let view = VectorPutView::read(bytes, &mut scratch)?;
        Ok(Self {
            collection: view.collection().to_owned(),
            id: view.id().to_vec(),
            vector: view.vector().collect(),
        })
    }

    fn collection_in(bytes: &[u8]) -> Result<Option<Cow<'_, str>>, PayloadError> {
        archive::collection_in(Self::KIND, VERSION, bytes, collection_of)
    }
}

fn collection_of<'x>(stored: &'x ArchivedStored<'_>) -> &'x str {
    &stored.collection
}
