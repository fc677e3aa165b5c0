//! Samples of a time series. Read in place.

use std::fmt;

use rkyv::with::InlineAsBox;
use rkyv::{Archive, Serialize};

use super::archive::archived_payload;
use super::error::BrokenRule;
use crate::types::Timestamp;

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

archived_payload!(
    TimeseriesBatch, version 1, collection named, TimeseriesBatchView of ArchivedStored<'a>,
    check check_stored, check_archived,
);

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

    fn copied(self) -> TimeseriesBatch {
        let (timestamps_ns, values) = self
            .samples()
            .map(|(time, value)| (time.as_nanos(), value))
            .unzip();
        TimeseriesBatch {
            collection: self.collection().to_owned(),
            series: self.series().to_owned(),
            timestamps_ns,
            values,
        }
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

impl TimeseriesBatch {
    fn stored(&self) -> Stored<'_> {
        Stored {
            collection: &self.collection,
            series: &self.series,
            timestamps_ns: &self.timestamps_ns,
            values: &self.values,
        }
    }
}

fn check_stored(stored: &Stored<'_>) -> Result<(), BrokenRule> {
    check(stored.timestamps_ns.len(), stored.values.len())
}

fn check_archived(stored: &ArchivedStored<'_>) -> Result<(), BrokenRule> {
    check(stored.timestamps_ns.len(), stored.values.len())
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
