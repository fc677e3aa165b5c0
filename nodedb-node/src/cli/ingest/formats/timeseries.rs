//! Time series as CSV: `timestamp,value`. A number of rows in a row becomes a [`TimeseriesBatch`].
//!
//! Values are kept as the 64-bit floats they are nearest to, times to the nanosecond.

use nodedb_wal::payload::TimeseriesBatch;
use nodedb_wal::types::Timestamp;

use super::{CsvRow, time};

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When it was taken.
    pub timestamp: Timestamp,
    /// What was measured.
    pub value: f64,
}

impl Sample {
    /// The samples as a batch of `series` in `collection`.
    #[must_use]
    pub fn to_batch(samples: &[Self], collection: &str, series: &str) -> TimeseriesBatch {
        TimeseriesBatch {
            collection: collection.to_owned(),
            series: series.to_owned(),
            timestamps_ns: samples.iter().map(|s| s.timestamp.as_nanos()).collect(),
            values: samples.iter().map(|sample| sample.value).collect(),
        }
    }

    /// The samples that [`Self::to_batch`] made `batch` from.
    #[must_use]
    pub fn of_batch(batch: &TimeseriesBatch) -> Vec<Self> {
        let times = batch.timestamps_ns.iter();
        times
            .zip(&batch.values)
            .map(|(&nanos, &value)| Self {
                timestamp: Timestamp::from_nanos(nanos),
                value,
            })
            .collect()
    }
}

impl CsvRow for Sample {
    const HEADER: &'static [&'static str] = &["timestamp", "value"];

    fn of_fields(fields: &[&str]) -> Result<Self, String> {
        let &[timestamp, value] = fields else {
            return Err(format!("{} fields where 2 belong", fields.len()));
        };
        Ok(Self {
            timestamp: time::parse(timestamp)
                .ok_or_else(|| format!("`timestamp` is `{timestamp}`, not a time"))?,
            value: value
                .parse()
                .map_err(|_| format!("`value` is `{value}`, not a number"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CsvRows, FormatError};
    use super::*;

    fn parse(text: &str) -> Result<Vec<Sample>, FormatError> {
        CsvRows::new(text.as_bytes(), "f")?.collect()
    }

    #[test]
    fn samples_come_back_from_their_batch_bit_by_bit() {
        let text = "timestamp,value\n2014-05-14 01:14:00,36.806999999999995\n\
                    2014-05-14 01:14:00,-0\n2014-05-14 01:19:00,1e-320\n";
        let samples = parse(text).unwrap();
        let batch = Sample::to_batch(&samples, "metrics", "cpu");
        let again = Sample::of_batch(&batch);
        let bits = |samples: &[Sample]| -> Vec<(i64, u64)> {
            let bits = |s: &Sample| (s.timestamp.as_nanos(), s.value.to_bits());
            samples.iter().map(bits).collect()
        };
        assert_eq!(bits(&again), bits(&samples));
        assert_eq!(samples[0].value.to_bits(), 36.806999999999995_f64.to_bits());
        assert_eq!(samples.len(), 3);
    }

    #[test]
    fn errors_name_file_and_line() {
        let cases = [
            ("time,value\n", "f, line 1: the header"),
            (
                "timestamp,value\n2014-05-14 01:14:00,1\nnoon,2\n",
                "f, line 3: `timestamp`",
            ),
            (
                "timestamp,value\n2014-05-14 01:14:00,x\n",
                "f, line 2: `value`",
            ),
            (
                "timestamp,value\n2014-05-14 01:14:00\n",
                "f, line 2: 1 fields",
            ),
        ];
        for (text, start) in cases {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(start), "{error}");
        }
    }
}
