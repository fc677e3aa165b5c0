//! What a recorder of the `metrics` facade gets of a log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use nodedb_wal::{Config, Log, MetricsExporter, Record, RecordKind, Scope};

/// The last value of each counter and gauge, and all values of each histogram, by name and labels.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<BTreeMap<String, Vec<f64>>>>);

/// One metric of them.
struct Slot {
    kept: Kept,
    key: String,
}

impl Kept {
    fn slot(&self, key: &Key) -> Arc<Slot> {
        let labels: String = key
            .labels()
            .map(|label| format!(" {}={}", label.key(), label.value()))
            .collect();
        Arc::new(Slot {
            kept: self.clone(),
            key: format!("{}{labels}", key.name()),
        })
    }

    fn of(&self, key: &str) -> Vec<f64> {
        let kept = self.0.lock().unwrap();
        kept.get(key).cloned().unwrap_or_default()
    }
}

impl Slot {
    fn set(&self, values: Vec<f64>) {
        self.kept.0.lock().unwrap().insert(self.key.clone(), values);
    }
}

impl CounterFn for Slot {
    fn increment(&self, _: u64) {
        panic!("{}: counters are set", self.key);
    }

    fn absolute(&self, value: u64) {
        self.set(vec![value as f64]);
    }
}

impl GaugeFn for Slot {
    fn increment(&self, _: f64) {
        panic!("{}: gauges are set", self.key);
    }

    fn decrement(&self, _: f64) {
        panic!("{}: gauges are set", self.key);
    }

    fn set(&self, value: f64) {
        Slot::set(self, vec![value]);
    }
}

impl HistogramFn for Slot {
    fn record(&self, value: f64) {
        let mut kept = self.kept.0.lock().unwrap();
        kept.entry(self.key.clone()).or_default().push(value);
    }
}

impl Recorder for Kept {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.slot(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.slot(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.slot(key))
    }
}

#[test]
fn a_recorder_gets_totals_and_each_value_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(Config::new(directory.path()).segment_bytes(1 << 20)).unwrap();
    let commit = || {
        let record = Record::raw(RecordKind::Put, Scope::default(), b"12345");
        let lsn = log.append(&record).unwrap();
        log.commit(lsn).unwrap();
    };
    let kept = Kept::default();
    let mut exporter = MetricsExporter::new("a");
    let mut publish = || metrics::with_local_recorder(&kept, || exporter.publish(log.stats()));
    publish();
    commit();
    commit();
    publish();
    commit();
    publish();
    publish();
    assert_eq!(kept.of("nodedb_wal_commits_total log=a"), [3.0]);
    assert_eq!(kept.of("nodedb_wal_payload_bytes_total log=a"), [15.0]);
    assert_eq!(kept.of("nodedb_wal_durable_lsn log=a"), [3.0]);
    assert_eq!(
        kept.of("nodedb_wal_stalls_total log=a reason=buffer_full"),
        [0.0]
    );
    assert_eq!(kept.of("nodedb_wal_write_records log=a"), [1.0, 1.0, 1.0]);
    let seconds = kept.of("nodedb_wal_write_seconds log=a");
    assert_eq!(seconds.len(), 3, "{seconds:?}");
    assert!(seconds.iter().all(|&second| second > 0.0 && second < 60.0));
    assert_eq!(kept.of("nodedb_wal_commit_wait_seconds log=a").len(), 3);
}
