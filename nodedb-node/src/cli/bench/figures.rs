//! What is measured: metrics, the rows that carry them, and what one round brought.

use serde::{Deserialize, Serialize};

use super::latency::Latency;

/// The part of a report a row belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Group {
    Raw,
    Commit,
    Stream,
    PerCore,
    Replay,
    Open,
    Rotation,
    Tenants,
}

impl Group {
    pub(super) const ALL: [Self; 8] = [
        Self::Raw,
        Self::Commit,
        Self::Stream,
        Self::PerCore,
        Self::Replay,
        Self::Open,
        Self::Rotation,
        Self::Tenants,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Commit => "commit",
            Self::Stream => "stream",
            Self::PerCore => "percore",
            Self::Replay => "replay",
            Self::Open => "open",
            Self::Rotation => "rotation",
            Self::Tenants => "tenants",
        }
    }

    /// What the rows of the group are, for people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Raw => "Raw disk, through the storage door",
            Self::Commit => "Commit: append 256 B and wait until it is durable",
            Self::Stream => "Stream: append, one sync at the end",
            Self::PerCore => "One log per core: append, one sync of each at the end; merge",
            Self::Replay => "Replay: every record, both checksums checked",
            Self::Open => "Open, and the first durable append",
            Self::Rotation => "Commit while segments rotate",
            Self::Tenants => "Commit of 4 KiB by seven tenants, beside an eighth",
        }
    }
}

/// A figure of a row. The order is that of a table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Metric {
    PerSecond,
    PerWriterPerSecond,
    /// Into memory alone, of all writers.
    AppendedPerSecond,
    GigabytesPerSecond,
    P50Micros,
    P99Micros,
    P999Micros,
    RecordsPerWrite,
    /// What the log says of its writes, warm-up included.
    WriteP50Micros,
    WriteP99Micros,
    Rotations,
    OpenMillis,
    FirstDurableMillis,
    ReadMib,
    /// Rate against that of the raw 4 KiB durable write, one in flight.
    RatioToDurableWrite,
    /// The faster of the two raw rates taken before and after, against the slower.
    PaceSpread,
    /// p50 against that of the raw 4 KiB durable write.
    P50RatioToDurableWrite,
    /// Payload per second against raw 1 MiB writes over written space.
    RatioToWritten,
    /// Payload per second against raw 1 MiB writes into allocated space.
    RatioToAllocated,
    RatioToOneThread,
    /// Rate against as many writers with one log.
    RatioToShared,
    /// The same of appends into memory alone.
    AppendedRatioToShared,
    /// Payload per second against the best raw read of the same files.
    RatioToRawRead,
    RatioToFullReplay,
    /// p99.9 against that without rotation.
    P999RatioToNoRotation,
    /// p99 against that of tenants beside one that keeps to its share.
    P99RatioToShare,
    KibPerWrite,
    DiskPerPayload,
    PeakMib,
}

impl Metric {
    /// The name in JSON.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::PerSecond => "per_s",
            Self::PerWriterPerSecond => "per_writer_per_s",
            Self::AppendedPerSecond => "appended_per_s",
            Self::GigabytesPerSecond => "gb_per_s",
            Self::P50Micros => "p50_us",
            Self::P99Micros => "p99_us",
            Self::P999Micros => "p999_us",
            Self::RecordsPerWrite => "records_per_write",
            Self::WriteP50Micros => "write_p50_us",
            Self::WriteP99Micros => "write_p99_us",
            Self::Rotations => "rotations",
            Self::OpenMillis => "open_ms",
            Self::FirstDurableMillis => "first_durable_ms",
            Self::ReadMib => "read_mib",
            Self::RatioToDurableWrite => "rate_x_raw_4k",
            Self::PaceSpread => "raw_4k_spread",
            Self::P50RatioToDurableWrite => "p50_x_raw_4k",
            Self::RatioToWritten => "x_raw_1m_written",
            Self::RatioToAllocated => "x_raw_1m_allocated",
            Self::RatioToOneThread => "x_one_thread",
            Self::RatioToShared => "x_shared_log",
            Self::AppendedRatioToShared => "appended_x_shared_log",
            Self::RatioToRawRead => "x_raw_read",
            Self::RatioToFullReplay => "x_full_replay",
            Self::P999RatioToNoRotation => "p999_x_no_rotation",
            Self::P99RatioToShare => "p99_x_share",
            Self::KibPerWrite => "kib_per_write",
            Self::DiskPerPayload => "disk_bytes_per_payload_byte",
            Self::PeakMib => "peak_mib",
        }
    }

    /// The name in a table.
    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::PerSecond => "per s",
            Self::PerWriterPerSecond => "per writer/s",
            Self::AppendedPerSecond => "appended/s",
            Self::GigabytesPerSecond => "GB/s",
            Self::P50Micros => "p50 us",
            Self::P99Micros => "p99 us",
            Self::P999Micros => "p99.9 us",
            Self::RecordsPerWrite => "records/write",
            Self::WriteP50Micros => "write p50 us",
            Self::WriteP99Micros => "write p99 us",
            Self::Rotations => "rotations",
            Self::OpenMillis => "open ms",
            Self::FirstDurableMillis => "first durable ms",
            Self::ReadMib => "read MiB",
            Self::RatioToDurableWrite => "rate / raw 4 KiB",
            Self::PaceSpread => "raw max/min",
            Self::P50RatioToDurableWrite => "p50 / raw 4 KiB",
            Self::RatioToWritten => "/ raw written",
            Self::RatioToAllocated => "/ raw allocated",
            Self::RatioToOneThread => "/ one thread",
            Self::RatioToShared => "/ shared log",
            Self::AppendedRatioToShared => "appended / shared",
            Self::RatioToRawRead => "/ raw read",
            Self::RatioToFullReplay => "/ full replay",
            Self::P999RatioToNoRotation => "p99.9 / without",
            Self::P99RatioToShare => "p99 / at share",
            Self::KibPerWrite => "KiB/write",
            Self::DiskPerPayload => "disk B/payload B",
            Self::PeakMib => "peak MiB",
        }
    }

    /// The value for people; the unit stands in the heading.
    pub(super) fn show(self, value: f64) -> String {
        match self {
            Self::PerSecond | Self::PerWriterPerSecond | Self::AppendedPerSecond
                if value >= 1e6 =>
            {
                format!("{:.2} M", value / 1e6)
            }
            Self::PerSecond | Self::PerWriterPerSecond | Self::AppendedPerSecond
                if value >= 1e4 =>
            {
                format!("{:.1} k", value / 1e3)
            }
            Self::PerSecond | Self::PerWriterPerSecond | Self::AppendedPerSecond
                if value >= 1e3 =>
            {
                format!("{:.2} k", value / 1e3)
            }
            Self::PerSecond
            | Self::PerWriterPerSecond
            | Self::AppendedPerSecond
            | Self::Rotations => format!("{value:.0}"),
            Self::P50Micros | Self::P99Micros | Self::P999Micros if value >= 1e3 => {
                format!("{value:.0}")
            }
            Self::P50Micros
            | Self::P99Micros
            | Self::P999Micros
            | Self::WriteP50Micros
            | Self::WriteP99Micros
            | Self::RecordsPerWrite
            | Self::KibPerWrite
            | Self::PeakMib
            | Self::OpenMillis
            | Self::FirstDurableMillis
            | Self::ReadMib => {
                format!("{value:.1}")
            }
            Self::GigabytesPerSecond
            | Self::RatioToDurableWrite
            | Self::PaceSpread
            | Self::P50RatioToDurableWrite
            | Self::RatioToWritten
            | Self::RatioToAllocated
            | Self::RatioToOneThread
            | Self::RatioToShared
            | Self::AppendedRatioToShared
            | Self::RatioToRawRead
            | Self::RatioToFullReplay
            | Self::P999RatioToNoRotation
            | Self::P99RatioToShare
            | Self::DiskPerPayload => format!("{value:.2}"),
        }
    }
}

/// One row of one round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Sample {
    pub(super) group: Group,
    pub(super) name: String,
    pub(super) figures: Vec<(Metric, f64)>,
    pub(super) latency: Option<Latency>,
}

impl Sample {
    pub(super) fn new(group: Group, name: impl Into<String>) -> Self {
        Self {
            group,
            name: name.into(),
            figures: Vec::new(),
            latency: None,
        }
    }

    pub(super) fn with(mut self, metric: Metric, value: f64) -> Self {
        self.figures.push((metric, value));
        self
    }

    /// The figure, where it could be had.
    pub(super) fn with_some(self, metric: Metric, value: Option<f64>) -> Self {
        match value {
            Some(value) => self.with(metric, value),
            None => self,
        }
    }

    /// The distribution, and its percentiles as figures.
    pub(super) fn with_latency(self, latency: Latency) -> Self {
        let mut sample = self
            .with(Metric::P50Micros, latency.micros_at(0.5))
            .with(Metric::P99Micros, latency.micros_at(0.99))
            .with(Metric::P999Micros, latency.micros_at(0.999));
        sample.latency = Some(latency);
        sample
    }

    /// `metric` as the ratio of this row's `own` figure to `base`; left out without a base.
    pub(super) fn with_ratio(self, metric: Metric, own: Metric, base: Option<f64>) -> Self {
        let value = self.figure(own).zip(base).map(|(own, base)| own / base);
        self.with_some(metric, value.filter(|value| value.is_finite()))
    }

    pub(super) fn figure(&self, metric: Metric) -> Option<f64> {
        let found = self.figures.iter().find(|(has, _)| *has == metric);
        found.map(|&(_, value)| value)
    }
}

/// What a round brought so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    pub(super) samples: Vec<Sample>,
}

impl Round {
    pub(super) fn figure(&self, group: Group, name: &str, metric: Metric) -> Option<f64> {
        let row = self
            .samples
            .iter()
            .find(|sample| sample.group == group && sample.name == name)?;
        row.figure(metric)
    }
}

/// A size in the name of a row: in the largest unit that makes it a whole number.
pub(super) fn whole_size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fitting = units.iter().find(|(unit, _)| bytes.is_multiple_of(*unit));
    match fitting {
        Some((unit, name)) if bytes > 0 => format!("{} {name}", bytes / unit),
        _ => format!("{bytes} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_needs_both_sides_and_a_base_that_is_not_zero() {
        let row = Sample::new(Group::Stream, "a").with(Metric::GigabytesPerSecond, 3.0);
        let ratio = |own, base| {
            let row = row.clone();
            row.with_ratio(Metric::RatioToWritten, own, base)
                .figure(Metric::RatioToWritten)
        };
        assert_eq!(ratio(Metric::GigabytesPerSecond, Some(4.0)), Some(0.75));
        assert_eq!(ratio(Metric::GigabytesPerSecond, None), None);
        assert_eq!(ratio(Metric::GigabytesPerSecond, Some(0.0)), None);
        assert_eq!(ratio(Metric::PerSecond, Some(4.0)), None);
    }

    #[test]
    fn numbers_are_as_exact_as_they_are_read() {
        for (metric, value, expected) in [
            (Metric::PerSecond, 12_345_678.0, "12.35 M"),
            (Metric::PerSecond, 12_345.0, "12.3 k"),
            (Metric::PerSecond, 5_300.0, "5.30 k"),
            (Metric::PerSecond, 12.4, "12"),
            (Metric::P50Micros, 89.06, "89.1"),
            (Metric::P99Micros, 2_890.6, "2891"),
            (Metric::RatioToWritten, 0.849, "0.85"),
        ] {
            assert_eq!(metric.show(value), expected);
        }
    }

    #[test]
    fn a_round_finds_a_row_by_its_group_and_name() {
        let row = Sample::new(Group::Raw, "a").with(Metric::PerSecond, 2.0);
        let round = Round { samples: vec![row] };
        let figure = |group, name| round.figure(group, name, Metric::PerSecond);
        assert_eq!(figure(Group::Raw, "a"), Some(2.0));
        assert_eq!(figure(Group::Raw, "b"), None);
        assert_eq!(figure(Group::Commit, "a"), None);
    }

    #[test]
    fn sizes_are_whole_numbers() {
        for (bytes, expected) in [
            (0, "0 B"),
            (256, "256 B"),
            (4096, "4 KiB"),
            (4097, "4097 B"),
            (3 << 20, "3 MiB"),
            (8 << 30, "8 GiB"),
        ] {
            assert_eq!(whole_size(bytes), expected);
        }
    }
}
