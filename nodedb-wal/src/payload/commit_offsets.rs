//! Source offsets and a watermark were committed. Read in place.

use std::fmt;

use rkyv::rancor::Fallible;
use rkyv::ser::{Allocator, Writer};
use rkyv::vec::{ArchivedVec, VecResolver};
use rkyv::with::{ArchiveWith, InlineAsBox, SerializeWith};
use rkyv::{Archive, Place, Serialize};

use super::archive::archived_payload;
use crate::types::Timestamp;

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

archived_payload!(
    CommitOffsets, version 1, collection none, CommitOffsetsView of ArchivedStored<'a>,
);

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

    fn copied(self) -> CommitOffsets {
        CommitOffsets {
            source: self.source().to_owned(),
            offsets: self.offsets().collect(),
            watermark: self.watermark(),
        }
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

impl CommitOffsets {
    fn stored(&self) -> Stored<'_> {
        Stored {
            source: &self.source,
            offsets: &self.offsets,
            watermark_ns: self.watermark.map(Timestamp::as_nanos),
        }
    }
}
