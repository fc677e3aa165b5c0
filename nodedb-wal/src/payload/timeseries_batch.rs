//! Samples of a time series. Read in place.

use std::borrow::Cow;
use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::{self, AlignedScratch};
use super::error::BrokenRule;
use super::{Payload, PayloadError};
use crate::types::{RecordKind, Timestamp};

const VERSION: u8 = 1;

/// Samples of one time series, column by column. Version 1: read in place.
///
/// Times need not rise and may repeat: that is for the engine to judge.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeseriesBatch {
    /// The collection the series is in.
    pub collection: String,
    /// The series' name, with its labels if it has any.
    pub series: String,
    /// When each sample was taken, in nanoseconds since 1970-01-01 UTC.
    pub timestamps_ns: Vec<i64>,
    /// What was measured, as many values as there are timestamps.
    pub values: Vec<f64>,
}

/// A [`TimeseriesBatch`] read in place: nothing was copied.
#[derive(Clone, Copy)]
pub struct TimeseriesBatchView<'a> {
    stored: &'a ArchivedStored<'a>,
}

/// What is stored behind the prefix.
#[derive(Archive, Serialize)]
struct Stored<'a> {
    #[rkyv(with = InlineAsBox)]
    collection: &'a str,
    #[rkyv(with = InlineAsBox)]
    series: &'a str,
    #[rkyv(with = InlineAsBox)]
    timestamps_ns: &'a [i64],
    #[rkyv(with = InlineAsBox)]
    values: &'a [f64],
}

impl<'a> TimeseriesBatchView<'a> {
    /// The payload in `bytes`, which are copied to `scratch` only when they are not 16-aligned.
    ///
    /// # Errors
    ///
    /// As [`Payload::decode`].
    pub fn read(bytes: &'a [u8], scratch: &'a mut AlignedScratch) -> Result<Self, PayloadError> {
        let kind = RecordKind::TimeseriesBatch;
        let stored: &ArchivedStored<'_> = archive::access(kind, VERSION, bytes, scratch)?;
        check(stored.timestamps_ns.len(), stored.values.len())
            .map_err(|rule| rule.when_decoding(kind))?;
        Ok(Self { stored })
    }

    /// The collection the series is in.
    #[must_use]
    pub fn collection(self) -> &'a str {
        &self.stored.collection
    }

    /// The series' name.
    #[must_use]
    pub fn series(self) -> &'a str {
        &self.stored.series
    }

    /// The samples: when each was taken, and what was measured.
    pub fn samples(
        self,
    ) -> impl ExactSizeIterator<Item = (Timestamp, f64)> + DoubleEndedIterator + Clone + 'a {
        let times = self.stored.timestamps_ns.iter();
        times.zip(self.stored.values.iter()).map(|(time, value)| {
            let time = Timestamp::from_nanos(time.to_native());
            (time, value.to_native())
        })
    }
}

impl fmt::Debug for TimeseriesBatchView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TimeseriesBatchView")
            .field("collection", &self.collection())
            .field("series", &self.series())
            .field("samples", &self.samples().len())
            .finish_non_exhaustive()
    }
}

impl Payload for TimeseriesBatch {
    const KIND: RecordKind = RecordKind::TimeseriesBatch;

    fn collection(&self) -> Option<&str> {
        Some(&self.collection)
    }

    fn encode(&self, out: &mut Vec<u8>) -> Result<(), PayloadError> {
        check(self.timestamps_ns.len(), self.values.len())
            .map_err(|rule| rule.when_encoding(Self::KIND))?;
        let stored = Stored {
            collection: &self.collection,
            series: &self.series,
            timestamps_ns: &self.timestamps_ns,
            values: &self.values,
        };
        archive::write(Self::KIND, VERSION, &stored, out)
    }

    fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let mut scratch = AlignedScratch::new();
        let view = TimeseriesBatchView::read(bytes, &mut scratch)?;
        let (timestamps_ns, values) = view
            .samples()
            .map(|(time, value)| (time.as_nanos(), value))
            .unzip();
        Ok(Self {
            collection: view.collection().to_owned(),
            series: view.series().to_owned(),
            timestamps_ns,
            values,
        })
    }

    fn collection_in(bytes: &[u8]) -> Result<Option<Cow<'_, str>>, PayloadError> {
        archive::collection_in(Self::KIND, VERSION, bytes, collection_of)
    }
}

fn collection_of<'x>(stored: &'x ArchivedStored<'_>) -> &'x str {
    &stored.collection
}

fn check(timestamps: usize, values: usize) -> Result<(), BrokenRule> {
    if timestamps == values {
        return Ok(());
    }
    Err(BrokenRule {
        field: "values",
        requirement: "must be as many as there are timestamps",
    })
}
