//! Following a log: in the process that writes it, as a stream, and through its directory.

use std::fs::File;
use std::future::poll_fn;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use futures_core::Stream;
use nodedb_wal::*;

fn small(directory: &Path) -> Config {
    Config::new(directory).segment_bytes(1 << 20)
}

fn put(log: &Log, tenant: u64, payload: &[u8]) -> Lsn {
    let scope = Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(3));
    log.append(&Record::raw(RecordKind::Put, scope, payload))
        .unwrap()
}

fn payload(lsn: u64) -> Vec<u8> {
    lsn.to_le_bytes()
        .repeat(1 + usize::try_from(lsn % 400).unwrap())
}

/// Appends records `from..=to`, as batches and one by one, and commits now and then.
fn write(log: &Log, from: u64, to: u64) {
    let mut lsn = from;
    while lsn <= to {
        let payloads: Vec<_> = (lsn..=to.min(lsn + lsn % 3)).map(payload).collect();
        let record = |bytes| Record::raw(RecordKind::Put, Scope::default(), bytes);
        let records: Vec<_> = payloads.iter().map(|bytes| record(bytes)).collect();
        let lsns = log.append_batch(&records).unwrap();
        assert_eq!(lsns.first, Lsn::new(lsn));
        if lsn.is_multiple_of(5) {
            log.commit(lsns.last).unwrap();
        }
        lsn += records.len() as u64;
    }
    log.sync().unwrap();
}

fn check(record: &RecordView<'_>, lsn: u64) {
    assert_eq!(record.lsn(), Lsn::new(lsn));
    assert_eq!(record.payload, payload(lsn));
}

const RECORDS: u64 = 12_000;

#[test]
fn a_tail_delivers_everything_durable_once_and_in_order_and_ends_with_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let follow = |from: u64| {
        let mut tail = log.tail(ReadOptions::from(Lsn::new(from))).unwrap();
        thread::spawn(move || {
            let mut next = from;
            while let Some(record) = tail.next().unwrap() {
                check(&record, next);
                next += 1;
            }
            assert!(matches!(tail.try_next().unwrap(), Tailed::End));
            next
        })
    };
    // From the start, from the middle of what is to come, and from far behind it.
    let followers = [1, 5_000, RECORDS].map(follow);
    write(&log, 1, RECORDS);
    assert!(log.stats().rotations > 2);
    log.close().unwrap();
    for follower in followers {
        assert_eq!(follower.join().unwrap(), RECORDS + 1);
    }
}

#[test]
fn a_tail_shows_nothing_before_it_is_durable_and_keeps_to_its_filters() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let mine = ReadOptions::all()
        .tenant(TenantId::new(2))
        .until(Lsn::new(5));
    let mut tail = log.tail(mine).unwrap();
    for tenant in [1, 2, 1, 2, 1, 2] {
        put(&log, tenant, b"x");
    }
    assert!(matches!(tail.try_next().unwrap(), Tailed::NotYet));
    let waited = tail.next_timeout(Duration::from_millis(1)).unwrap();
    assert!(matches!(waited, Tailed::NotYet));
    log.commit(Lsn::new(3)).unwrap();
    for lsn in [2, 4] {
        let Tailed::Record(record) = tail.try_next().unwrap() else {
            panic!("record {lsn} is durable");
        };
        assert_eq!(record.lsn(), Lsn::new(lsn));
    }
    // Record 6 lies behind the last that was asked for.
    assert!(tail.next().unwrap().is_none());
}

#[test]
fn a_tail_is_told_that_what_it_wants_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let mut tail = log.tail(ReadOptions::from(Lsn::FIRST)).unwrap();
    write(&log, 1, 3_000);
    assert!(log.truncate_before(Lsn::new(2_900)).unwrap().start_lsn > Lsn::FIRST);
    let error = tail.next().unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
    assert!(tail.next().is_err(), "it says so again");
    let error = log.tail(ReadOptions::from(Lsn::FIRST)).unwrap_err();
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}

/// Wakes a thread that polls.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Takes from a stream, blocking.
pub(crate) fn taking<S: Stream>(mut stream: Pin<&mut S>) -> impl FnMut() -> Option<S::Item> {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    move || {
        let mut context = Context::from_waker(&waker);
        loop {
            match stream.as_mut().poll_next(&mut context) {
                Poll::Ready(next) => return next,
                Poll::Pending => thread::park(),
            }
        }
    }
}

/// Takes a stream to its end.
pub(crate) fn collect<S: Stream<Item = Result<OwnedRecord>>>(stream: S) -> Vec<OwnedRecord> {
    let stream = pin!(stream);
    let next = taking(stream);
    std::iter::from_fn(next).map(Result::unwrap).collect()
}

#[test]
fn a_stream_needs_no_runtime_and_its_records_own_their_bytes() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let stream = log.tail(ReadOptions::all()).unwrap().into_stream();
    let polling = thread::spawn(move || collect(stream));
    write(&log, 1, 2_000);
    log.close().unwrap();
    let records = polling.join().unwrap();
    assert_eq!(records.len(), 2_000);
    for (record, lsn) in records.iter().zip(1..) {
        assert_eq!(record.lsn(), Lsn::new(lsn));
        let copy = record.clone();
        for bytes in [record.payload(), copy.payload()] {
            assert_eq!(bytes, payload(lsn));
            assert!(bytes.as_ptr().addr().is_multiple_of(16));
        }
    }
}

#[test]
fn a_task_that_gave_up_is_not_woken_and_one_that_waits_is() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let mut tail = log.tail(ReadOptions::all()).unwrap();
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut first = pin!(poll_fn(|context| tail
        .poll_next(context)
        .map(|record| record.map(|record| record.map(|record| record.lsn())))));
    let mut context = Context::from_waker(&waker);
    assert!(first.as_mut().poll(&mut context).is_pending());
    write(&log, 1, 1);
    thread::park();
    let Poll::Ready(Ok(Some(lsn))) = first.as_mut().poll(&mut context) else {
        panic!("the record is durable");
    };
    assert_eq!(lsn, Lsn::FIRST);
}

/// Follows the log through its directory, until record `last`.
fn follower(directory: &Path, last: u64) -> impl FnOnce() -> u64 + Send + 'static {
    let options = ReadOptions::from(Lsn::FIRST).until(Lsn::new(last));
    let mut follower = Follower::open(directory, options).unwrap();
    assert!(follower.is_told());
    move || {
        let mut next = 1;
        while let Some(record) = follower.next().unwrap() {
            check(&record, next);
            next += 1;
        }
        next
    }
}

#[test]
fn a_follower_sees_the_log_through_rotation_closing_and_opening_again() {
    for io_mode in [storage::IoMode::Direct, storage::IoMode::Buffered] {
        let directory = tempfile::tempdir().unwrap();
        // Before there is a log.
        let following = thread::spawn(follower(directory.path(), RECORDS));
        let config = || small(directory.path()).io_mode(io_mode);
        let log = Log::open(config()).unwrap();
        write(&log, 1, 5_000);
        log.close().unwrap();
        // Of this life nothing is left but a segment that the next one makes anew.
        drop(Log::open(config()).unwrap());
        let log = Log::open(config()).unwrap();
        write(&log, 5_001, 8_000);
        put(&log, 1, b"never committed");
        drop(log);
        let log = Log::open(config()).unwrap();
        let late = thread::spawn(follower(directory.path(), RECORDS));
        write(&log, 8_001, RECORDS);
        // The last write is vouched for by the witness, though nobody writes any more.
        assert_eq!(following.join().unwrap(), RECORDS + 1);
        assert_eq!(late.join().unwrap(), RECORDS + 1);
        log.close().unwrap();
    }
}

#[test]
fn a_follower_is_told_that_what_it_wants_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path())).unwrap();
    let mut slow = Follower::open(directory.path(), ReadOptions::from(Lsn::FIRST)).unwrap();
    write(&log, 1, 6_000);
    let start = log.truncate_before(Lsn::new(5_900)).unwrap().start_lsn;
    // Its space is used again.
    write(&log, 6_001, 9_000);
    let mut lsn = Lsn::ZERO;
    let error = loop {
        match slow.next() {
            Ok(Some(record)) => {
                lsn = lsn.next();
                check(&record, lsn.value());
            }
            Ok(None) => panic!("it was not stopped"),
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
    assert!(lsn < start);
    let mut fresh = Follower::open(directory.path(), ReadOptions::from(start)).unwrap();
    check(&fresh.next().unwrap().unwrap(), start.value());
}

#[test]
fn a_follower_waits_for_what_vouches_and_reads_only_what_is_new() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(small(directory.path()).witness_after(None)).unwrap();
    let mut follower = Follower::open(directory.path(), ReadOptions::all()).unwrap();
    write(&log, 1, 1);
    // It is on the disk, and nothing there says so.
    let waited = follower.next_timeout(Duration::from_millis(30)).unwrap();
    assert!(matches!(waited, Tailed::NotYet));
    assert!(log.witness().unwrap());
    check(&follower.next().unwrap().unwrap(), 1);
    let before = follower.stats().bytes_read;
    for lsn in 2..=200 {
        write(&log, lsn, lsn);
        log.witness().unwrap();
        check(&follower.next().unwrap().unwrap(), lsn);
    }
    let each = (follower.stats().bytes_read - before) / 199;
    println!("{each} bytes read for each record that came alone");
    assert!(each < 600 << 10, "{each} bytes read for each record");
}

#[test]
fn a_follower_that_is_stopped_waits_no_longer() {
    let directory = tempfile::tempdir().unwrap();
    let mut follower = Follower::open(directory.path(), ReadOptions::all()).unwrap();
    let stopper = follower.stopper();
    let (began, begun) = mpsc::channel();
    let waiting = thread::spawn(move || {
        began.send(()).unwrap();
        follower.next().unwrap().is_none() && follower.next().unwrap().is_none()
    });
    begun.recv().unwrap();
    stopper.stop();
    assert!(waiting.join().unwrap());
}

/// Flips a bit of the log, `from` bytes from where `bytes` stand in it.
fn damage(directory: &Path, bytes: &[u8], from: i64) {
    let files = std::fs::read_dir(directory).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    let segments = paths.filter(|path| path.extension().is_some_and(|end| end == "seg"));
    for path in segments {
        let content = std::fs::read(&path).unwrap();
        let mut windows = content.windows(bytes.len());
        if let Some(at) = windows.position(|window| window == bytes) {
            let at = u64::try_from(at).unwrap().checked_add_signed(from).unwrap();
            let file = File::options().write(true).open(path).unwrap();
            let byte = content[usize::try_from(at).unwrap()];
            file.write_all_at(&[byte ^ 4], at).unwrap();
            return;
        }
    }
    panic!("{bytes:?} is nowhere");
}

/// A header that is damaged looks like a write on its way, until something stands behind it.
#[test]
fn a_follower_is_told_of_damage_once_something_vouches_for_what_was_there() {
    const BYTES: &[u8] = b"to be damaged";
    for from in [-60, 3] {
        let directory = tempfile::tempdir().unwrap();
        let log = Log::open(small(directory.path()).witness_after(None)).unwrap();
        let mut follower = Follower::open(directory.path(), ReadOptions::all()).unwrap();
        write(&log, 1, 1);
        log.witness().unwrap();
        check(&follower.next().unwrap().unwrap(), 1);
        log.commit(put(&log, 1, BYTES)).unwrap();
        damage(directory.path(), BYTES, from);
        let waited = follower.next_timeout(Duration::from_millis(1)).unwrap();
        assert!(matches!(waited, Tailed::NotYet));
        log.witness().unwrap();
        for _ in 0..2 {
            let error = follower.next().unwrap_err();
            let Error::Damaged { lsns, .. } = &error else {
                panic!("{error}");
            };
            assert_eq!(lsns.first, Lsn::new(2));
        }
    }
}
