//! What a log that this process had open says of its work, for people and for programs.

use std::time::Duration;

use nodedb_wal::storage::IoMode;
use nodedb_wal::{Histogram, Stall, Stats};
use serde::Serialize;

use super::text;

/// The statistics, from opening the log to now. Times are in microseconds.
#[derive(Debug, Serialize)]
pub(super) struct LogStats {
    io_mode: &'static str,
    write_method: String,
    open_milliseconds: f64,
    open_bytes_read: u64,
    records: u64,
    payload_bytes: u64,
    commits: u64,
    commit_wait_us: Percentiles,
    writes: u64,
    writes_bulk: u64,
    syncs_bulk: u64,
    bytes_written: u64,
    write_us: Percentiles,
    write_records: Percentiles,
    write_bytes: Percentiles,
    stalls_buffer_full: Stalls,
    stalls_rotation: Stalls,
    stalls_share: Stalls,
    disk_full: u64,
    rotations: u64,
    segments_filled: u64,
    segments_bulk: u64,
    segments_hurried: u64,
    segments_retired: u64,
    segments_recycled: u64,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    count: u64,
    p50: f64,
    p99: f64,
    p999: f64,
    max: f64,
}

#[derive(Debug, Serialize)]
struct Stalls {
    count: u64,
    milliseconds: f64,
    longest_milliseconds: f64,
}

impl LogStats {
    pub(super) fn new(stats: &Stats) -> Self {
        let io_mode = match stats.io_mode {
            IoMode::Direct => "direct",
            IoMode::Buffered => "buffered",
        };
        Self {
            io_mode,
            write_method: stats.write_method.to_string(),
            open_milliseconds: text::millis(stats.open_duration),
            open_bytes_read: stats.open_bytes_read,
            records: stats.records,
            payload_bytes: stats.payload_bytes,
            commits: stats.commits,
            commit_wait_us: Percentiles::new(&stats.commit_wait_nanos, micros),
            writes: stats.writes,
            writes_bulk: stats.writes_bulk,
            syncs_bulk: stats.syncs_bulk,
            bytes_written: stats.bytes_written,
            write_us: Percentiles::new(&stats.write_nanos, micros),
            write_records: Percentiles::new(&stats.write_records, plain),
            write_bytes: Percentiles::new(&stats.write_bytes, plain),
            stalls_buffer_full: Stalls::new(stats.stalled_buffer_full),
            stalls_rotation: Stalls::new(stats.stalled_rotation),
            stalls_share: Stalls::new(stats.stalled_share),
            disk_full: stats.disk_full,
            rotations: stats.rotations,
            segments_filled: stats.segments.filled,
            segments_bulk: stats.segments.bulk,
            segments_hurried: stats.segments.hurried,
            segments_retired: stats.segments.retired,
            segments_recycled: stats.segments.recycled,
        }
    }

    pub(super) fn text(&self) -> String {
        let overhead = text::quotient(self.bytes_written, self.payload_bytes);
        text::facts([
            ("write method", self.write_method.clone()),
            (
                "opened in",
                format!(
                    "{:.1} ms, {} read",
                    self.open_milliseconds,
                    text::size(self.open_bytes_read)
                ),
            ),
            (
                "writes",
                format!(
                    "{} of {} in all, {overhead:.2} B per payload byte",
                    text::count(self.writes),
                    text::size(self.bytes_written)
                ),
            ),
            (
                "of a bulk load",
                format!(
                    "{} writes, made durable by {} syncs",
                    text::count(self.writes_bulk),
                    text::count(self.syncs_bulk)
                ),
            ),
            ("write time, us", self.write_us.text()),
            ("records a write", self.write_records.text()),
            ("bytes a write", self.write_bytes.text()),
            ("commits waited", text::count(self.commit_wait_us.count)),
            ("wait, us", self.commit_wait_us.text()),
            ("stalled, buffer full", self.stalls_buffer_full.text()),
            ("stalled, rotation", self.stalls_rotation.text()),
            ("stalled, share", self.stalls_share.text()),
            ("refused, disk full", text::count(self.disk_full)),
            (
                "segments started",
                format!(
                    "{} filled, {} for bulk, {} hurried",
                    self.segments_filled, self.segments_bulk, self.segments_hurried
                ),
            ),
        ])
    }
}

impl Percentiles {
    fn new(histogram: &Histogram, unit: fn(u64) -> f64) -> Self {
        let at = |quantile| unit(histogram.at(quantile));
        Self {
            count: histogram.count(),
            p50: at(0.5),
            p99: at(0.99),
            p999: at(0.999),
            max: at(1.0),
        }
    }

    fn text(&self) -> String {
        format!(
            "p50 {:.0}, p99 {:.0}, p99.9 {:.0}, max {:.0}",
            self.p50, self.p99, self.p999, self.max
        )
    }
}

impl Stalls {
    fn new(stall: Stall) -> Self {
        Self {
            count: stall.count,
            milliseconds: text::millis(stall.total),
            longest_milliseconds: text::millis(stall.longest),
        }
    }

    fn text(&self) -> String {
        format!(
            "{}, {:.1} ms in all, {:.1} ms at most",
            text::count(self.count),
            self.milliseconds,
            self.longest_milliseconds
        )
    }
}

/// Nanoseconds in microseconds.
pub(super) fn micros(nanos: u64) -> f64 {
    text::millis(Duration::from_nanos(nanos)) * 1000.0
}

fn plain(number: u64) -> f64 {
    text::quotient(number, 1)
}
