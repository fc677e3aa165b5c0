//! Log lines. Read in place.

use std::fmt;

use rkyv::rancor::Fallible;
use rkyv::ser::{Allocator, Writer};
use rkyv::vec::{ArchivedVec, VecResolver};
use rkyv::with::{ArchiveWith, InlineAsBox, SerializeWith};
use rkyv::{Archive, Place, Serialize};

use super::archive::archived_payload;
use crate::types::Timestamp;

/// Log lines, in the order they came. Version 1: read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogBatch {
    /// The collection the lines are in.
    pub collection: String,
    /// The lines.
    pub lines: Vec<LogLine>,
}

/// One log line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written, by the clock of whoever wrote it.
    pub timestamp: Timestamp,
    /// The line, without its line end.
    pub text: String,
}

archived_payload!(
    LogBatch, version 1, collection named, LogBatchView of ArchivedStored<'a>,
);

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    collection: &'a str,
    #[rkyv(with = Lines)]
    lines: &'a [LogLine],
}

/// How one line is stored.
#[derive(Archive, Serialize)]
struct StoredLine<'a> {
    timestamp_ns: i64,
    #[rkyv(with = InlineAsBox)]
    text: &'a str,
}

/// Stores lines one by one, so that [`LogLine`] itself need not know how it is stored.
struct Lines;

impl<'a> ArchiveWith<&'a [LogLine]> for Lines {
    type Archived = ArchivedVec<ArchivedStoredLine<'a>>;
    type Resolver = VecResolver;

    fn resolve_with(lines: &&'a [LogLine], resolver: Self::Resolver, out: Place<Self::Archived>) {
        ArchivedVec::resolve_from_len(lines.len(), resolver, out);
    }
}

impl<'a, S> SerializeWith<&'a [LogLine], S> for Lines
where
    S: Fallible + Allocator + Writer + ?Sized,
    StoredLine<'a>: Serialize<S>,
{
    fn serialize_with(
        lines: &&'a [LogLine],
        serializer: &mut S,
    ) -> Result<Self::Resolver, S::Error> {
        let stored = lines.iter().map(|line| StoredLine {
            timestamp_ns: line.timestamp.as_nanos(),
            text: &line.text,
        });
        ArchivedVec::serialize_from_iter::<StoredLine<'a>, _, _>(stored, serializer)
    }
}

impl<'a> LogBatchView<'a> {
    /// The collection the lines are in.
    #[must_use]
    pub fn collection(self) -> &'a str {
        &self.stored.collection
    }

    /// The lines: when each was written, and its text without a line end.
    pub fn lines(
        self,
    ) -> impl ExactSizeIterator<Item = (Timestamp, &'a str)> + DoubleEndedIterator + Clone + 'a
    {
        self.stored.lines.iter().map(|line| {
            let time = Timestamp::from_nanos(line.timestamp_ns.to_native());
            (time, &*line.text)
        })
    }

    fn copied(self) -> LogBatch {
        let lines = self.lines().map(|(timestamp, text)| LogLine {
            timestamp,
            text: text.to_owned(),
        });
        LogBatch {
            collection: self.collection().to_owned(),
            lines: lines.collect(),
        }
    }
}

impl fmt::Debug for LogBatchView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogBatchView")
            .field("collection", &self.collection())
            .field("lines", &self.lines().len())
            .finish_non_exhaustive()
    }
}

impl LogBatch {
    fn stored(&self) -> Stored<'_> {
        Stored {
            collection: &self.collection,
            lines: &self.lines,
        }
    }
}
