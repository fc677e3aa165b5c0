//! Raw durable writes: what the disk can do, asked through the storage door.

use std::sync::Arc;
use std::time::{Duration, Instant};

use nodedb_wal::storage::{AlignedBuf, StorageFile, WriteError};

use super::figures::{Group, Metric, Sample};
use super::latency::Latency;
use super::place::{Place, Spot, io};
use crate::cli::error::CliError;
use crate::cli::text;

const SMALL_BYTES: usize = 4 << 10;
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
    let ran = Writer::new(place, &spot, space, SMALL_BYTES, 64 << 20)?.run(place)?;
    let sample = Sample::new(Group::Raw, space.small_row())
        .with(Metric::PerSecond, text::per_second(ran.writes, ran.busy))
        .with_latency(ran.latency);
    Ok(vec![sample])
}

/// 1 MiB at a time, in order.
pub(super) fn large(place: &Place, space: Space) -> Result<Vec<Sample>, CliError> {
    let spot = place.spot("raw-large")?;
    let file_bytes = place.payload_bytes.min(1 << 30);
    let ran = Writer::new(place, &spot, space, LARGE_BYTES, file_bytes)?.run(place)?;
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

    fn run(mut self, place: &Place) -> Result<Ran, CliError> {
        let mut ran = Ran {
            latency: Latency::exact(),
            writes: 0,
            busy: Duration::ZERO,
        };
        let warm = Instant::now() + place.warm_up();
        while Instant::now() < warm {
            self.write()?;
        }
        while ran.busy < place.time {
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
