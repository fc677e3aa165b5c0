//! Verifying: every byte of the log is read and checked, and what is wrong is listed.

use std::path::PathBuf;
use std::sync::Arc;

use super::image::{Image, OnFault};
use super::report::Dropped;
use super::settled::image_for_reading;
use super::verdict::Verdict;
use crate::config::OpenCheck;
use crate::error::{Error, Result};
use crate::format::SegmentHeader;
use crate::format::checksum::Digest;
use crate::format::layout::BLOCK_BYTES;
use crate::format::trailer::Trailer;
use crate::segment::{Found, IndexBuilder, SegmentEntry};
use crate::storage::Storage;
use crate::types::{Lsn, LsnRange};

/// What verifying found.
#[derive(Debug)]
#[non_exhaustive]
pub struct VerifyReport {
    /// How the log ends; `None` when acknowledged records at its end are damaged, or records at its
    /// end cannot be read by this version.
    pub verdict: Option<Verdict>,
    /// Segments read.
    pub segments: usize,
    /// Whole records found where they belong.
    pub records: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// What is wrong, in order of place. Empty when the log is what was written.
    pub findings: Vec<Finding>,
    /// What opening the log would drop at its end; nothing of it was acknowledged.
    pub dropped: Option<Dropped>,
}

/// Something that is not what was written.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finding {
    /// The segment's file, or the directory.
    pub path: PathBuf,
    /// Where in the file.
    pub offset: u64,
    /// The records it takes; `None` when it takes none.
    pub lsns: Option<LsnRange>,
    /// What it is.
    pub error: Error,
}

impl Finding {
    fn of(error: Error) -> Self {
        let (path, offset, lsns) = place_of(&error);
        Self {
            path,
            offset,
            lsns,
            error,
        }
    }
}

/// Reads and checks the whole log. `progress` is told bytes done and bytes in all.
pub(crate) fn verify(
    storage: &Arc<dyn Storage>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<VerifyReport> {
    let (image, is_in_use) = image_for_reading(storage, OnFault::Note, OpenCheck::LastSegment)?;
    let at_end = image
        .faults
        .iter()
        .any(|fault| is_damage_in_last(fault, &image));
    let total = image.segments.iter().map(|entry| entry.file_bytes()).sum();
    let mut report = VerifyReport {
        verdict: (!at_end).then_some(image.report.verdict),
        segments: image.segments.len(),
        records: 0,
        bytes_read: image.report.bytes_read,
        findings: image.faults.into_iter().map(Finding::of).collect(),
        // What is being written is nothing that would be dropped.
        dropped: (image.report.dropped.clone()).filter(|_| !is_in_use),
    };
    let mut done = 0;
    for (at, entry) in image.segments.iter().enumerate() {
        let next = image.segments.get(at + 1);
        let last = entry.trailer().map(|trailer| trailer.last_lsn);
        let last = last.or(next.map(|next| next.header().previous_last_lsn));
        let is_last = next.is_none();
        let until = last.unwrap_or(image.end.last_lsn);
        let checked = check_segment(entry, until);
        let is_whole = checked
            .as_ref()
            .is_ok_and(|checked| checked.findings.is_empty());
        if is_in_use && !is_whole && entry.is_gone() {
            // It was truncated away meanwhile, and its file may be written again.
            report.segments -= 1;
            continue;
        }
        let mut checked = checked?;
        if is_last && entry.trailer().is_none() {
            // The image noted damage to the end already, with everything that points to it.
            let noted = |finding: &Finding| {
                report
                    .findings
                    .iter()
                    .any(|f| f.path == finding.path && f.offset == finding.offset)
            };
            checked.findings.retain(|finding| !noted(finding));
        }
        report.records += checked.records;
        report.bytes_read += checked.bytes_read;
        report.findings.append(&mut checked.findings);
        done += entry.file_bytes();
        progress(done, total);
    }
    report
        .findings
        .sort_by(|a, b| (&a.path, a.offset).cmp(&(&b.path, b.offset)));
    Ok(report)
}

/// Checks a sealed segment whole. A half-written trailer is not a finding: opening finishes it.
pub(crate) fn check_sealed(entry: &SegmentEntry) -> Result<Vec<Error>> {
    let Some(trailer) = entry.trailer() else {
        return Ok(Vec::new());
    };
    let findings = check_segment(entry, trailer.last_lsn)?.findings;
    let trailer_offset = entry.file_bytes() - BLOCK_BYTES as u64;
    let is_unfinished = |error: &Error| {
        entry.is_half_sealed()
            && matches!(error, Error::Scar { offset, .. } if *offset == trailer_offset)
    };
    let errors = findings.into_iter().map(|finding| finding.error);
    Ok(errors.filter(|error| !is_unfinished(error)).collect())
}

/// What checking one segment gave.
struct Checked {
    records: u64,
    bytes_read: u64,
    findings: Vec<Finding>,
}

/// Checks the header, every record up to `until`, the footer and the trailer.
fn check_segment(entry: &SegmentEntry, until: Lsn) -> Result<Checked> {
    let mut checked = Checked {
        records: 0,
        bytes_read: 0,
        findings: Vec::new(),
    };
    check_copies(entry, &mut checked)?;
    let mut walk = entry.walk()?;
    let mut index = IndexBuilder::default();
    let mut digest = Digest::EMPTY;
    let (mut gaps, mut claimed) = (Vec::new(), Lsn::ZERO);
    // What is left of a record that cannot be read is no damage.
    let mut passed_over = false;
    while walk.expected() <= until {
        let first = walk.expected();
        let lost = |offset, lsns| Error::Damaged {
            path: entry.path().to_path_buf(),
            offset,
            lsns,
        };
        match walk.next() {
            Ok(Found::Gap(gap)) if gap.missing.is_none() && passed_over => passed_over = false,
            Ok(Found::Record(at)) => {
                passed_over = false;
                checked.records += 1;
                digest = digest.extended(at.header_crc);
                index.add(&at.header, at.offset);
            }
            Ok(Found::Frontier(frontier)) => {
                index.add_write();
                claimed = claimed.max(frontier.durable_lsn);
            }
            Ok(Found::Gap(gap)) => match gap.missing {
                Some(lsns) => checked.findings.push(Finding::of(lost(gap.offset, lsns))),
                None => gaps.push((gap.offset, first.previous())),
            },
            Ok(Found::Footer { offset } | Found::End { offset, .. }) => {
                let lsns = LsnRange { first, last: until };
                checked.findings.push(Finding::of(lost(offset, lsns)));
                break;
            }
            Err(error @ Error::UnknownRecordFlags { lsn, .. }) => {
                checked.findings.push(Finding::of(error));
                walk.pass_over(lsn);
                passed_over = true;
            }
            Err(error) => return Err(error),
        }
    }
    // What vouches for the last writes stands behind the last record.
    if !gaps.is_empty()
        && let Ok(Found::Frontier(frontier)) = walk.next()
    {
        claimed = claimed.max(frontier.durable_lsn);
    }
    // Where nothing vouches for a write, a crash may have taken its frontier and nothing else.
    gaps.retain(|(_, lsn)| *lsn <= claimed);
    let scars = gaps.into_iter().map(|(offset, _)| scar(entry, offset));
    checked.findings.extend(scars);
    checked.bytes_read += walk.bytes_read();
    if let Some(trailer) = entry.trailer() {
        checked.bytes_read += entry.footer_bytes();
        check_footer(entry, trailer, digest, &index, &mut checked.findings);
    }
    Ok(checked)
}

/// Whether footer and trailer say what the records say.
fn check_footer(
    entry: &SegmentEntry,
    trailer: &Trailer,
    digest: Digest,
    index: &IndexBuilder,
    findings: &mut Vec<Finding>,
) {
    let damaged = || Error::FooterDamaged {
        path: entry.path().to_path_buf(),
        offset: trailer.footer_offset,
    };
    match entry.index() {
        Err(error) => findings.push(Finding::of(error)),
        // Where records are damaged the footer cannot agree, and they are reported already.
        Ok(_) if !findings.is_empty() => {}
        Ok(stored) => {
            let mut built = index.snapshot();
            // The last frontier stands behind the last record: the walk may not have come to it.
            if let (Some(built), Some(stored)) = (&mut built, &stored) {
                built.writes = stored.writes;
            }
            if stored != built || trailer.digest != digest {
                findings.push(Finding::of(damaged()));
            }
        }
    }
}

/// Whether both copies of header and trailer are whole.
fn check_copies(entry: &SegmentEntry, checked: &mut Checked) -> Result<()> {
    let io = |source| Error::Io {
        operation: "read",
        path: entry.path().to_path_buf(),
        source,
    };
    let mut block = [0; BLOCK_BYTES];
    let file = entry.file()?;
    file.read_at(&mut block, 0).map_err(io)?;
    checked.bytes_read += BLOCK_BYTES as u64;
    if !SegmentHeader::copies_are_whole(&block) {
        checked.findings.push(scar(entry, 0));
    }
    if entry.trailer().is_some() {
        let offset = entry.file_bytes() - BLOCK_BYTES as u64;
        file.read_at(&mut block, offset).map_err(io)?;
        checked.bytes_read += BLOCK_BYTES as u64;
        if !Trailer::copies_are_whole(&block, entry.header()) {
            checked.findings.push(scar(entry, offset));
        }
    }
    Ok(())
}

/// Damage that takes no record.
fn scar(entry: &SegmentEntry, offset: u64) -> Finding {
    Finding::of(Error::Scar {
        path: entry.path().to_path_buf(),
        offset,
    })
}

fn is_damage_in_last(fault: &Error, image: &Image) -> bool {
    let last = image.segments.last().map(|entry| entry.path());
    matches!(
        fault,
        Error::Damaged { path, .. } | Error::UnknownRecordFlags { path, .. }
            if Some(path.as_path()) == last
    )
}

/// Where an error says something is wrong.
fn place_of(error: &Error) -> (PathBuf, u64, Option<LsnRange>) {
    match error {
        Error::Damaged { path, offset, lsns } => (path.clone(), *offset, Some(*lsns)),
        Error::MissingSegment { path, lsns } => (path.clone(), 0, Some(*lsns)),
        Error::UnknownRecordFlags {
            path, offset, lsn, ..
        } => (
            path.clone(),
            *offset,
            Some(LsnRange {
                first: *lsn,
                last: *lsn,
            }),
        ),
        Error::FooterDamaged { path, offset } | Error::Scar { path, offset } => {
            (path.clone(), *offset, None)
        }
        Error::SegmentHeader { path, .. }
        | Error::UnknownTrailerFlags { path, .. }
        | Error::ForeignSegment { path, .. }
        | Error::OverlappingSegments { path, .. }
        | Error::ReplacedSegment { path }
        | Error::Io { path, .. } => (path.clone(), 0, None),
        Error::SegmentLength {
            path, found_bytes, ..
        } => (path.clone(), *found_bytes, None),
        _ => (PathBuf::new(), 0, None),
    }
}
