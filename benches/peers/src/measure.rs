//! The steps themselves: what a worker process does with one peer. The same code for each of them.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::figures::{Figures, Metric};
use crate::files;
use crate::peer::{Content, Each, Failure, Kind, Peer, Purpose, Standing};
use crate::task::Cache;

/// What a commit carries, and what a log that is opened is made of.
const COMMIT_BYTES: usize = 256;
/// How much is written before a crash.
const CRASH_BYTES: u64 = 40 << 20;
/// The longest time told apart from longer ones.
const NANOS_MAX: u64 = 60_000_000_000;

/// Where, how long, and how much.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    pub(crate) directory: &'a Path,
    pub(crate) time: Duration,
    pub(crate) payload_bytes: u64,
}

pub(crate) fn commits(kind: &Kind, place: &Place<'_>, threads: usize) -> Result<Figures, Failure> {
    // The disk by itself is measured one write at a time, whatever it stands beside.
    let threads = match kind.standing {
        Standing::Raw => 1,
        _ => threads,
    };
    let peer = (kind.open)(place.directory, Purpose::Commits { threads })?;
    let content = Content::new(1);
    let barrier = Barrier::new(threads);
    let done = std::thread::scope(|scope| {
        let (peer, content, barrier) = (peer.as_ref(), &content, &barrier);
        let work = move |thread| commit_until_over(peer, content, place.time, thread, barrier);
        let threads: Vec<_> = (0..threads)
            .map(|thread| scope.spawn(move || work(thread)))
            .collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect::<Result<Vec<_>, Failure>>()
    })?;
    let (mut latency, mut took) = (new_latency()?, place.time);
    for (part, part_took) in done {
        latency.add(part)?;
        took = took.max(part_took);
    }
    let micros = |quantile| Duration::from_nanos(latency.value_at_quantile(quantile)).as_secs_f64();
    let figures = [
        (Metric::PerSecond, rate(latency.len(), took)),
        (Metric::P50Micros, micros(0.5) * 1e6),
        (Metric::P99Micros, micros(0.99) * 1e6),
    ];
    peer.close()?;
    Ok(with_peak(figures.into()))
}

fn commit_until_over(
    peer: &dyn Peer,
    content: &Content,
    time: Duration,
    thread: usize,
    barrier: &Barrier,
) -> Result<(Histogram<u64>, Duration), Failure> {
    let mut latency = new_latency()?;
    barrier.wait();
    let warm = Instant::now() + time / 4;
    let over = warm + time;
    // Each thread's payloads start elsewhere in the content.
    let mut number = thread << 10;
    let mut started = Instant::now();
    // At least one, however long it takes.
    while started < over || latency.is_empty() {
        peer.commit(thread, content.payload(number, COMMIT_BYTES))?;
        let now = Instant::now();
        if now >= warm {
            let nanos = u64::try_from((now - started).as_nanos())?;
            latency.saturating_record(nanos);
        }
        (number, started) = (number + 1, now);
    }
    Ok((latency, started - warm))
}

/// Exact to a hundredth: 256 of them take little memory beside a log.
fn new_latency() -> Result<Histogram<u64>, Failure> {
    Ok(Histogram::new_with_bounds(1, NANOS_MAX, 2)?)
}

pub(crate) fn stream(
    kind: &Kind,
    place: &Place<'_>,
    payload_bytes: usize,
) -> Result<Figures, Failure> {
    let purpose = Purpose::Stream {
        payload_bytes: place.payload_bytes,
    };
    let peer = (kind.open)(place.directory, purpose)?;
    let content = Content::new(1);
    let payloads = content.payloads(place.payload_bytes, payload_bytes);
    let records = payloads.len() as u64;
    let started = Instant::now();
    peer.stream(payloads)?;
    let took = started.elapsed();
    peer.close()?;
    let mut figures = rates(kind, records, payload_bytes, took);
    let disk = files::disk_bytes(place.directory)?;
    let payload = Duration::from_secs(records * payload_bytes as u64);
    figures.insert(Metric::DiskPerPayload, rate(disk, payload));
    Ok(with_peak(figures))
}

pub(crate) fn replay(
    kind: &Kind,
    place: &Place<'_>,
    payload_bytes: usize,
    cache: Cache,
) -> Result<Figures, Failure> {
    match cache {
        Cache::Cold => files::cool(place.directory)?,
        Cache::Warm => files::warm(place.directory)?,
    }
    let (records, bytes) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
    let each: Each = {
        let (records, bytes) = (Arc::clone(&records), Arc::clone(&bytes));
        // Nobody else writes them, so that no locked instruction is needed.
        let add =
            |to: &AtomicU64, more| to.store(to.load(Ordering::Relaxed) + more, Ordering::Relaxed);
        Box::new(move |payload| {
            add(&records, 1);
            add(&bytes, black_box(payload).len() as u64);
        })
    };
    let started = Instant::now();
    (kind.read)(place.directory, each)?;
    let took = started.elapsed();
    let expected = Content::new(1)
        .payloads(place.payload_bytes, payload_bytes)
        .len() as u64;
    let (records, bytes) = (
        records.load(Ordering::Relaxed),
        bytes.load(Ordering::Relaxed),
    );
    if bytes != expected * payload_bytes as u64 {
        let what =
            format!("{expected} records were written, {records} came back, of {bytes} bytes");
        return Err(what.into());
    }
    Ok(with_peak(rates(kind, expected, payload_bytes, took)))
}

/// Records and bytes per second; the disk knows no records.
fn rates(kind: &Kind, records: u64, payload_bytes: usize, took: Duration) -> Figures {
    let bytes = rate(records * payload_bytes as u64, took) / 1e9;
    let mut figures = Figures::from([(Metric::GigabytesPerSecond, bytes)]);
    if kind.standing != Standing::Raw {
        figures.insert(Metric::PerSecond, rate(records, took));
    }
    figures
}

/// Leaves a log to be opened later.
pub(crate) fn fill(kind: &Kind, place: &Place<'_>) -> Result<(), Failure> {
    let purpose = Purpose::Stream {
        payload_bytes: place.payload_bytes,
    };
    let peer = (kind.open)(place.directory, purpose)?;
    peer.stream(Content::new(1).payloads(place.payload_bytes, COMMIT_BYTES))?;
    peer.close()
}

/// Appends some more, and leaves the log open.
pub(crate) fn append_and_leave(kind: &Kind, place: &Place<'_>) -> Result<Box<dyn Peer>, Failure> {
    let peer = (kind.open)(place.directory, Purpose::Reopen)?;
    let bytes = CRASH_BYTES.min(place.payload_bytes);
    peer.stream(Content::new(2).payloads(bytes, COMMIT_BYTES))?;
    Ok(peer)
}

pub(crate) fn open(kind: &Kind, place: &Place<'_>) -> Result<Figures, Failure> {
    files::cool(place.directory)?;
    let content = Content::new(3);
    let started = Instant::now();
    let peer = (kind.open)(place.directory, Purpose::Reopen)?;
    let opened = started.elapsed();
    peer.commit(0, content.payload(0, COMMIT_BYTES))?;
    let durable = started.elapsed();
    let figures = [
        (Metric::OpenMillis, opened.as_secs_f64() * 1e3),
        (Metric::FirstDurableMillis, durable.as_secs_f64() * 1e3),
    ];
    let figures = with_peak(figures.into());
    peer.close()?;
    Ok(figures)
}

fn rate(count: u64, took: Duration) -> f64 {
    // Exact up to 2^53, and a rate needs no more.
    let count = Duration::from_secs(count).as_secs_f64();
    if took.is_zero() {
        0.0
    } else {
        count / took.as_secs_f64()
    }
}

/// With the most memory the process held at once, mapped files included, where the kernel says so.
fn with_peak(mut figures: Figures) -> Figures {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().split(' ').next()?.parse::<u32>().ok());
    if let Some(kib) = kib {
        figures.insert(Metric::PeakMib, f64::from(kib) / 1024.0);
    }
    figures
}
