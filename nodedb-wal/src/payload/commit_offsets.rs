//! Source offsets and a watermark were committed. Read in place.

use std::borrow::Cow;
use std::fmt;

use rkyv::rancor::Fallible;
use rkyv::ser::{Allocator, Writer};
use rkyv::vec::{ArchivedVec, VecResolver};
use rkyv::with::{ArchiveWith, InlineAsBox, SerializeWith};
use rkyv::{Archive, Place, Serialize};

use super::archive::{self, AlignedScratch};
use super::{Payload, PayloadError};
use crate::types::{RecordKind, Timestamp};

const VERSION: u8 = 1;

/// How far a source was taken in: after a crash it is read on from here, so that each of its events
/// takes effect once. Version 1: read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffsets {
    /// The source's name, as the node's configuration has it.
    pub source: String,
    /// For each partition, how far it was taken in. A partition that is not named stays where it is.
    pub offsets: Vec<PartitionOffset>,
    /// The time before which no more events are expected, if the source has such a promise.
    pub watermark: Option<Timestamp>,
}

/// How far one partition of a source was taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionOffset {
    /// The partition's number at the source.
    pub partition: u32,
    /// The offset of the next event to read; everything before it was taken in.
    pub offset: u64,
}

/// [`CommitOffsets`] read in place: nothing was copied.
#[derive(Clone, Copy)]
pub struct CommitOffsetsView<'a> {
    stored: &'a ArchivedStored<'a>,
}

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    source: &'a str,
    #[rkyv(with = Offsets)]
    offsets: &'a [PartitionOffset],
    watermark_ns: Option<i64>,
}

/// How one partition is stored.
#[derive(Archive, Serialize)]
struct StoredOffset {
    offset: u64,
    partition: u32,
}

/// Stores partitions one by one, so that [`PartitionOffset`] itself need not know how it is stored.
struct Offsets;

impl<'a> ArchiveWith<&'a [PartitionOffset]> for Offsets {
    type Archived = ArchivedVec<ArchivedStoredOffset>;
    type Resolver = VecResolver;

    fn resolve_with(
        offsets: &&'a [PartitionOffset],
        resolver: Self::Resolver,
        out: Place<Self::Archived>,
    ) {
        ArchivedVec::resolve_from_len(offsets.len(), resolver, out);
    }
}

impl<'a, S> SerializeWith<&'a [PartitionOffset], S> for Offsets
where
    S: Fallible + Allocator + Writer + ?Sized,
{
    fn serialize_with(
        offsets: &&'a [PartitionOffset],
        serializer: &mut S,
    ) -> Result<Self::Resolver, S::Error> {
        let stored = offsets.iter().map(|at| StoredOffset {
            offset: at.offset,
            partition: at.partition,
        });
        ArchivedVec::serialize_from_iter::<StoredOffset, _, _>(stored, serializer)
    }
}

impl<'a> CommitOffsetsView<'a> {
    /// The payload in `bytes`, which are copied to `scratch` only when they are not 16-aligned.
    ///
    /// # Errors
    ///
    /// As [`Payload::decode`].
    pub fn read(bytes: &'a [u8], scratch: &'a mut AlignedScratch) -> Result<Self, PayloadError> {
        let stored = archive::access(RecordKind::CommitOffsets, VERSION, bytes, scratch)?;
        Ok(Self { stored })
    }

    /// The source's name.
    #[must_use]
    pub fn source(self) -> &'a str {
        &self.stored.source
    }

    /// How far each partition was taken in.
    pub fn offsets(
        self,
    ) -> impl ExactSizeIterator<Item = PartitionOffset> + DoubleEndedIterator + Clone + 'a {
        self.stored.offsets.iter().map(|at| PartitionOffset {
            partition: at.partition.to_native(),
            offset: at.offset.to_native(),
        })
    }

    /// The time before which no more events are expected, if the source has such a promise.
    #[must_use]
    pub fn watermark(self) -> Option<Timestamp> {
        let nanos = self.stored.watermark_ns.as_ref()?;
        Some(Timestamp::from_nanos(nanos.to_native()))
    }
}

impl fmt::Debug for CommitOffsetsView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitOffsetsView")
            .field("source", &self.source())
            .field("offsets", &self.offsets().len())
            .field("watermark", &self.watermark())
            .finish_non_exhaustive()
    }
}

impl Payload for CommitOffsets {
    const KIND: RecordKind = RecordKind::CommitOffsets;

    fn collection(&self) -> Option<&str> {
        None
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        let stored = Stored {
            source: &self.source,
            offsets: &self.offsets,
            watermark_ns: self.watermark.map(Timestamp::as_nanos),
        };
        archive::write(Self::KIND, VERSION, &stored, out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut scratch = AlignedScratch::new();
        let view = CommitOffsetsView::read(bytes, &mut scratch)?;
        Ok(Self {
            source: view.source().to_owned(),
            offsets: view.offsets().collect(),
            watermark: view.watermark(),
        })
    }

    fn collection_in(_: &[u8]) -> Result<Option<Cow<'_, str>>, PayloadError> {
        Ok(None)
    }
}
