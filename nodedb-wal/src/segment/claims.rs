//! What the frontiers of a segment say that another process is writing: read on from where the last
//! look ended, so that a look costs what is new. It believes no record, and delivers none: it finds
//! out how far records are durable.

use std::path::PathBuf;
use std::sync::Arc;

use super::cursor::{Pace, SegmentCursor};
use super::search::{Search, is_zeros};
use crate::error::Result;
use crate::format::checksum::HeaderSeed;
use crate::format::layout::{
    BLOCK_BYTES, DATA_START, FOOTER_KIND, FRONTIER_KIND, block_ceil, record, record_bytes,
};
use crate::format::record_header::kind_bits;
use crate::format::{Frontier, RecordHeader, SegmentHeader};
use crate::storage::StorageFile;
use crate::types::Lsn;

/// How much is read at a time.
const WINDOW_BYTES: usize = 64 << 10;

/// How far behind the last whole thing another frontier is looked for at first; twice as far each time
/// until something new is found.
const LOOK_BYTES: u64 = 256 << 10;

/// How far a segment is durable, as far as it has said.
#[derive(Debug)]
pub(crate) struct Claims {
    cursor: SegmentCursor,
    seed: HeaderSeed,
    /// Where the last whole thing ended.
    position: u64,
    /// The LSN of the record that comes next there.
    expected: Lsn,
    durable_lsn: Lsn,
    look_bytes: u64,
}

impl Claims {
    /// Of a segment of which nothing was read.
    pub(crate) fn of(file: Arc<dyn StorageFile>, path: PathBuf, header: &SegmentHeader) -> Self {
        let mut cursor = SegmentCursor::new(file, path, header.capacity, Pace::Gentle);
        cursor.read_at_a_time(WINDOW_BYTES);
        Self {
            cursor,
            seed: header.seed(),
            position: DATA_START,
            expected: header.first_lsn,
            // The segment was started when everything before it was durable.
            durable_lsn: header.first_lsn.previous(),
            look_bytes: LOOK_BYTES,
        }
    }

    /// Goes on at `position`, where `expected` comes next; up to `durable_lsn` was vouched for.
    pub(crate) fn go_on_at(&mut self, position: u64, expected: Lsn, durable_lsn: Lsn) {
        self.position = position;
        self.expected = expected;
        self.durable_lsn = self.durable_lsn.max(durable_lsn);
    }

    /// Everything up to here was durable when some write was built, or when the segment was sealed.
    pub(crate) fn durable_lsn(&self) -> Lsn {
        self.durable_lsn
    }

    /// Bytes read so far.
    pub(crate) fn bytes_read(&self) -> u64 {
        self.cursor.bytes_read()
    }

    /// Reads what was written since the last look; whether there was anything. It stops in front of
    /// whatever is not the segment's next record, frontier or footer: space, a write that is on its
    /// way, or damage.
    pub(crate) fn read_on(&mut self) -> Result<bool> {
        self.cursor.invalidate();
        let before = self.position;
        while let Some(end) = self.next_end()? {
            self.position = end;
        }
        let has_moved = self.position > before;
        if has_moved {
            self.look_bytes = LOOK_BYTES;
        }
        Ok(has_moved)
    }

    /// Where the next record, frontier or footer ends, which is taken in.
    fn next_end(&mut self) -> Result<Option<u64>> {
        let here = self.position;
        let end = self.take(here)?;
        // A write ends with zeros up to the end of its block. The next one starts there, or right
        // behind the frontier.
        let next_block = block_ceil(here);
        let rest = usize::try_from(next_block - here).unwrap_or(BLOCK_BYTES);
        if end.is_some() || rest == 0 || !is_zeros(self.cursor.bytes(here, rest)?) {
            return Ok(end);
        }
        self.take(next_block)
    }

    /// Listens to all frontiers behind the place where [`Self::read_on`] stopped. If one of them says
    /// that the record was durable which should stand there, that record is damaged.
    pub(crate) fn look_behind(&mut self) -> Result<()> {
        self.cursor.invalidate();
        let mut search = Search {
            cursor: &mut self.cursor,
            seed: self.seed,
            look_ahead: self.look_bytes,
        };
        let vouched = search.vouched(self.position, self.position)?;
        self.look_bytes = self.look_bytes.saturating_mul(2);
        self.durable_lsn = self.durable_lsn.max(vouched.durable_lsn);
        Ok(())
    }

    /// Takes in what stands at `at`, and where it ends; `None` when it is not what comes next.
    fn take(&mut self, at: u64) -> Result<Option<u64>> {
        let Some(bytes) = self.cursor.bytes(at, record::BYTES)?.first_chunk() else {
            return Ok(None);
        };
        if kind_bits(bytes) == FRONTIER_KIND {
            let frontier = Frontier::decode(bytes, at, self.seed)
                .filter(|frontier| frontier.last_lsn.next() == self.expected);
            return Ok(frontier.map(|frontier| {
                self.durable_lsn = self.durable_lsn.max(frontier.durable_lsn);
                at + record::BYTES as u64
            }));
        }
        let Ok(header) = RecordHeader::decode(bytes, self.seed) else {
            return Ok(None);
        };
        if header.kind.bits() == FOOTER_KIND {
            // Nothing follows, and nothing is sealed that is not durable.
            if header.lsn.next() == self.expected {
                self.durable_lsn = self.durable_lsn.max(header.lsn);
            }
            return Ok(None);
        }
        let end = at + record_bytes(header.payload_len as usize) as u64;
        if header.lsn != self.expected || end > self.cursor.end() {
            return Ok(None);
        }
        self.expected = self.expected.next();
        Ok(Some(end))
    }
}
