//! Raw durable writes: what the disk can do, asked through the storage door.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nodedb_wal::storage::{AlignedBuf, StorageFile, WriteError};

use super::figures::{Group, Metric, Sample};
use super::latency::Latency;
use super::place::{Place, Spot, io};
use super::summary::{median, spread};
use crate::cli::error::CliError;
use crate::cli::text;

const SMALL_BYTES: usize = 4 << 10;
const SMALL_FILE_BYTES: u64 = 64 << 20;
const LARGE_BYTES: usize = 1 << 20;
const FILE: &str = "raw";

/// What is in the place of a write before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    /// Zeros that were written and synced: a write changes no metadata.
    Written,
    /// Space that was allocated and never written.
    Allocated,
}

impl Space {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Allocated => "allocated",
        }
    }

    /// The row of durable 4 KiB writes.
    pub(super) fn small_row(self) -> String {
        format!("4 KiB durable write, {} space", self.name())
    }

    /// The row of 1 MiB writes.
    pub(super) fn large_row(self) -> String {
        format!("1 MiB durable writes, {} space", self.name())
    }
}

/// 4 KiB at a time, each durable before the next.
pub(super) fn small(place: &Place, space: Space) -> Result<Vec<Sample>, CliError> {
    let spot = place.spot("raw-small")?;
    let mut writer = Writer::new(place, &spot, space, SMALL_BYTES, SMALL_FILE_BYTES)?;
    writer.run(place.warm_up(), u64::MAX)?;
    let ran = writer.run(place.time, u64::MAX)?;
    let sample = Sample::new(Group::Raw, space.small_row())
        .with(Metric::PerSecond, text::per_second(ran.writes, ran.busy))
        .with_latency(ran.latency);
    Ok(vec![sample])
}

/// 1 MiB at a time, in order; no more than a stream writes, so as not to use up what a disk with a
/// budget grants to the rows behind.
pub(super) fn large(place: &Place, space: Space) -> Result<Vec<Sample>, CliError> {
    let spot = place.spot("raw-large")?;
    let file_bytes = place.payload_bytes.min(1 << 30);
    let mut writer = Writer::new(place, &spot, space, LARGE_BYTES, file_bytes)?;
    let ran = writer.run(place.time, file_bytes / LARGE_BYTES as u64)?;
    let bytes = ran.writes * LARGE_BYTES as u64;
    let sample = Sample::new(Group::Raw, space.large_row())
        .with(Metric::PerSecond, text::per_second(ran.writes, ran.busy))
        .with(
            Metric::GigabytesPerSecond,
            text::per_second(bytes, ran.busy) / 1e9,
        )
        .with_latency(ran.latency);
    Ok(vec![sample])
}

/// The pace of durable 4 KiB writes over written space right before and after something: a disk that
/// is shared or has a budget is not as fast at one moment as at another.
pub(super) struct Pace<'a> {
    writer: Writer<'a>,
    time: Duration,
    /// Rate and p50 of each time it was taken.
    taken: Vec<(f64, f64)>,
}

impl<'a> Pace<'a> {
    /// Takes it for the first time. It writes to `spot`.
    pub(super) fn before(place: &Place, spot: &'a Spot) -> Result<Self, CliError> {
        let mut writer = Writer::new(place, spot, Space::Written, SMALL_BYTES, SMALL_FILE_BYTES)?;
        let time = place.time / 4;
        writer.run(time / 4, u64::MAX)?;
        let taken = Vec::new();
        let mut pace = Self {
            writer,
            time,
            taken,
        };
        pace.take()?;
        Ok(pace)
    }

    /// Takes it for the last time, and puts `sample` beside the mean.
    pub(super) fn after(mut self, sample: Sample) -> Result<Sample, CliError> {
        self.take()?;
        let (rates, p50s): (Vec<f64>, Vec<f64>) = self.taken.into_iter().unzip();
        let (rate, p50) = (Some(median(&rates)), Some(median(&p50s)));
        Ok(sample
            .with_ratio(Metric::RatioToDurableWrite, Metric::PerSecond, rate)
            .with_ratio(Metric::P50RatioToDurableWrite, Metric::P50Micros, p50)
            .with(Metric::PaceSpread, spread(&rates)))
    }

    fn take(&mut self) -> Result<(), CliError> {
        let ran = self.writer.run(self.time, u64::MAX)?;
        let rate = text::per_second(ran.writes, ran.busy);
        self.taken.push((rate, ran.latency.micros_at(0.5)));
        Ok(())
    }
}

/// Why a write did not happen, as any other operation tells it.
pub(super) fn cause(error: WriteError) -> std::io::Error {
    let (WriteError::NoSpace(source) | WriteError::Failed(source)) = error;
    source
}

/// Writes a file from front to back, over and over.
struct Writer<'a> {
    spot: &'a Spot,
    space: Space,
    file: Arc<dyn StorageFile>,
    file_bytes: u64,
    blocks: AlignedBuf,
    offset: u64,
}

struct Ran {
    latency: Latency,
    writes: u64,
    /// The time spent in writes alone.
    busy: Duration,
}

impl<'a> Writer<'a> {
    fn new(
        place: &Place,
        spot: &'a Spot,
        space: Space,
        write_bytes: usize,
        file_bytes: u64,
    ) -> Result<Self, CliError> {
        let mut blocks = AlignedBuf::zeroed(write_bytes);
        place.content.fill(blocks.as_mut_slice());
        Ok(Self {
            spot,
            space,
            file: prepare(spot, space, file_bytes)?,
            file_bytes,
            blocks,
            offset: 0,
        })
    }

    /// Writes for so long, or so often if that takes less.
    fn run(&mut self, time: Duration, writes_max: u64) -> Result<Ran, CliError> {
        let mut ran = Ran {
            latency: Latency::exact(),
            writes: 0,
            busy: Duration::ZERO,
        };
        while ran.busy < time && ran.writes < writes_max {
            let took = self.write()?;
            ran.latency.record(took);
            ran.writes += 1;
            ran.busy += took;
        }
        Ok(ran)
    }

    fn write(&mut self) -> Result<Duration, CliError> {
        if self.offset == self.file_bytes {
            self.start_over()?;
        }
        let started = Instant::now();
        let written = self.file.write_durable(self.blocks.as_slice(), self.offset);
        let took = started.elapsed();
        let written = written.map_err(cause);
        written.map_err(io("write", &self.spot.path().join(FILE)))?;
        self.offset += self.blocks.len() as u64;
        Ok(took)
    }

    /// Back to the front; allocated space that was written is written space, so it takes a new file.
    fn start_over(&mut self) -> Result<(), CliError> {
        self.offset = 0;
        if self.space == Space::Allocated {
            let removed = self.spot.storage().remove(FILE);
            removed.map_err(io("remove", &self.spot.path().join(FILE)))?;
            self.file = prepare(self.spot, self.space, self.file_bytes)?;
        }
        Ok(())
    }
}

fn prepare(spot: &Spot, space: Space, file_bytes: u64) -> Result<Arc<dyn StorageFile>, CliError> {
    let make = || {
        let file = spot.storage().create(FILE, file_bytes)?;
        if space == Space::Written {
            file.write_zeros(0, file_bytes)?;
        }
        file.sync()?;
        spot.storage().sync_directory()?;
        Ok(file)
    };
    make().map_err(io("make", &spot.path().join(FILE)))
}
