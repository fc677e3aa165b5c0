//! Walks the records of a segment in order, and finds its way again behind damage.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chunk::Source;
use super::cursor::{Pace, SegmentCursor};
use super::search::{Search, Vouched, is_zeros};
use crate::error::{Error, Result};
use crate::format::checksum::{HeaderSeed, crc32c};
use crate::format::layout::{
    ALIGN_BYTES, BLOCK_BYTES, DATA_START, FOOTER_KIND, FRONTIER_KIND, block_ceil, record,
    record_bytes,
};
use crate::format::record_header::{kind_bits, stored_crc};
use crate::format::{Frontier, HeaderFault, RecordHeader};
use crate::storage::StorageFile;
use crate::types::{Lsn, LsnRange};

/// A record and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordAt {
    pub(crate) header: RecordHeader,
    /// The header's checksum, which the segment's digest is made of.
    pub(crate) header_crc: u32,
    pub(crate) offset: u64,
}

impl RecordAt {
    /// Where the record ends, padding included.
    pub(crate) fn end(&self) -> u64 {
        self.offset + record_bytes(self.header.payload_len as usize) as u64
    }
}

/// Bytes that are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Where the damage starts.
    pub(crate) offset: u64,
    /// The records it took; none when only a frontier was hit.
    pub(crate) missing: Option<LsnRange>,
}

/// What the walk came to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    /// The next record.
    Record(RecordAt),
    /// The end of a write.
    Frontier(Frontier),
    /// Damage, with something whole behind it, where the walk goes on.
    Gap(Gap),
    /// The footer of a sealed segment: no record follows.
    Footer { offset: u64 },
    /// Nothing whole follows. `damaged_at` is where bytes start that are neither a record nor
    /// space never written to.
    End {
        offset: u64,
        damaged_at: Option<u64>,
    },
}

/// What stands at a place.
enum Step {
    Record(RecordAt),
    Frontier(Frontier),
    Footer {
        last_lsn: Lsn,
    },
    /// Zeros, or nothing at all, where a block starts.
    Blank,
    /// No structure of this segment.
    Bad,
    /// A whole header whose payload does not fit its checksum.
    BadPayload(RecordAt),
    UnknownFlags {
        flags: u16,
        lsn: Lsn,
    },
}

/// Walks one segment.
#[derive(Debug)]
pub(crate) struct Walk {
    cursor: SegmentCursor,
    seed: HeaderSeed,
    position: u64,
    /// The LSN the next record must have.
    expected: Lsn,
    check_payloads: bool,
    /// How far behind damage, or behind the end, something whole is looked for.
    look_ahead: u64,
}

impl Walk {
    /// A walk over the first `end` bytes of `file`, whose first record is `first_lsn`.
    pub(crate) fn new(
        file: Arc<dyn StorageFile>,
        path: PathBuf,
        end: u64,
        seed: HeaderSeed,
        first_lsn: Lsn,
        pace: Pace,
    ) -> Self {
        Self {
            cursor: SegmentCursor::new(file, path, end, pace),
            seed,
            position: DATA_START,
            expected: first_lsn,
            check_payloads: true,
            look_ahead: u64::MAX,
        }
    }

    /// Leaves payload checksums unchecked.
    pub(crate) fn headers_only(&mut self) {
        self.check_payloads = false;
    }

    /// Looks for something whole no further than this many bytes behind damage, or behind the end.
    pub(crate) fn look_ahead(&mut self, bytes: u64) {
        self.look_ahead = bytes;
    }

    /// Goes on at `position`, where record `lsn` starts.
    pub(crate) fn jump(&mut self, position: u64, lsn: Lsn) {
        self.position = position;
        self.expected = lsn;
    }

    /// Goes on at the record that starts at `position`, whatever its LSN, reading little ahead;
    /// `false` when no record starts there.
    pub(crate) fn jump_to_record(&mut self, position: u64) -> Result<bool> {
        self.cursor.read_little();
        self.position = position;
        let Some(bytes) = header_at(&mut self.cursor, position)? else {
            return Ok(false);
        };
        let header = RecordHeader::decode(&bytes, self.seed);
        self.expected = header.map_or(self.expected, |header| header.lsn);
        Ok(header.is_ok())
    }

    /// Goes on behind the record that cannot be read at this place, which is record `lsn`: with
    /// whatever whole thing comes next.
    pub(crate) fn pass_over(&mut self, lsn: Lsn) {
        self.position += ALIGN_BYTES as u64;
        self.expected = self.expected.max(lsn.next());
    }

    /// Where the walk's bytes come from.
    pub(crate) fn source(&self, drop_behind: bool) -> Source {
        Source {
            file: self.cursor.file(),
            past_cache: None,
            seed: self.seed,
            end: self.cursor.end(),
            drop_behind,
        }
    }

    /// Forgets bytes that were read ahead, which may have changed since.
    pub(crate) fn invalidate(&mut self) {
        self.cursor.invalidate();
    }

    pub(crate) fn expected(&self) -> Lsn {
        self.expected
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn path(&self) -> &Path {
        self.cursor.path()
    }

    pub(crate) fn bytes_read(&self) -> u64 {
        self.cursor.bytes_read()
    }

    /// The payload of the record found last.
    pub(crate) fn payload(&self, at: &RecordAt) -> &[u8] {
        let len = at.header.payload_len as usize;
        self.cursor.loaded(at.offset + record::BYTES as u64, len)
    }

    /// Whether the payload of the record found last fits its checksum.
    pub(crate) fn payload_is_whole(&self, at: &RecordAt) -> bool {
        crc32c(self.payload(at)) == at.header.payload_crc
    }

    /// Header and payload of the record found last, as stored.
    pub(crate) fn stored(&self, at: &RecordAt) -> &[u8] {
        self.cursor
            .loaded(at.offset, record::BYTES + at.header.payload_len as usize)
    }

    /// The next thing in the segment.
    ///
    /// # Errors
    ///
    /// The disk could not be read, or a record has flags this version does not know.
    pub(crate) fn next(&mut self) -> Result<Found> {
        let offset = self.position;
        match self.step()? {
            Step::Record(at) if at.header.lsn == self.expected => {
                self.position = at.end();
                self.expected = self.expected.next();
                Ok(Found::Record(at))
            }
            Step::Frontier(frontier) if frontier.last_lsn.next() == self.expected => {
                self.position += record::BYTES as u64;
                Ok(Found::Frontier(frontier))
            }
            Step::Footer { last_lsn } if last_lsn.next() == self.expected => Ok(Found::Footer {
                offset: self.position,
            }),
            Step::UnknownFlags { flags, lsn } => Err(Error::UnknownRecordFlags {
                path: self.path().to_path_buf(),
                offset: self.position,
                lsn,
                flags,
            }),
            Step::Blank => {
                let blank_at = self.position;
                self.resume(offset, blank_at, None)
            }
            // A whole payload behind a whole header holds no structure of ours.
            Step::BadPayload(at) if at.header.lsn == self.expected => {
                self.resume(at.offset, at.end(), Some(at.offset))
            }
            // A structure of a later LSN: what is between is missing.
            Step::Record(_) | Step::Frontier(_) | Step::BadPayload(_) | Step::Footer { .. } => {
                let here = self.position;
                self.resume(here, here, Some(here))
            }
            Step::Bad => {
                let here = self.position;
                // Where a block starts, strange bytes may be what the file held in an earlier
                // life: with nothing whole behind them they are space, not damage.
                let may_be_stale = here.is_multiple_of(BLOCK_BYTES as u64);
                let damaged_at = (!may_be_stale).then_some(here);
                self.resume(offset, here + ALIGN_BYTES as u64, damaged_at)
            }
        }
    }

    /// Looks from `search_from` on for something whole that can follow what ended at `offset`.
    fn resume(&mut self, offset: u64, search_from: u64, damaged_at: Option<u64>) -> Result<Found> {
        let (mut at, expected) = (search_from, self.expected);
        while let Some((position, next)) = self.search().first_anchor(at, expected)? {
            let missing = (next > self.expected).then(|| LsnRange {
                first: self.expected,
                last: next.previous(),
            });
            self.position = position;
            self.expected = next;
            at = position + ALIGN_BYTES as u64;
            // A header may be whole and its payload not: then this record is missing too.
            if missing.is_some() || !matches!(self.step()?, Step::BadPayload(_)) {
                return Ok(Found::Gap(Gap {
                    offset: damaged_at.unwrap_or(search_from),
                    missing,
                }));
            }
        }
        self.position = self.cursor.end();
        Ok(Found::End { offset, damaged_at })
    }

    /// What frontiers say that stand anywhere from `from` on, whatever stands around them; as far
    /// behind `furthest`, and behind the last of them, as something whole is looked for.
    pub(crate) fn vouched(&mut self, from: u64, furthest: u64) -> Result<Vouched> {
        self.search().vouched(from, furthest)
    }

    fn search(&mut self) -> Search<'_> {
        Search {
            cursor: &mut self.cursor,
            seed: self.seed,
            look_ahead: self.look_ahead,
        }
    }

    /// What stands at `self.position`, after skipping the zeros that end a write's last block.
    fn step(&mut self) -> Result<Step> {
        loop {
            let position = self.position;
            let Some(bytes) = header_at(&mut self.cursor, position)? else {
                return Ok(Step::Blank);
            };
            // First what is nearly always there. A header that goes on in the next block may start
            // with zeros, if hardly ever.
            if let Some(step) = self.step_at(&bytes, position)? {
                return Ok(step);
            }
            let is_block_start = position.is_multiple_of(BLOCK_BYTES as u64);
            if is_block_start && is_zeros(&bytes) {
                return Ok(Step::Blank);
            }
            // No further than the block: the next one may hold the next write already. And as far as
            // that: a write's zeros go on to the block's end, other zeros are something else.
            let to_block_end = block_ceil(position + 1) - position;
            let rest = usize::try_from(to_block_end).unwrap_or(BLOCK_BYTES);
            if !is_zeros(self.cursor.bytes(position, rest)?) {
                return Ok(Step::Bad);
            }
            self.position = position + to_block_end;
        }
    }

    /// The structure that starts with `bytes`; `None` when they are no header of this segment.
    fn step_at(&mut self, bytes: &[u8; record::BYTES], position: u64) -> Result<Option<Step>> {
        if kind_bits(bytes) == FRONTIER_KIND {
            return Ok(Frontier::decode(bytes, position, self.seed).map(Step::Frontier));
        }
        let header = match RecordHeader::decode(bytes, self.seed) {
            // No record has LSN 0; zeros whose checksum happens to be 0 would.
            Ok(header) if header.lsn == Lsn::ZERO => return Ok(None),
            Ok(header) => header,
            Err(HeaderFault::Checksum) => return Ok(None),
            Err(HeaderFault::UnknownFlags { flags, lsn }) => {
                return Ok(Some(Step::UnknownFlags { flags, lsn }));
            }
        };
        if header.kind.bits() == FOOTER_KIND {
            let last_lsn = header.lsn;
            return Ok(Some(Step::Footer { last_lsn }));
        }
        let at = RecordAt {
            header,
            header_crc: stored_crc(bytes),
            offset: position,
        };
        let len = header.payload_len as usize;
        if at.end() > self.cursor.end() {
            return Ok(None);
        }
        let payload = self.cursor.bytes(position, record::BYTES + len)?;
        let whole = payload.len() == record::BYTES + len
            && (!self.check_payloads || crc32c(&payload[record::BYTES..]) == header.payload_crc);
        Ok(Some(if whole {
            Step::Record(at)
        } else {
            Step::BadPayload(at)
        }))
    }
}

fn header_at(cursor: &mut SegmentCursor, at: u64) -> Result<Option<[u8; record::BYTES]>> {
    Ok(cursor.bytes(at, record::BYTES)?.first_chunk().copied())
}
