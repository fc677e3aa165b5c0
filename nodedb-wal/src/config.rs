//! The settings of a log.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::format::layout::BLOCK_BYTES;
use crate::storage::{IoMode, OsStorage, Storage};

/// What happens to the partly filled block at the end of a write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TailPolicy {
    /// The next write goes on in it: the block is written again with the same bytes in front. It
    /// saves space, and asks of the disk that a torn write leaves sectors (512 bytes) that were
    /// written with the same bytes as they were.
    #[default]
    Rewrite,
    /// The next write starts a block of its own, and a durable block is never written again: for
    /// disks whose sectors can tear.
    Pad,
}

/// When what was appended becomes durable without anybody asking, and what [`Log::acknowledge`] waits
/// for. Whatever the policy, [`Log::commit`] and [`Log::sync`] return when the disk has it, and
/// what has become durable stays so.
///
/// [`Log::acknowledge`]: crate::Log::acknowledge
/// [`Log::commit`]: crate::Log::commit
/// [`Log::sync`]: crate::Log::sync
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SyncPolicy {
    /// Acknowledging waits for the disk. A power cut, or the end of the process, takes no record
    /// that was acknowledged.
    #[default]
    OnCommit,
    /// Appending waits for the disk. A power cut takes no record whose append returned.
    EachAppend,
    /// Acknowledging does not wait: a thread of the log's own brings records to the disk, none later
    /// than this after it was appended, a write's time and the thread's turn not counted. A power
    /// cut, or the end of the process, takes what was appended since. If the disk fails, the log is
    /// poisoned and whoever appends or acknowledges next is told. Where storage allows no threads,
    /// whoever appends looks whether it is time, by the storage's clock.
    Every(Duration),
    /// Acknowledging does not wait, and nothing becomes durable but by a full buffer or segment,
    /// [`Log::commit`], [`Log::sync`] or [`Log::close`]: a power cut takes the rest.
    ///
    /// [`Log::close`]: crate::Log::close
    /// [`Log::commit`]: crate::Log::commit
    /// [`Log::sync`]: crate::Log::sync
    Never,
}

/// How much of the log is read and checked before it is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OpenCheck {
    /// Every segment's header and trailer, and the last writes of the log, a few megabytes: neither
    /// the log's length nor a segment's matters. Damage in front of the last writes is found
    /// when it is read. A last segment that was not sealed is checked whole once the log is open,
    /// before it is sealed: see [`Log::finish_recovery`](crate::Log::finish_recovery).
    #[default]
    LastWrites,
    /// Also the whole of the last segment. Damage in older, sealed segments is found when they are
    /// read.
    LastSegment,
    /// Every byte of the log. Damage anywhere refuses to open.
    Everything,
}

/// The settings of a log. Only the directory has no default.
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) directory: PathBuf,
    pub(crate) segment_bytes: u64,
    pub(crate) payload_bytes_max: u32,
    pub(crate) batch_bytes_max: u64,
    pub(crate) buffer_bytes: usize,
    pub(crate) shared_write_bytes: usize,
    pub(crate) io_mode: IoMode,
    pub(crate) tail_policy: TailPolicy,
    pub(crate) open_check: OpenCheck,
    pub(crate) sync_policy: SyncPolicy,
    pub(crate) witness_after: Option<Duration>,
    pub(crate) storage: Option<Arc<dyn Storage>>,
    /// The core the log belongs to, in a log per core; 0 otherwise.
    pub(crate) core: u32,
}

impl Config {
    /// The smallest segment.
    pub const SEGMENT_BYTES_MIN: u64 = 64 * 1024;
    /// The largest segment.
    pub const SEGMENT_BYTES_MAX: u64 = 1 << 34;

    /// A log in `directory`, which is made if it is not there, with every other setting as it
    /// comes: 64 MiB segments, payloads up to 16 MiB, direct I/O where the file system takes it.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            segment_bytes: 64 << 20,
            payload_bytes_max: 16 << 20,
            batch_bytes_max: 1 << 30,
            buffer_bytes: 1 << 20,
            shared_write_bytes: 256 << 10,
            io_mode: IoMode::Direct,
            tail_policy: TailPolicy::default(),
            open_check: OpenCheck::default(),
            sync_policy: SyncPolicy::default(),
            witness_after: Some(Duration::from_millis(5)),
            storage: None,
            core: 0,
        }
    }

    /// A log on `storage` in place of a directory of the real file system.
    #[must_use]
    pub fn on(storage: Arc<dyn Storage>) -> Self {
        let directory = storage.path().to_path_buf();
        Self {
            storage: Some(storage),
            ..Self::new(directory)
        }
    }

    /// How long segments are made, in bytes: a multiple of 4,096 from 64 KiB to 16 GiB.
    #[must_use]
    pub fn segment_bytes(mut self, bytes: u64) -> Self {
        self.segment_bytes = bytes;
        self
    }

    /// The longest payload that is taken, in bytes. It is checked when writing, never when reading:
    /// a log written with a higher limit stays readable.
    #[must_use]
    pub fn payload_bytes_max(mut self, bytes: u32) -> Self {
        self.payload_bytes_max = bytes;
        self
    }

    /// The largest batch that is taken, in bytes of its records as they are stored (64 for each
    /// header, and payloads rounded up to 16): 1 GiB as it comes, from 4 KiB to 8 GiB. A batch that a
    /// segment does not take gets a longer one to itself; one that the buffer does not take is written in
    /// parts, and nobody else appends until it is placed.
    #[must_use]
    pub fn batch_bytes_max(mut self, bytes: u64) -> Self {
        self.batch_bytes_max = bytes;
        self
    }

    /// How many bytes may wait in memory for a write before `append` itself starts one.
    #[must_use]
    pub fn buffer_bytes(mut self, bytes: usize) -> Self {
        self.buffer_bytes = bytes;
        self
    }

    /// How many bytes of a write the tenants that are at work share, while there are several, each
    /// by its weight: 256 KiB as it comes. A tenant that has filled its share waits for the next
    /// write, so that one that pushes does not make the others wait for its bytes. A tenant that is
    /// alone is not held up, nor is anybody while nobody commits; [`usize::MAX`] holds up nobody.
    #[must_use]
    pub fn shared_write_bytes(mut self, bytes: usize) -> Self {
        self.shared_write_bytes = bytes;
        self
    }

    /// How bytes get to the disk.
    #[must_use]
    pub fn io_mode(mut self, mode: IoMode) -> Self {
        self.io_mode = mode;
        self
    }

    /// What happens to the partly filled block at the end of a write.
    #[must_use]
    pub fn tail_policy(mut self, policy: TailPolicy) -> Self {
        self.tail_policy = policy;
        self
    }

    /// How much is read and checked before the log is opened.
    #[must_use]
    pub fn open_check(mut self, check: OpenCheck) -> Self {
        self.open_check = check;
        self
    }

    /// When what was appended becomes durable without being committed; it can be changed later with
    /// [`Log::set_sync_policy`](crate::Log::set_sync_policy).
    #[must_use]
    pub fn sync_policy(mut self, policy: SyncPolicy) -> Self {
        self.sync_policy = policy;
        self
    }

    /// After which time without a write the log vouches for its last one, so that damage to it can be
    /// told from a write that was cut off: 5 ms as it comes, at the price of one block for each idle
    /// period; `None` for never.
    #[must_use]
    pub fn witness_after(mut self, idle: Option<Duration>) -> Self {
        self.witness_after = idle;
        self
    }

    /// The log's directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The storage the log lives on; the directory is made when it is not there.
    pub(crate) fn open_storage(&self) -> Result<Arc<dyn Storage>> {
        if let Some(storage) = &self.storage {
            return Ok(Arc::clone(storage));
        }
        OsStorage::create_directory(&self.directory)
            .map_err(|source| Error::of_io("create directory", self.directory.clone(), source))?;
        Ok(Arc::new(OsStorage::new(&self.directory, self.io_mode)))
    }

    /// The same settings for the log of one core, on a directory of its own. Its owner appends alone:
    /// whatever tenant's share it had to wait for, the others of its core would wait with it.
    pub(crate) fn for_core(&self, core: u32, storage: Arc<dyn Storage>) -> Self {
        Self {
            directory: storage.path().to_path_buf(),
            storage: Some(storage),
            shared_write_bytes: usize::MAX,
            core,
            ..self.clone()
        }
    }

    /// # Errors
    ///
    /// [`Error::Config`] names the first setting that is out of range.
    pub(crate) fn validate(&self) -> Result<()> {
        let segment_ok = (Self::SEGMENT_BYTES_MIN..=Self::SEGMENT_BYTES_MAX)
            .contains(&self.segment_bytes)
            && self.segment_bytes.is_multiple_of(BLOCK_BYTES as u64);
        let checks = [
            (
                "segment_bytes",
                self.segment_bytes,
                segment_ok,
                "a multiple of 4,096 from 64 KiB to 16 GiB",
            ),
            (
                "buffer_bytes",
                self.buffer_bytes as u64,
                (BLOCK_BYTES..=1 << 30).contains(&self.buffer_bytes),
                "from 4 KiB to 1 GiB",
            ),
            (
                "batch_bytes_max",
                self.batch_bytes_max,
                (BLOCK_BYTES as u64..=1 << 33).contains(&self.batch_bytes_max),
                "from 4 KiB to 8 GiB",
            ),
        ];
        match checks.into_iter().find(|&(.., ok, _)| !ok) {
            Some((setting, value, _, requirement)) => Err(Error::Config {
                setting,
                value,
                requirement,
            }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let check = |config: Config, name: &str| match config.validate() {
            Err(Error::Config { setting, .. }) => assert_eq!(setting, name),
            other => panic!("{other:?}"),
        };
        check(Config::new("d").segment_bytes(1 << 10), "segment_bytes");
        check(
            Config::new("d").segment_bytes((1 << 20) + 1),
            "segment_bytes",
        );
        check(Config::new("d").buffer_bytes(1), "buffer_bytes");
        check(Config::new("d").batch_bytes_max(1 << 34), "batch_bytes_max");
        assert!(Config::new("d").validate().is_ok());
    }
}
