//! Workers: their queues, and what becomes of a replay when one of them fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use nodedb_wal::format::RecordHeader;
use nodedb_wal::payload::{Noop, Payload as _, TimeAnchor};
use nodedb_wal::types::{
    CollectionTag, DatabaseId, Epoch, Lsn, Record, RecordFlags, RecordKind, Scope, TenantId,
    Timestamp, VshardId,
};
use nodedb_wal::{Config, Log};
use tempfile::TempDir;

use super::parcel::Parcel;
use super::queue::{Queue, Stopped};
use super::*;
use crate::Error;
use crate::replay::{Replay, ReplayPlan, ReplayRecord, ReplaySink, SinkError};

fn parcel(bytes: usize) -> Parcel {
    let header = RecordHeader {
        payload_crc: 0,
        payload_len: 0,
        kind: RecordKind::Noop.code(),
        flags: RecordFlags::NONE,
        lsn: Lsn::FIRST,
        scope: Scope::default(),
        collection: CollectionTag::NONE,
        epoch: Epoch::NONE,
        timestamp: Timestamp::from_nanos(0),
    };
    let mut parcel = Parcel::default();
    parcel.push(&ReplayRecord::new(&header, &vec![0; bytes]));
    parcel
}

#[test]
fn a_queue_holds_no_more_than_its_bytes_or_one_parcel() {
    let one = parcel(1000).bytes();
    let queue = Queue::new(3 * one);
    let (mut parcels, mut high) = (0, 0);
    thread::scope(|threads| {
        threads.spawn(|| {
            for _ in 0..200 {
                queue.push(parcel(1000)).unwrap();
            }
            queue.push(parcel(100_000)).unwrap();
            queue.close();
        });
        // Looked at when it is over: a panic here would leave the other thread waiting.
        while let Some(parcel) = queue.pop() {
            parcels += 1;
            if parcels <= 200 {
                high = queue.high();
            }
            queue.done(parcel);
        }
    });
    assert_eq!(parcels, 201);
    assert!(high <= 3 * one, "{high}");
    assert_eq!(queue.high(), parcel(100_000).bytes());
}

#[test]
fn a_queue_that_was_stopped_lets_everybody_go() {
    let queue = Queue::new(0);
    queue.push(parcel(10)).unwrap();
    thread::scope(|threads| {
        let waits = threads.spawn(|| queue.push(parcel(10)));
        queue.stop();
        assert_eq!(waits.join().unwrap(), Err(Stopped));
    });
    assert!(queue.pop().is_none() && queue.is_stopped());
}

fn log(records: u32, vshards: u32) -> (TempDir, Log) {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    let log = Log::open(config).unwrap();
    for number in 0..records {
        let scope = Scope::new(
            TenantId::new(1),
            DatabaseId::new(1),
            VshardId::new(number % vshards),
        );
        let mut bytes = Vec::new();
        if number % 10 == 9 {
            let wall_clock = Timestamp::from_nanos(i64::from(number));
            let anchor = TimeAnchor { wall_clock };
            log.append(&anchor.record(scope, &mut bytes).unwrap())
                .unwrap();
        } else {
            log.append(&Record::raw(RecordKind::Put, scope, &[7; 100]))
                .unwrap();
        }
    }
    log.sync().unwrap();
    (directory, log)
}

/// Keeps what it is given, and fails or panics at a record if it is told to.
#[derive(Default)]
struct Probe {
    seen: Vec<(u64, u32, bool)>,
    finished: Option<Lsn>,
    fails_at: Option<Lsn>,
}

impl ReplaySink for Probe {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> Result<(), SinkError> {
        if self.fails_at == Some(record.lsn()) {
            return Err("no room".into());
        }
        let header = record.header();
        let is_control = header.kind == RecordKind::TimeAnchor.code();
        let vshard = header.scope.vshard.value();
        self.seen.push((record.lsn().value(), vshard, is_control));
        Ok(())
    }

    fn finish(&mut self, through: Lsn) -> Result<(), SinkError> {
        self.finished = Some(through);
        Ok(())
    }
}

#[test]
fn each_sink_gets_its_vshards_and_every_control_record_in_the_order_of_the_log() {
    let (_directory, log) = log(5_000, 11);
    let mut sinks: Vec<Probe> = (0..4).map(|_| Probe::default()).collect();
    let plan = ReplayPlan::default();
    let workers = Workers::new().queue_bytes(400_000);
    let report = Replay::new(&log, &plan)
        .run_partitioned(&mut sinks, workers)
        .unwrap();
    assert_eq!((report.applied, report.seen()), (5_000, 5_000));
    assert!(
        (1..=400_000).contains(&report.queued_bytes_max),
        "{report:?}"
    );
    let mut data = 0;
    for (number, sink) in (0..).zip(&sinks) {
        assert!(sink.seen.is_sorted_by(|one, next| one.0 < next.0));
        let own = sink.seen.iter().filter(|(.., is_control)| !is_control);
        assert!(own.clone().all(|(_, vshard, _)| vshard % 4 == number));
        data += own.count();
        let controls = sink.seen.iter().filter(|(.., is_control)| *is_control);
        assert_eq!(controls.count(), 500);
        assert_eq!(sink.finished, Some(Lsn::new(5_000)));
    }
    assert_eq!(data, 4_500);
}

#[test]
fn the_error_of_one_worker_stops_all_and_is_the_one_reported() {
    let (_directory, log) = log(5_000, 4);
    for fails_at in [1, 2_502, 4_999] {
        let mut sinks: Vec<Probe> = (0..4).map(|_| Probe::default()).collect();
        let fails_at = Lsn::new(fails_at);
        sinks
            .iter_mut()
            .for_each(|sink| sink.fails_at = Some(fails_at));
        let plan = ReplayPlan::default();
        // Little room, so that the stream is waiting for it when the worker fails.
        let workers = Workers::new().queue_bytes(0);
        let error = Replay::new(&log, &plan)
            .run_partitioned(&mut sinks, workers)
            .unwrap_err();
        assert!(
            matches!(&error, Error::Sink { lsn, source } if *lsn == fails_at && source.to_string() == "no room"),
            "{error:?}"
        );
        // Whoever had everything by then is finished; the one that failed is not.
        let at = usize::try_from((fails_at.value() - 1) % 4).unwrap();
        assert_eq!(sinks[at].finished, None);
    }
}

#[test]
fn what_stops_the_stream_comes_behind_what_was_in_front_of_it() {
    let (_directory, log) = log(3_000, 4);
    let scope = Scope::default();
    let broken = Record::raw(RecordKind::SurrogateBind, scope, b"?");
    let lsn = log.append(&broken).unwrap();
    let mut bytes = Vec::new();
    log.append(&Noop.record(scope, &mut bytes).unwrap())
        .unwrap();
    log.sync().unwrap();
    let mut sinks: Vec<Probe> = (0..3).map(|_| Probe::default()).collect();
    let plan = ReplayPlan::default();
    let error = Replay::new(&log, &plan)
        .run_partitioned(&mut sinks, Workers::new())
        .unwrap_err();
    assert!(
        matches!(error, Error::UndecodableControl { lsn: at, .. } if at == lsn),
        "{error:?}"
    );
    let data = |sink: &Probe| {
        sink.seen
            .iter()
            .filter(|(.., is_control)| !is_control)
            .count()
    };
    assert_eq!(sinks.iter().map(data).sum::<usize>(), 2_700);
    assert!(sinks.iter().all(|sink| sink.finished.is_none()));
}

/// A sink that is slow holds the stream up: no more waits for it than may.
#[test]
fn a_slow_sink_holds_the_stream_up() {
    struct Slow<'s> {
        started: mpsc::Sender<()>,
        goes_on: mpsc::Receiver<()>,
        first: bool,
        applied: &'s AtomicU64,
    }
    impl ReplaySink for Slow<'_> {
        fn apply(&mut self, _: &ReplayRecord<'_>) -> Result<(), SinkError> {
            if std::mem::take(&mut self.first) {
                self.started.send(())?;
                self.goes_on.recv()?;
            }
            self.applied.fetch_add(1, Ordering::Relaxed);
            Ok(())
        }
    }
    let (_directory, log) = log(20_000, 1);
    let (started, has_started) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let applied = AtomicU64::new(0);
    let mut sinks = [Slow {
        started,
        goes_on,
        first: true,
        applied: &applied,
    }];
    let furthest = AtomicU64::new(0);
    let report = thread::scope(|threads| {
        let plan = ReplayPlan::default();
        let (log, sinks, furthest) = (&log, &mut sinks, &furthest);
        let running = threads.spawn(move || {
            let mut progress = |progress: &crate::replay::ReplayProgress| {
                furthest.store(progress.at.value(), Ordering::SeqCst);
            };
            let replay = Replay::new(log, &plan).on_progress(&mut progress);
            replay.run_partitioned(sinks, Workers::new().queue_bytes(200_000))
        });
        has_started.recv().unwrap();
        // However far the stream came meanwhile, it cannot have come to the end.
        assert!(furthest.load(Ordering::SeqCst) < 20_000);
        go_on.send(()).unwrap();
        running.join().unwrap().unwrap()
    });
    assert_eq!(applied.load(Ordering::Relaxed), 20_000);
    assert!(
        report.queued_bytes_max <= 200_000,
        "{}",
        report.queued_bytes_max
    );
}

#[test]
fn there_must_be_a_sink() {
    let (_directory, log) = log(1, 1);
    let plan = ReplayPlan::default();
    let mut none: [Probe; 0] = [];
    let error = Replay::new(&log, &plan)
        .run_partitioned(&mut none, Workers::new())
        .unwrap_err();
    assert!(matches!(error, Error::NoSinks), "{error:?}");
}
