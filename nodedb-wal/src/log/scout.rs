//! Keeps an eye on the directory of a log that another process may be writing: which segments there
//! are, and how far something vouches for their records. It takes no lock and changes nothing.
//!
//! A record counts as durable once something on the disk says so that was written after it was
//! durable: a frontier of a later write or of the witness, the header of a later segment, a footer.
//! None of these can take it back, whatever becomes of the process that writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::image::{Image, OnFault};
use super::link_error::link_error;
use super::settled::settled;
use super::view::View;
use crate::config::OpenCheck;
use crate::error::{Error, Result};
use crate::format::file_name::{self, FileKind};
use crate::segment::{Claims, SegmentEntry};
use crate::storage::{Changes, Storage};
use crate::types::Lsn;

/// The log as far as it was seen.
#[derive(Debug)]
pub(super) struct Scout {
    storage: Arc<dyn Storage>,
    view: Arc<View>,
    /// Of the last segment, unless it is sealed.
    claims: Option<Claims>,
    /// Since when bytes were written that were not the last segment's next ones.
    unexplained: Option<Instant>,
    /// How long such bytes may be something else than damage in front of them.
    patience: Duration,
    /// Whether the directory is to be listed, whatever is said to have happened.
    must_list: bool,
}

impl Scout {
    /// The log on `storage` as it is now.
    ///
    /// # Errors
    ///
    /// As [`Reader::open_on`](super::Reader::open_on).
    pub(super) fn open(storage: Arc<dyn Storage>, patience: Duration) -> Result<Self> {
        let image = settled(
            || Image::load(&storage, OnFault::Refuse, OpenCheck::LastWrites),
            |image| &image.faults,
        )?;
        let mut scout = Self {
            view: Arc::new(View::new(Arc::clone(&storage), Vec::new(), Lsn::ZERO)),
            storage,
            claims: None,
            unexplained: None,
            patience,
            must_list: false,
        };
        let durable_lsn = match &image.tail {
            Some(tail) => tail.claimed_lsn,
            None => image.report.last_lsn,
        };
        if let (Some(tail), Some(last)) = (&image.tail, image.segments.last()) {
            let mut claims = claims_of(last)?;
            claims.go_on_at(tail.data_end, tail.last_lsn.next(), durable_lsn);
            scout.claims = Some(claims);
        }
        scout.view.replace(image.segments);
        scout.view.advance_durable(durable_lsn);
        Ok(scout)
    }

    /// The log, which grows as this looks.
    pub(super) fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// Bytes read so far to find out how far the last segment is durable.
    pub(super) fn bytes_read(&self) -> u64 {
        self.claims.as_ref().map_or(0, Claims::bytes_read)
    }

    /// When it should look again, whatever happens until then.
    pub(super) fn look_due(&self) -> Option<Instant> {
        self.unexplained.map(|since| since + self.patience)
    }

    /// Takes in what may have happened.
    ///
    /// # Errors
    ///
    /// The directory or a file in it cannot be read, or is not what comes next in this log. The next
    /// call says so again.
    pub(super) fn take_in(&mut self, changes: Changes) -> Result<()> {
        if changes.names || self.must_list {
            self.must_list = true;
            settled(|| self.list(), |()| &[])?;
            self.must_list = false;
        }
        let Some(claims) = &mut self.claims else {
            return Ok(());
        };
        if !changes.is_nothing() {
            if claims.read_on()? {
                self.unexplained = None;
            } else if changes.bytes {
                self.unexplained.get_or_insert_with(Instant::now);
            }
        }
        if self
            .unexplained
            .is_some_and(|since| since.elapsed() >= self.patience)
        {
            self.unexplained = None;
            claims.look_behind()?;
        }
        self.view.advance_durable(claims.durable_lsn());
        Ok(())
    }

    /// Looks which segments came and which went.
    pub(super) fn list(&mut self) -> Result<()> {
        let files = self.storage.list().map_err(|source| Error::Io {
            operation: "list",
            path: self.storage.path().to_path_buf(),
            source,
        })?;
        let listed = files.into_iter().map(|file| file.name);
        let listed: Vec<String> = listed
            .filter(|name| matches!(file_name::parse(name), FileKind::Segment(_)))
            .collect();
        let known = self.view.segments();
        let mut segments: Vec<_> = known
            .iter()
            .filter(|entry| {
                listed
                    .binary_search_by(|name| (**name).cmp(entry.name()))
                    .is_ok()
            })
            .map(Arc::clone)
            .collect();
        // A log that is opened again has no use for a last segment without records.
        let is_replaced = segments.last().is_some_and(|last| last.is_gone());
        if is_replaced {
            segments.pop();
        }
        let seen_to = known.last().map(|last| last.name());
        let came = listed.iter().filter(|name| match seen_to {
            Some(seen) if is_replaced => name.as_str() >= seen,
            Some(seen) => name.as_str() > seen,
            None => true,
        });
        let count = segments.len();
        for name in came {
            let entry = SegmentEntry::open(&self.storage, name)?;
            self.check(&entry, known.last(), segments.last())?;
            segments.push(Arc::new(entry));
        }
        let is_new = segments.len() > count;
        let last = segments.last().map(Arc::clone).filter(|_| is_new);
        self.view.replace(segments);
        last.map_or(Ok(()), |last| self.go_over_to(&last))
    }

    /// Whether `entry` can be the segment behind `previous`, and of the log that `known` was of.
    fn check(
        &self,
        entry: &SegmentEntry,
        known: Option<&Arc<SegmentEntry>>,
        previous: Option<&Arc<SegmentEntry>>,
    ) -> Result<()> {
        let (path, header) = (entry.path().to_path_buf(), entry.header());
        if let Some(error) = previous.and_then(|previous| link_error(previous, entry)) {
            return Err(error);
        }
        match known.map(|known| known.header().log_id) {
            Some(expected) if expected != header.log_id => Err(Error::ForeignSegment {
                path,
                expected,
                found: header.log_id,
            }),
            // What was durable is there once.
            _ if header.first_lsn <= self.view.durable() => Err(Error::ReplacedSegment { path }),
            _ => Ok(()),
        }
    }

    /// Takes in that `last` is the last segment now.
    fn go_over_to(&mut self, last: &Arc<SegmentEntry>) -> Result<()> {
        self.unexplained = None;
        self.claims = None;
        let before = last.header().first_lsn.previous();
        let sealed_at = last.trailer().map(|trailer| trailer.last_lsn);
        if sealed_at.is_none() {
            let mut claims = claims_of(last)?;
            claims.read_on()?;
            self.claims = Some(claims);
        }
        self.view.advance_durable(sealed_at.unwrap_or(before));
        Ok(())
    }
}

fn claims_of(entry: &SegmentEntry) -> Result<Claims> {
    Ok(Claims::of(
        entry.file()?,
        entry.path().to_path_buf(),
        entry.header(),
    ))
}
