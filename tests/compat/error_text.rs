//! Errors as golden files name them: the variant and its fields, places without their directory.

use std::path::Path;

use nodedb_wal::Error;

/// One line for `error`.
pub(crate) fn error_text(error: &Error) -> String {
    match error {
        Error::Damaged { path, offset, lsns } => {
            format!("Damaged, {lsns} at {}", place(path, *offset))
        }
        Error::SegmentHeader { path, source } => {
            format!("SegmentHeader, {source:?} in {}", file(path))
        }
        Error::UnknownTrailerFlags { path, flags } => {
            format!("UnknownTrailerFlags, {flags:#010x} in {}", file(path))
        }
        Error::FooterDamaged { path, offset } => {
            format!("FooterDamaged at {}", place(path, *offset))
        }
        Error::Scar { path, offset } => format!("Scar at {}", place(path, *offset)),
        Error::SegmentLength {
            path,
            expected_bytes,
            found_bytes,
        } => format!(
            "SegmentLength, {found_bytes} bytes in place of {expected_bytes} in {}",
            file(path)
        ),
        Error::ForeignSegment {
            path,
            expected,
            found,
        } => format!(
            "ForeignSegment, log {found:032x} in place of {expected:032x} in {}",
            file(path)
        ),
        Error::MissingSegment { path, lsns } => {
            format!("MissingSegment, {lsns} before {}", file(path))
        }
        Error::OverlappingSegments { path, lsn } => {
            format!("OverlappingSegments, at {lsn} in {}", file(path))
        }
        Error::ReplacedSegment { path } => format!("ReplacedSegment, {}", file(path)),
        Error::UnknownRecordFlags {
            path,
            offset,
            lsn,
            flags,
        } => format!(
            "UnknownRecordFlags, {flags:#06x} of {lsn} at {}",
            place(path, *offset)
        ),
        Error::UnknownRequiredKind { lsn, kind } => {
            format!("UnknownRequiredKind, {} of {lsn}", kind.number())
        }
        other => format!("{other:?}"),
    }
}

/// A place in a segment: the LSN that the file's name gives, and the offset.
pub(crate) fn place(path: &Path, offset: u64) -> String {
    format!("{}+{offset}", file(path))
}

/// A segment, by the LSN that its file's name gives; anything else is the directory.
fn file(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let digits = name
        .strip_prefix("wal-")
        .and_then(|rest| rest.strip_suffix(".seg"));
    match digits.map(str::parse::<u64>) {
        Some(Ok(first)) => format!("wal-{first}"),
        _ => "the directory".to_owned(),
    }
}
