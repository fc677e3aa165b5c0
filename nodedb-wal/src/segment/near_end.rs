//! Finds the last writes of an unsealed segment without reading the rest of it. What it gives is a
//! place to examine the segment from, never a verdict: a bad guess costs time and nothing else.

use std::path::Path;
use std::sync::Arc;

use super::SegmentEntry;
use super::search::is_zeros;
use crate::error::{Error, Result};
use crate::format::checksum::HeaderSeed;
use crate::format::layout::{ALIGN_BYTES, BLOCK_BYTES, DATA_START, block_ceil, frontier, record};
use crate::format::layout::{block_floor, record_bytes};
use crate::format::{Frontier, RecordHeader};
use crate::storage::{AlignedBuf, StorageFile};
use crate::types::Lsn;

/// How much is read at a place to see whether anything was written there.
const PROBE_BYTES: usize = 64 << 10;

/// Into how many parts a segment is divided to look for its end.
const PARTS: u64 = 64;

/// How much is read to follow records one by one before it is tried to leap again.
const FOLLOW_BYTES: u64 = 4 << 20;

/// A look at a segment here and there.
pub(super) struct NearEnd<'a> {
    file: Arc<dyn StorageFile>,
    path: &'a Path,
    seed: HeaderSeed,
    first_lsn: Lsn,
    capacity: u64,
    /// How much is looked at in front of the end, and behind it, once it is found.
    near_bytes: u64,
    buf: AlignedBuf,
    /// Where the bytes in `buf` stand, and how many there are.
    held: (u64, usize),
    /// The last frontier that was come by on the way to the end.
    last_frontier: Option<Frontier>,
    bytes_read: u64,
}

/// A structure found somewhere.
#[derive(Clone, Copy)]
struct Whole {
    end: u64,
    frontier: Option<Frontier>,
}

impl<'a> NearEnd<'a> {
    pub(super) fn of(segment: &'a SegmentEntry, near_bytes: u64) -> Result<Self> {
        let file = segment.file()?;
        file.advise_random();
        Ok(Self {
            file,
            near_bytes,
            path: segment.path(),
            seed: segment.header().seed(),
            first_lsn: segment.header().first_lsn,
            capacity: segment.header().capacity,
            buf: AlignedBuf::zeroed(PROBE_BYTES),
            held: (0, 0),
            last_frontier: None,
            bytes_read: 0,
        })
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read
    }

    /// About where the last write ends.
    pub(super) fn end(&mut self) -> Result<u64> {
        let mut at = DATA_START;
        loop {
            at = self.leap_from(at)?;
            self.announce(at);
            let (reached, is_end) = self.follow(at)?;
            if is_end {
                return Ok(reached);
            }
            at = reached;
        }
    }

    /// How many bytes back from `end` there may be a frontier that the last one vouches for: as many as
    /// the records that it does not vouch for take, going by the segment's average.
    pub(super) fn unvouched_bytes(&self, end: u64) -> u64 {
        let Some(last) = self.last_frontier else {
            return 0;
        };
        let records = (last.last_lsn.next().value()).saturating_sub(self.first_lsn.value());
        let open = (last.last_lsn.value()).saturating_sub(last.durable_lsn.value());
        let filled = end.saturating_sub(DATA_START);
        let bytes = u128::from(filled) * u128::from(open.min(records)) / u128::from(records.max(1));
        u64::try_from(bytes).unwrap_or(filled)
    }

    /// Has the disk begin to bring in the last `back` bytes before `end`.
    pub(super) fn announce_back(&self, end: u64, back: u64) {
        let from = block_floor(end.saturating_sub(back));
        self.file.advise_soon(from, end.saturating_sub(from));
    }

    /// The first frontier in the last `back` bytes before `end`.
    pub(super) fn frontier_before(&mut self, end: u64, back: u64) -> Result<Option<Frontier>> {
        let mut at = block_floor(end.saturating_sub(back)).max(DATA_START);
        while at < end {
            let Some(whole) = self.first_whole(at, end)? else {
                return Ok(None);
            };
            if whole.frontier.is_some() {
                return Ok(whole.frontier);
            }
            at = whole.end;
        }
        Ok(None)
    }

    /// Has the disk begin to bring in what is looked at next, the end being less than a part behind
    /// `at`: one wait for all of it rather than one for each piece.
    fn announce(&self, at: u64) {
        let from = block_floor(at.saturating_sub(self.near_bytes));
        let to = at + self.part_bytes() + self.near_bytes;
        // A header that is damaged or forged may have led past the end.
        let len = to.min(self.capacity).saturating_sub(from);
        self.file.advise_soon(from, len);
    }

    fn part_bytes(&self) -> u64 {
        block_floor((self.capacity / PARTS).max(2 * BLOCK_BYTES as u64))
    }

    /// The highest of the parts' starts at which something of this segment stands, by halving; `low`
    /// when there is none above it.
    fn leap_from(&mut self, low: u64) -> Result<u64> {
        let part = self.part_bytes();
        let (mut found, mut below, mut above) = (low, low / part, self.capacity.div_ceil(part));
        while above - below > 1 {
            let middle = below.midpoint(above);
            let at = middle * part;
            // A header that starts behind this goes on behind what one read brings in.
            let probe_end = at + (PROBE_BYTES as u64).min(part) - record::BYTES as u64 + 1;
            match self.first_whole(at, probe_end)? {
                Some(whole) => (found, below) = (whole.end, middle),
                None => above = middle,
            }
        }
        Ok(found)
    }

    /// Follows structures from `at` on, header by header, to where none stands; or as far as is cheap,
    /// and then says that this is not the end.
    fn follow(&mut self, mut at: u64) -> Result<(u64, bool)> {
        let read_until = self.bytes_read + FOLLOW_BYTES;
        loop {
            let next = block_ceil(at);
            let whole = match self.whole_at(at)? {
                None if next > at => self.whole_at(next)?,
                found => found,
            };
            let Some(whole) = whole else {
                return Ok((at, true));
            };
            at = whole.end;
            self.last_frontier = whole.frontier.or(self.last_frontier);
            if self.bytes_read > read_until {
                return Ok((at, false));
            }
        }
    }

    /// The first structure that starts from `from` on and before `until`.
    fn first_whole(&mut self, from: u64, until: u64) -> Result<Option<Whole>> {
        let mut at = from;
        while at < until {
            if let Some(whole) = self.whole_at(at)? {
                return Ok(Some(whole));
            }
            at += if self.starts_blank_block(at) {
                BLOCK_BYTES as u64
            } else {
                ALIGN_BYTES as u64
            };
        }
        Ok(None)
    }

    /// Whether a block starts at `at` that was brought in and is all zeros.
    fn starts_blank_block(&self, at: u64) -> bool {
        let (start, len) = self.held;
        let from = usize::try_from(at.saturating_sub(start)).unwrap_or(usize::MAX);
        let block = self.buf.as_slice()[..len]
            .get(from..)
            .and_then(<[u8]>::first_chunk::<BLOCK_BYTES>);
        at.is_multiple_of(BLOCK_BYTES as u64) && at >= start && block.is_some_and(|b| is_zeros(b))
    }

    /// The structure of this segment that starts at `at`, by its header.
    fn whole_at(&mut self, at: u64) -> Result<Option<Whole>> {
        let Some(bytes) = self.header(at)? else {
            return Ok(None);
        };
        if let Some(found) = Frontier::decode(&bytes, at, self.seed) {
            let is_ours = found.last_lsn.next() >= self.first_lsn;
            return Ok(is_ours.then_some(Whole {
                end: at + frontier::BYTES as u64,
                frontier: Some(found),
            }));
        }
        // Most places hold no header; looking at the number first spares most checksums.
        let lsn = crate::format::record_header::stored_lsn(&bytes);
        let is_plausible =
            lsn >= self.first_lsn && lsn.value() - self.first_lsn.value() <= self.capacity;
        let header = is_plausible
            .then(|| RecordHeader::decode(&bytes, self.seed).ok())
            .flatten();
        let end = header.map(|header| at + record_bytes(header.payload_len as usize) as u64);
        // Nothing goes on behind the segment, whatever a header says.
        Ok(end.filter(|end| *end <= self.capacity).map(|end| Whole {
            end,
            frontier: None,
        }))
    }

    fn header(&mut self, at: u64) -> Result<Option<[u8; record::BYTES]>> {
        let (start, len) = self.held;
        let is_held = at >= start && at + record::BYTES as u64 <= start + len as u64;
        if !is_held {
            if at + record::BYTES as u64 > self.capacity {
                return Ok(None);
            }
            let start = block_floor(at);
            let into = self.buf.as_mut_slice();
            let read = self.file.read_at(into, start).map_err(|source| Error::Io {
                operation: "read",
                path: self.path.to_path_buf(),
                source,
            })?;
            self.bytes_read += read as u64;
            self.held = (start, read);
        }
        let (start, len) = self.held;
        let from = usize::try_from(at - start).unwrap_or(usize::MAX);
        let held = &self.buf.as_slice()[..len];
        Ok(held.get(from..).and_then(<[u8]>::first_chunk).copied())
    }
}

#[cfg(all(test, feature = "sim"))]
mod tests {
    use super::*;
    use crate::format::SegmentHeader;
    use crate::format::segment_header::tests::sample;
    use crate::storage::Storage;
    use crate::storage::sim::SimDisk;
    use crate::types::{CollectionTag, Epoch, RecordFlags, RecordKind, Scope, Timestamp};

    /// A header that fitted its checksum said that its record was 4 GiB long: the end was looked for
    /// there, 16 bytes at a time, and opening took minutes.
    #[test]
    fn a_header_that_goes_past_the_segment_leads_nowhere() {
        let segment = SegmentHeader {
            capacity: 64 << 10,
            ..sample()
        };
        let forged = RecordHeader {
            payload_crc: 0,
            payload_len: u32::MAX,
            kind: RecordKind::Put.code(),
            flags: RecordFlags::NONE,
            lsn: segment.first_lsn,
            scope: Scope::default(),
            collection: CollectionTag::NONE,
            epoch: Epoch::NONE,
            timestamp: Timestamp::from_nanos(0),
        };
        let mut bytes = segment.encode_block().to_vec();
        bytes.extend_from_slice(&forged.encode(segment.seed()));
        bytes.resize(64 << 10, 0);
        let disk = SimDisk::new(5);
        disk.write_file("segment", &bytes);
        let storage: Arc<dyn Storage> = disk.storage();
        let entry = SegmentEntry::open(&storage, "segment").unwrap();
        let end = NearEnd::of(&entry, 8192).unwrap().end().unwrap();
        assert!(end <= segment.capacity, "{end}");
    }
}
