//! What is on disk: every segment, how the last one ends, and what that means. It reads only, takes
//! no lock, and is the first half of opening a log and all of opening a reader.

use std::sync::Arc;
use std::time::Instant;

use super::link_error::link_error;
use super::past::Unsealed;
use super::report::{Dropped, RecoveryReport};
use super::verdict::{Verdict, judge_tail};
use crate::config::OpenCheck;
use crate::error::{Error, Result};
use crate::format::checksum::Digest;
use crate::format::file_name::{self, FileKind};
use crate::format::layout::BLOCK_BYTES;
use crate::segment::{SegmentEntry, Tail, examine, examine_last_writes, examine_up_to};
use crate::storage::{FileEntry, Storage};
use crate::types::{Lsn, LsnRange, Timestamp};

/// The log as it is on disk.
#[derive(Debug)]
pub(crate) struct Image {
    /// The segments the log still promises to hold, in order.
    pub(crate) segments: Vec<Arc<SegmentEntry>>,
    /// Segments that were truncated away and whose files are still there.
    pub(crate) retired: Vec<Arc<SegmentEntry>>,
    /// Space made ready for segments to come.
    pub(crate) prepared: Vec<FileEntry>,
    /// Space that was being made ready: of no use.
    pub(crate) unfinished: Vec<String>,
    /// Whether the directory is that of a log per core.
    pub(crate) is_of_cores: bool,
    /// What the last segment holds, when it is not sealed.
    pub(crate) tail: Option<Tail>,
    /// Segments before the last that the process did not live to seal.
    pub(crate) unsealed: Vec<Unsealed>,
    pub(crate) end: End,
    pub(crate) report: RecoveryReport,
    /// What is wrong, where the image was read to look at a damaged log.
    pub(crate) faults: Vec<Error>,
}

/// Where the log ends.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End {
    pub(crate) last_lsn: Lsn,
    /// The digest of the last segment.
    pub(crate) digest: Digest,
    /// No record so far is later.
    pub(crate) last_timestamp: Timestamp,
    pub(crate) start_lsn: Lsn,
}

/// How the last segment ends.
struct Ending {
    /// What it holds, when it is not sealed.
    tail: Option<Tail>,
    end: End,
    verdict: Verdict,
    /// Whether something at the end is damaged or cannot be read, and was noted.
    is_refused: bool,
}

impl Ending {
    fn clean(end: End) -> Self {
        Self {
            tail: None,
            end,
            verdict: Verdict::CleanEnd,
            is_refused: false,
        }
    }
}

/// What to do about a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnFault {
    /// Fail with it.
    Refuse,
    /// Note it and bring up what can be.
    Note,
}

impl Image {
    /// Reads the headers of all segments, and of those that are not sealed what `check` asks for:
    /// the last writes of the last one, or everything.
    ///
    /// # Errors
    ///
    /// With [`OnFault::Refuse`], everything that means the log is not what was written. With
    /// [`OnFault::Note`], only that the directory cannot be read.
    pub(crate) fn load(
        storage: &Arc<dyn Storage>,
        on_fault: OnFault,
        check: OpenCheck,
    ) -> Result<Self> {
        let started = Instant::now();
        let mut loading = Loading::list(storage, on_fault)?;
        loading.is_quick = check == OpenCheck::LastWrites;
        let Ending {
            tail,
            end,
            verdict,
            is_refused,
        } = loading.examine_last()?;
        let retired = loading.split_retired(end.start_lsn)?;
        loading.check_links()?;
        let unsealed = loading.examine_unsealed()?;
        let segments = loading.segments;
        let dropped = tail
            .as_ref()
            .zip(segments.last())
            .and_then(|(tail, entry)| {
                // What is refused is not dropped: it stays as it is.
                (verdict != Verdict::CleanEnd && !is_refused).then(|| Dropped {
                    path: entry.path().to_path_buf(),
                    offset: if tail.half_batch {
                        tail.data_end
                    } else {
                        tail.stop_offset
                    },
                    records: tail.dropped_records,
                })
            });
        let headers_read = (segments.len() + retired.len()) * 2 * BLOCK_BYTES;
        let examined = unsealed.iter().filter_map(|past| past.examined.as_ref());
        let walked = tail.iter().chain(examined);
        let bytes_read = headers_read as u64 + walked.map(|tail| tail.bytes_read).sum::<u64>();
        let report = RecoveryReport {
            verdict,
            dropped,
            start_lsn: end.start_lsn,
            last_lsn: end.last_lsn,
            segments: segments.len(),
            scars: tail
                .as_ref()
                .map(|tail| tail.scars.clone())
                .unwrap_or_default(),
            bytes_read,
            duration: started.elapsed(),
        };
        Ok(Self {
            segments,
            retired,
            prepared: loading.prepared,
            unfinished: loading.unfinished,
            is_of_cores: loading.is_of_cores,
            tail,
            unsealed,
            end,
            report,
            faults: loading.faults,
        })
    }
}

/// An image being read.
struct Loading<'a> {
    storage: &'a Arc<dyn Storage>,
    on_fault: OnFault,
    /// Whether only the last writes are examined.
    is_quick: bool,
    segments: Vec<Arc<SegmentEntry>>,
    prepared: Vec<FileEntry>,
    unfinished: Vec<String>,
    is_of_cores: bool,
    faults: Vec<Error>,
}

impl<'a> Loading<'a> {
    fn list(storage: &'a Arc<dyn Storage>, on_fault: OnFault) -> Result<Self> {
        let mut loading = Self {
            storage,
            on_fault,
            is_quick: false,
            segments: Vec::new(),
            prepared: Vec::new(),
            unfinished: Vec::new(),
            is_of_cores: false,
            faults: Vec::new(),
        };
        let files = storage.list().map_err(|source| Error::Io {
            operation: "list",
            path: storage.path().to_path_buf(),
            source,
        })?;
        let mut segments = Vec::new();
        for file in files {
            match file_name::parse(&file.name) {
                FileKind::Segment(_) => segments.push(file),
                FileKind::Prepared(_) => loading.prepared.push(file),
                FileKind::Unfinished => loading.unfinished.push(file.name),
                FileKind::Other => loading.is_of_cores |= file.name == file_name::MANIFEST,
            }
        }
        for (name, opened) in SegmentEntry::open_all(storage, &segments) {
            loading.take_in(name, opened)?;
        }
        loading.keep_one_log()?;
        Ok(loading)
    }

    /// Takes out the segments of another log than most are of: such a one must not have a say, least
    /// of all about where the log starts.
    fn keep_one_log(&mut self) -> Result<()> {
        let mut counts: Vec<(u128, usize)> = Vec::new();
        for entry in &self.segments {
            let id = entry.header().log_id;
            match counts.iter_mut().find(|(other, _)| *other == id) {
                Some((_, count)) => *count += 1,
                None => counts.push((id, 1)),
            }
        }
        // Of several that are the most, the one whose segment comes first.
        let most = counts.iter().rev().max_by_key(|(_, count)| *count);
        let Some(&(expected, _)) = most else {
            return Ok(());
        };
        let all = std::mem::take(&mut self.segments).into_iter();
        let (own, foreign) = all.partition(|entry| entry.header().log_id == expected);
        self.segments = own;
        let foreign: Vec<Arc<SegmentEntry>> = foreign;
        foreign.into_iter().try_for_each(|entry| {
            self.fault(Error::ForeignSegment {
                path: entry.path().to_path_buf(),
                expected,
                found: entry.header().log_id,
            })
        })
    }

    fn take_in(&mut self, name: &str, opened: Result<SegmentEntry>) -> Result<()> {
        match opened {
            Ok(entry) if file_name::segment(entry.header().first_lsn) != name => {
                let path = entry.path().to_path_buf();
                self.fault(Error::OverlappingSegments {
                    path,
                    lsn: entry.header().first_lsn,
                })
            }
            Ok(entry) => {
                self.segments.push(Arc::new(entry));
                Ok(())
            }
            Err(error) => self.fault(error),
        }
    }

    fn fault(&mut self, error: Error) -> Result<()> {
        match self.on_fault {
            OnFault::Refuse => Err(error),
            OnFault::Note => {
                self.faults.push(error);
                Ok(())
            }
        }
    }

    fn check_links(&mut self) -> Result<()> {
        let faults: Vec<Error> = self
            .segments
            .windows(2)
            .filter_map(|pair| link_error(&pair[0], &pair[1]))
            .collect();
        faults.into_iter().try_for_each(|error| self.fault(error))
    }

    /// How the last segment ends.
    fn examine_last(&mut self) -> Result<Ending> {
        let Some(last) = self.segments.last().map(Arc::clone) else {
            return Ok(Ending::clean(End {
                last_lsn: Lsn::ZERO,
                digest: Digest::EMPTY,
                last_timestamp: Timestamp::MIN,
                start_lsn: Lsn::FIRST,
            }));
        };
        if let Some(trailer) = last.trailer() {
            if trailer.continued {
                let lsn = trailer.last_lsn.next();
                let path = self.storage.path().to_path_buf();
                let lsns = LsnRange {
                    first: lsn,
                    last: lsn,
                };
                self.fault(Error::MissingSegment { path, lsns })?;
            }
            return Ok(Ending::clean(End {
                last_lsn: trailer.last_lsn,
                digest: trailer.digest,
                last_timestamp: trailer.sealed_at,
                start_lsn: trailer.start_lsn,
            }));
        }
        let mut tail = if self.is_quick {
            examine_last_writes(&last)?
        } else {
            examine(&last)?
        };
        let judged = match tail.unreadable.take() {
            Some(error) => Err(error),
            None => judge_tail(&tail, &last),
        };
        let is_refused = judged.is_err();
        let mut last_lsn = tail.last_lsn;
        let verdict = match judged {
            Ok(verdict) => verdict,
            Err(error) => {
                self.fault(error)?;
                // To look at the damage is to look behind it too.
                last_lsn = tail.highest_lsn;
                Verdict::TornTail
            }
        };
        let end = End {
            last_lsn,
            digest: tail.digest,
            last_timestamp: tail.last_timestamp,
            start_lsn: tail.start_lsn,
        };
        Ok(Ending {
            tail: Some(tail),
            end,
            verdict,
            is_refused,
        })
    }

    /// Segments before the last that are not sealed: all their records must be there. The segment
    /// behind each was started when they were durable, and says how it ended.
    fn examine_unsealed(&mut self) -> Result<Vec<Unsealed>> {
        let pairs = self.segments.iter().zip(self.segments.iter().skip(1));
        let unsealed: Vec<_> = pairs
            .filter(|(entry, _)| entry.trailer().is_none())
            .map(|(entry, next)| (Arc::clone(entry), Arc::clone(next)))
            .collect();
        let mut examined = Vec::new();
        for (entry, next) in unsealed {
            let mut past = Unsealed {
                last_lsn: next.header().previous_last_lsn,
                digest: next.header().previous_digest,
                examined: None,
                entry,
            };
            if !self.is_quick {
                let mut tail = examine_up_to(&past.entry, past.last_lsn)?;
                match past.is_as_it_ended(&mut tail) {
                    Ok(()) => past.examined = Some(tail),
                    Err(error) => {
                        self.fault(error)?;
                        continue;
                    }
                }
            }
            examined.push(past);
        }
        Ok(examined)
    }

    /// Takes out the segments before `start`, and checks that the one at `start` is there.
    fn split_retired(&mut self, start: Lsn) -> Result<Vec<Arc<SegmentEntry>>> {
        let kept_from = self
            .segments
            .partition_point(|entry| entry.header().first_lsn <= start)
            .saturating_sub(1);
        let retired = self.segments.drain(..kept_from).collect();
        if let Some(first) = self.segments.first() {
            let first_lsn = first.header().first_lsn;
            if first_lsn > start {
                let lsns = LsnRange {
                    first: start,
                    last: first_lsn.previous(),
                };
                let path = first.path().to_path_buf();
                self.fault(Error::MissingSegment { path, lsns })?;
            }
        }
        Ok(retired)
    }
}
