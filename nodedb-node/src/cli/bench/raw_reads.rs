//! Raw sequential reads, through the storage door: of a file of their own, or of a log's files to
//! compare a replay with.

use std::path::Path;
use std::time::{Duration, Instant};

use nodedb_wal::storage::{Access, AlignedBuf, IoMode, OsStorage, Storage};

use super::figures::{Group, Metric, Sample};
use super::place::{Place, io};
use super::raw_writes::cause;
use crate::cli::error::CliError;
use crate::cli::text;

const READ_BYTES: usize = 1 << 20;
const FILE: &str = "raw";

/// How a file comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Through the page cache, which holds nothing of it, with read-ahead.
    Cold,
    /// Through the page cache, which holds all of it.
    Warm,
    /// Past the page cache.
    Direct,
}

/// Files of one directory.
#[derive(Debug)]
pub(super) struct Files<'a> {
    pub(super) directory: &'a Path,
    pub(super) names: Vec<String>,
}

/// Reads a file of the benchmark's own in every way.
pub(super) fn own_file(place: &Place) -> Result<Vec<Sample>, CliError> {
    let spot = place.spot("raw-read")?;
    fill(place, spot.path()).map_err(io("fill a file in", spot.path()))?;
    let files = Files {
        directory: spot.path(),
        names: vec![FILE.to_owned()],
    };
    let mut samples = Vec::new();
    for (reading, name) in [
        (Reading::Direct, "1 MiB direct reads"),
        (Reading::Cold, "1 MiB buffered reads, cold"),
        (Reading::Warm, "1 MiB buffered reads, warm"),
    ] {
        let rate = files.read_rate(reading)?;
        samples.push(Sample::new(Group::Raw, name).with(Metric::GigabytesPerSecond, rate));
    }
    Ok(samples)
}

fn fill(place: &Place, directory: &Path) -> std::io::Result<()> {
    let file_bytes = place.payload_bytes.min(1 << 30);
    let mut blocks = AlignedBuf::zeroed(READ_BYTES);
    place.content.fill(blocks.as_mut_slice());
    let storage = OsStorage::new(directory, IoMode::Direct);
    let file = storage.create(FILE, file_bytes)?;
    for offset in (0..file_bytes).step_by(READ_BYTES) {
        let written = file.write_durable(blocks.as_slice(), offset);
        written.map_err(cause)?;
    }
    file.sync()
}

impl Files<'_> {
    /// Reads every file from front to back; GB/s.
    pub(super) fn read_rate(&self, reading: Reading) -> Result<f64, CliError> {
        let read = self.read(reading);
        let (bytes, took) = read.map_err(io("read the files in", self.directory))?;
        Ok(text::per_second(bytes, took) / 1e9)
    }

    fn read(&self, reading: Reading) -> std::io::Result<(u64, Duration)> {
        if reading == Reading::Cold {
            self.forget()?;
        }
        let (mode, access) = match reading {
            // A file opened for writing is opened for direct I/O, where that works.
            Reading::Direct => (IoMode::Direct, Access::Write),
            Reading::Cold | Reading::Warm => (IoMode::Buffered, Access::Read),
        };
        let storage = OsStorage::new(self.directory, mode);
        let mut buffer = AlignedBuf::zeroed(READ_BYTES);
        let (started, mut bytes) = (Instant::now(), 0);
        for name in &self.names {
            let file = storage.open(name, access)?;
            file.advise_sequential();
            let mut offset = 0;
            loop {
                let read = file.read_at(buffer.as_mut_slice(), offset)?;
                offset += read as u64;
                // Only the end of the file reads short.
                if read < buffer.len() {
                    break;
                }
            }
            bytes += offset;
        }
        Ok((bytes, started.elapsed()))
    }

    /// Has the page cache forget the files. They are read once before, so that the memory a cold read
    /// goes into has been in use: a virtual machine gets memory it never used from its host one page
    /// at a time, which takes several times longer than the read.
    pub(super) fn drop_from_cache(&self) -> Result<(), CliError> {
        let forgotten = self.forget();
        forgotten.map_err(io("drop from the page cache the files in", self.directory))
    }

    fn forget(&self) -> std::io::Result<()> {
        self.read(Reading::Warm)?;
        let storage = OsStorage::new(self.directory, IoMode::Buffered);
        for name in &self.names {
            let file = storage.open(name, Access::Read)?;
            // Only pages that are on disk can be forgotten.
            file.sync()?;
            file.advise_done(0, file.len()?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_reading_reads_every_byte() {
        let directory = tempfile::tempdir().unwrap();
        let bytes = vec![7; READ_BYTES + 4096];
        for name in ["a", "b", "other"] {
            std::fs::write(directory.path().join(name), &bytes).unwrap();
        }
        let files = Files {
            directory: directory.path(),
            names: vec!["a".to_owned(), "b".to_owned()],
        };
        for reading in [Reading::Cold, Reading::Warm, Reading::Direct] {
            let (read, _) = files.read(reading).unwrap();
            assert_eq!(read, 2 * bytes.len() as u64, "{reading:?}");
        }
    }
}
