//! What can go wrong, one variant per thing a caller might do about it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::format::{ManifestFault, SegmentHeaderFault};
use crate::payload::PayloadError;
use crate::storage::is_no_space;
use crate::types::{KindCode, Lsn, LsnRange};

mod core_fault;

pub use core_fault::CoreFault;

/// The result of an operation on the log.
pub type Result<T> = std::result::Result<T, Error>;

/// What a caller can do about an [`Error`], in three words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The call cannot be served as it is: change the call, or wait.
    Refused,
    /// The bytes on disk are not what was written, or cannot be understood.
    Corruption,
    /// The operating system or the disk failed.
    Io,
}

/// Why an operation on the log failed.
///
/// The log names places: the file, the offset in it, the LSN. Sources are chained, not repeated in
/// the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process, or another `Log` of this one, has the directory open.
    #[error("log directory {} is already open", .directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
    },
    /// The directory or a file in it could not be read or changed.
    #[error("cannot {operation} {}", .path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The disk is full. Nothing acknowledged is touched, and the same call may be tried again
    /// once there is room.
    #[error("no space left for {}", .path.display())]
    DiskFull {
        /// The file that could not be written or made.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// An earlier write or sync failed. Nothing is acknowledged any more until the log is opened
    /// again from what is on disk.
    #[error("the log stopped after a failed write")]
    Poisoned {
        /// The failure that stopped it.
        source: Arc<Self>,
    },
    /// A segment that an earlier process did not seal is not what was written. It stays as it is;
    /// what is whole in it can be read.
    #[error("a segment of the past cannot be sealed")]
    Unsealed {
        /// What is wrong with it.
        source: Arc<Self>,
    },
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
    /// Records that had been acknowledged are not what was written.
    #[error(
        "acknowledged records {lsns} are damaged: {} at offset {offset}", .path.display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where the first damaged record starts, or would start.
        offset: u64,
        /// The records that are damaged or can no longer be found.
        lsns: LsnRange,
    },
    /// The header of a segment cannot be used.
    #[error("the header of {} cannot be used", .path.display())]
    SegmentHeader {
        /// The segment.
        path: PathBuf,
        /// Why.
        source: SegmentHeaderFault,
    },
    /// The trailer of a sealed segment carries a flag this version does not know.
    #[error("the trailer of {} has unknown flags {flags:#010x}", .path.display())]
    UnknownTrailerFlags {
        /// The segment.
        path: PathBuf,
        /// The unknown bits.
        flags: u32,
    },
    /// The footer or trailer of a sealed segment is damaged; its records may still be whole.
    #[error("the footer of {} is damaged at offset {offset}", .path.display())]
    FooterDamaged {
        /// The segment.
        path: PathBuf,
        /// Where the footer is.
        offset: u64,
    },
    /// Bytes that carry no record are damaged: a frontier, or one of two copies of a header or
    /// trailer. No record is lost, but the disk is not what it was.
    #[error("{} is damaged at offset {offset}, where it holds no record", .path.display())]
    Scar {
        /// The segment.
        path: PathBuf,
        /// Where the damage is.
        offset: u64,
    },
    /// A segment file is not as long as it was made.
    #[error(
        "{} was made {expected_bytes} bytes long and is now {found_bytes}: it was cut or extended",
        .path.display()
    )]
    SegmentLength {
        /// The segment.
        path: PathBuf,
        /// How long it was made.
        expected_bytes: u64,
        /// How long it is.
        found_bytes: u64,
    },
    /// A segment belongs to another log.
    #[error("{} belongs to log {found:032x}, not to log {expected:032x}", .path.display())]
    ForeignSegment {
        /// The segment.
        path: PathBuf,
        /// The id of the log in this directory.
        expected: u128,
        /// The id in the segment.
        found: u128,
    },
    /// Segments are missing: files were removed by something other than the log.
    #[error("records {lsns} are missing: no segment holds them before {}", .path.display())]
    MissingSegment {
        /// The segment after the gap, or the directory when the gap is at the end.
        path: PathBuf,
        /// The records that no segment holds.
        lsns: LsnRange,
    },
    /// Two segments claim the same records, or a file does not fit its name.
    #[error("{} overlaps the segment before it at LSN {lsn}", .path.display())]
    OverlappingSegments {
        /// The later segment.
        path: PathBuf,
        /// The first LSN both claim.
        lsn: Lsn,
    },
    /// A segment is not the one that the segment after it was written behind.
    #[error("{} is not the segment the next one was written behind", .path.display())]
    ReplacedSegment {
        /// The segment.
        path: PathBuf,
    },
    /// A record carries a flag this version does not know.
    #[error(
        "record {lsn} in {} at offset {offset} has unknown flags {flags:#06x}", .path.display()
    )]
    UnknownRecordFlags {
        /// The segment.
        path: PathBuf,
        /// Where the record starts.
        offset: u64,
        /// The record.
        lsn: Lsn,
        /// The unknown bits.
        flags: u16,
    },
    /// A record has a kind this version does not know and must not pass over.
    #[error("record {lsn} has the unknown required kind {}", .kind.number())]
    UnknownRequiredKind {
        /// The record.
        lsn: Lsn,
        /// Its kind.
        kind: KindCode,
    },
    /// The records asked for were truncated away.
    #[error("record {lsn} is gone: the log starts at {start}")]
    Truncated {
        /// The record asked for.
        lsn: Lsn,
        /// The oldest record there is.
        start: Lsn,
    },
    /// The LSN has not been given to any record yet.
    #[error("record {lsn} does not exist yet: the next is {next}")]
    NotAppended {
        /// The LSN asked for.
        lsn: Lsn,
        /// The next LSN to be given out.
        next: Lsn,
    },
    /// Records were appended and are not known to be durable, which the log's policy asks of
    /// appending. They have their LSNs: commit them again, do not append them again.
    #[error("records {lsns} were appended and could not be made durable")]
    NotDurable {
        /// The records.
        lsns: LsnRange,
        /// Why not.
        source: Box<Self>,
    },
    /// A payload, or a batch, is larger than the log takes.
    #[error("{what} of {len_bytes} bytes is over the limit of {len_bytes_max}")]
    TooLarge {
        /// `payload` or `batch`.
        what: &'static str,
        /// Its size.
        len_bytes: u64,
        /// The limit.
        len_bytes_max: u64,
    },
    /// A batch of no records was appended.
    #[error("a batch needs at least one record")]
    EmptyBatch,
    /// A setting is out of range.
    #[error("{setting} is {value}: {requirement}")]
    Config {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: u64,
        /// What it has to be.
        requirement: &'static str,
    },
    /// The directory holds one log, where logs of several cores were asked for, or the other way
    /// round.
    #[error(
        "{} holds {}", .directory.display(),
        if *.is_plain { "one log, not one per core" } else { "a log per core, not one" }
    )]
    OtherLayout {
        /// The directory.
        directory: PathBuf,
        /// Whether it holds one log.
        is_plain: bool,
    },
    /// The manifest of a log per core cannot be used.
    #[error("{} cannot be used", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: ManifestFault,
    },
    /// Something about one core of a log per core.
    #[error("core {core} in {}", .directory.display())]
    Core {
        /// The core's own directory.
        directory: PathBuf,
        /// The core.
        core: u32,
        /// What.
        source: CoreFault,
    },
    /// A payload could not be encoded or decoded.
    #[error("payload")]
    Payload(#[from] PayloadError),
}

impl Error {
    /// What the operating system said to `operation`, a full disk told apart.
    pub(crate) fn of_io(operation: &'static str, path: PathBuf, source: io::Error) -> Self {
        if is_no_space(&source) {
            return Self::DiskFull { path, source };
        }
        Self::Io {
            operation,
            path,
            source,
        }
    }

    /// What a caller can do about it.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Locked { .. }
            | Self::Closed
            | Self::Truncated { .. }
            | Self::NotAppended { .. }
            | Self::OtherLayout { .. }
            | Self::TooLarge { .. }
            | Self::EmptyBatch
            | Self::Config { .. }
            | Self::Payload(PayloadError::Unencodable { .. }) => ErrorClass::Refused,
            Self::Damaged { .. }
            | Self::SegmentHeader { .. }
            | Self::UnknownTrailerFlags { .. }
            | Self::FooterDamaged { .. }
            | Self::Scar { .. }
            | Self::SegmentLength { .. }
            | Self::ForeignSegment { .. }
            | Self::MissingSegment { .. }
            | Self::OverlappingSegments { .. }
            | Self::ReplacedSegment { .. }
            | Self::UnknownRecordFlags { .. }
            | Self::UnknownRequiredKind { .. }
            | Self::Manifest { .. }
            | Self::Payload(_) => ErrorClass::Corruption,
            Self::Io { .. } | Self::DiskFull { .. } => ErrorClass::Io,
            Self::Core { source, .. } => source.class(),
            Self::Poisoned { source } | Self::Unsealed { source } => source.class(),
            Self::NotDurable { source, .. } => source.class(),
        }
    }

    /// Whether the same call may succeed later without the log being opened again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::DiskFull { .. })
    }
}
