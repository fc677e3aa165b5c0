//! Hands statistics on to the `metrics` facade: whatever recorder the program has installed gets
//! them. The only user of that crate.

use metrics::{counter, gauge, histogram};

use super::stats::{Histogram, Stall, Stats};

/// Hands one log's statistics on, under names that start with `nodedb_wal_` and with the log's name
/// as the label `log`. Nothing is handed on by itself: whoever owns the log calls
/// [`publish`](Self::publish) as often as fresh figures are wanted, and committing costs nothing
/// more for it.
#[derive(Debug)]
pub struct MetricsExporter {
    log: String,
    /// What was handed on before: recorders take new values only.
    last: Option<Stats>,
}

impl MetricsExporter {
    /// One for the log that is to be called `log`.
    #[must_use]
    pub fn new(log: impl Into<String>) -> Self {
        Self {
            log: log.into(),
            last: None,
        }
    }

    /// Hands `stats` on. They are those of one log, and each call's are later than those before; a
    /// log that was opened again gets a new exporter.
    pub fn publish(&mut self, stats: Stats) {
        self.counters(&stats);
        self.gauges(&stats);
        let last = self.last.as_ref();
        self.times(
            "nodedb_wal_write_seconds",
            &stats.write_nanos,
            last.map(|last| &last.write_nanos),
        );
        self.times(
            "nodedb_wal_commit_wait_seconds",
            &stats.commit_wait_nanos,
            last.map(|last| &last.commit_wait_nanos),
        );
        self.counts(
            "nodedb_wal_write_records",
            &stats.write_records,
            last.map(|last| &last.write_records),
        );
        self.counts(
            "nodedb_wal_write_bytes",
            &stats.write_bytes,
            last.map(|last| &last.write_bytes),
        );
        self.last = Some(stats);
    }

    fn counters(&self, stats: &Stats) {
        let pairs = [
            ("nodedb_wal_records_total", stats.records),
            ("nodedb_wal_payload_bytes_total", stats.payload_bytes),
            ("nodedb_wal_writes_total", stats.writes),
            ("nodedb_wal_written_bytes_total", stats.bytes_written),
            ("nodedb_wal_bulk_writes_total", stats.writes_bulk),
            ("nodedb_wal_bulk_syncs_total", stats.syncs_bulk),
            ("nodedb_wal_commits_total", stats.commits),
            ("nodedb_wal_disk_full_total", stats.disk_full),
            ("nodedb_wal_rotations_total", stats.rotations),
            ("nodedb_wal_segments_retired_total", stats.segments.retired),
            (
                "nodedb_wal_segments_recycled_total",
                stats.segments.recycled,
            ),
        ];
        for (name, value) in pairs {
            counter!(name, "log" => self.log.clone()).absolute(value);
        }
        let spaces = [
            ("filled", stats.segments.filled),
            ("bulk", stats.segments.bulk),
            ("hurried", stats.segments.hurried),
        ];
        for (space, value) in spaces {
            let log = self.log.clone();
            counter!("nodedb_wal_segments_started_total", "log" => log, "space" => space)
                .absolute(value);
        }
        self.stall("buffer_full", stats.stalled_buffer_full);
        self.stall("rotation", stats.stalled_rotation);
        self.stall("share", stats.stalled_share);
    }

    fn stall(&self, reason: &'static str, stall: Stall) {
        let log = || self.log.clone();
        counter!("nodedb_wal_stalls_total", "log" => log(), "reason" => reason)
            .absolute(stall.count);
        let nanos = u64::try_from(stall.total.as_nanos()).unwrap_or(u64::MAX);
        counter!("nodedb_wal_stalled_nanoseconds_total", "log" => log(), "reason" => reason)
            .absolute(nanos);
    }

    fn gauges(&self, stats: &Stats) {
        let pairs = [
            ("nodedb_wal_start_lsn", stats.start_lsn.value()),
            ("nodedb_wal_durable_lsn", stats.durable_lsn.value()),
            ("nodedb_wal_next_lsn", stats.next_lsn.value()),
            ("nodedb_wal_buffered_bytes", stats.bytes_buffered),
            ("nodedb_wal_in_flight_bytes", stats.bytes_in_flight),
        ];
        for (name, value) in pairs {
            gauge!(name, "log" => self.log.clone()).set(float(value));
        }
    }

    /// Hands on what came since, from nanoseconds in seconds.
    fn times(&self, name: &'static str, now: &Histogram, last: Option<&Histogram>) {
        self.record(name, now, last, |nanos| float(nanos) / 1e9);
    }

    fn counts(&self, name: &'static str, now: &Histogram, last: Option<&Histogram>) {
        self.record(name, now, last, float);
    }

    fn record(
        &self,
        name: &'static str,
        now: &Histogram,
        last: Option<&Histogram>,
        unit: impl Fn(u64) -> f64,
    ) {
        let handle = histogram!(name, "log" => self.log.clone());
        for (value, count) in new_values(now, last) {
            handle.record_many(unit(value), usize::try_from(count).unwrap_or(usize::MAX));
        }
    }
}

fn new_values(now: &Histogram, last: Option<&Histogram>) -> Vec<(u64, u64)> {
    match last {
        Some(last) => now.values_since(last).collect(),
        None => now.values().collect(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "the facade's gauges and histograms are floats"
)]
fn float(value: u64) -> f64 {
    value as f64
}
