//! A stretch of a segment in memory: brought in by one read, checked, and lent out record by record.

use std::sync::Arc;

use super::scan::{Payloads, Pick, Piece, Scanned, reaches_end, scan};
use crate::format::RecordHeader;
use crate::format::checksum::HeaderSeed;
use crate::format::layout::{BLOCK_BYTES, block_floor, record};
use crate::storage::{AlignedBuf, StorageFile};
use crate::types::Lsn;

/// A chunk whose memory is larger than this gives it back when it is not needed any more.
const KEPT_BYTES: usize = 2 << 20;

/// Where the bytes of a segment come from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: Arc<dyn StorageFile>,
    /// The same file past the page cache, where that is the way to read it.
    pub(crate) past_cache: Option<Arc<dyn StorageFile>>,
    pub(crate) seed: HeaderSeed,
    /// Where bytes of the segment end for this reader.
    pub(crate) end: u64,
    /// Whether the page cache is told to forget what was brought in.
    pub(crate) drop_behind: bool,
}

/// A part of a segment, and which of its parts are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Where its first record starts, or what stands in front of that.
    pub(crate) from: u64,
    /// Where its bytes end.
    pub(crate) to: u64,
    /// The LSN of its first record.
    pub(crate) first: Lsn,
    /// The last LSN that is looked for.
    pub(crate) last: Lsn,
    /// The parts that can hold a wanted record, in order; `None` where all of it can.
    pub(crate) parts: Option<Box<[Part]>>,
}

/// A part of a stretch: it starts with a record and ends with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// Its first LSN, and its last.
    pub(crate) first: Lsn,
    pub(crate) last: Lsn,
}

impl Stretch {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.to.saturating_sub(self.from)).unwrap_or(usize::MAX)
    }

    /// Whether `next` starts where this one ends, with the record behind its last one.
    pub(crate) fn is_followed_by(&self, next: &Self) -> bool {
        self.to == next.from && self.last.next() == next.first
    }
}

/// A stretch in memory, and the wanted records in it that were not lent out yet.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    buf: AlignedBuf,
    /// Bytes of `buf` that are in use.
    len: usize,
    /// Where in the segment `buf` starts; a multiple of a block.
    start: u64,
    /// Where in `buf` wanted records start.
    found: Vec<usize>,
    lent: usize,
    scanned: Option<Scanned>,
}

/// A record in a chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lent<'a> {
    pub(crate) header: RecordHeader,
    /// Where the record starts in its segment.
    pub(crate) offset: u64,
    /// Header and payload as stored.
    pub(crate) stored: &'a [u8],
}

impl Chunk {
    /// Brings `stretch` in and checks it; how many bytes were read. What cannot be read is not there,
    /// as if the file ended in front of it.
    pub(crate) fn load(
        &mut self,
        source: &Source,
        stretch: &Stretch,
        payloads: Payloads,
        mut pick: impl FnMut(&RecordHeader) -> Pick,
    ) -> u64 {
        self.make_room(stretch);
        let parts_read = self.load_parts(source, stretch, payloads, &mut pick);
        if self.scanned.is_some() {
            return parts_read;
        }
        let read = self.fetch(source, stretch);
        self.check(source, stretch, payloads, pick);
        parts_read + read
    }

    /// Brings `stretch` in; how many bytes were read.
    pub(crate) fn fetch(&mut self, source: &Source, stretch: &Stretch) -> u64 {
        let lead = self.make_room(stretch);
        let read = self.bring_in(source, lead);
        self.len = lead + read;
        if source.drop_behind {
            // From the start of its block on: the end of the last chunk left that block.
            source.file.advise_done(self.start, self.len as u64);
        }
        read as u64
    }

    /// Checks `stretch`, which was brought in.
    pub(crate) fn check(
        &mut self,
        source: &Source,
        stretch: &Stretch,
        payloads: Payloads,
        pick: impl FnMut(&RecordHeader) -> Pick,
    ) {
        let part = Part {
            from: stretch.from,
            to: self.start + self.len as u64,
            first: stretch.first,
            last: stretch.last,
        };
        self.scanned = Some(self.scan_part(source, &part, payloads, pick).0);
    }

    /// Forgets what there is and has memory for `stretch`; where in that it starts.
    fn make_room(&mut self, stretch: &Stretch) -> usize {
        self.clear();
        self.start = block_floor(stretch.from);
        let lead = usize::try_from(stretch.from - self.start).unwrap_or_default();
        let wanted = lead + stretch.len();
        if self.buf.len() > wanted.max(KEPT_BYTES) {
            self.buf.shrink(wanted);
        }
        self.buf.grow(wanted);
        self.len = wanted;
        lead
    }

    /// Fills the buffer from `lead` on; how many bytes of that could be read.
    fn bring_in(&mut self, source: &Source, lead: usize) -> usize {
        let wanted = self.len;
        if let Some(file) = &source.past_cache {
            // Whole blocks: what the buffer starts with, and what it is long.
            let blocks = &mut self.buf.as_mut_slice()[..wanted.next_multiple_of(BLOCK_BYTES)];
            if let Ok(read) = file.read_at(blocks, self.start) {
                return read.min(wanted).saturating_sub(lead);
            }
        }
        let into = &mut self.buf.as_mut_slice()[lead..wanted];
        let read = source.file.read_at(into, self.start + lead as u64);
        read.unwrap_or_default()
    }

    /// Brings in and checks the wanted parts of a stretch only; how many bytes were read. Nothing was
    /// scanned then where there is no need to be so choosy, where a part would have to come from the
    /// disk, which is quicker to give all in one, and where a part is not what it should be.
    fn load_parts(
        &mut self,
        source: &Source,
        stretch: &Stretch,
        payloads: Payloads,
        pick: &mut impl FnMut(&RecordHeader) -> Pick,
    ) -> u64 {
        let Some(parts) = stretch.parts.as_deref() else {
            return 0;
        };
        let (mut read, mut records, mut unknown) = (0, 0, 0);
        for part in parts {
            let (from, to) = (self.place_of(part.from), self.place_of(part.to));
            let into = &mut self.buf.as_mut_slice()[from..to];
            if source.file.read_cached_at(into, part.from) < to - from {
                return read;
            }
            read += part.to - part.from;
            let (scanned, is_all) = self.scan_part(source, part, payloads, &mut *pick);
            if scanned.next <= part.last || !is_all {
                return read;
            }
            records += scanned.records;
            unknown += scanned.unknown;
        }
        if source.drop_behind {
            source.file.advise_done(self.start, self.len as u64);
        }
        self.scanned = Some(Scanned {
            position: stretch.to,
            next: stretch.last.next(),
            records,
            unknown,
            short_of: None,
        });
        read
    }

    /// Where a place of the segment is in the buffer, or would be.
    fn place_of(&self, position: u64) -> usize {
        let place = position.saturating_sub(self.start);
        usize::try_from(place).map_or(self.len, |place| place.min(self.len))
    }

    /// What the scan came to, and whether no more records stand in the part.
    fn scan_part(
        &mut self,
        source: &Source,
        part: &Part,
        payloads: Payloads,
        pick: impl FnMut(&RecordHeader) -> Pick,
    ) -> (Scanned, bool) {
        let piece = Piece {
            bytes: &self.buf.as_slice()[..self.place_of(part.to)],
            start: self.start,
            from: self.place_of(part.from),
            first: part.first,
            last: part.last,
            segment_end: source.end,
            seed: source.seed,
            payloads,
        };
        let scanned = scan(&piece, &mut self.found, pick);
        (scanned, reaches_end(&piece, &scanned))
    }

    /// What the scan came to.
    pub(crate) fn scanned(&self) -> Option<Scanned> {
        self.scanned
    }

    /// Lends out no more.
    pub(crate) fn clear(&mut self) {
        self.found.clear();
        self.lent = 0;
        self.scanned = None;
    }

    /// How many records were found, and how many of them were lent out.
    pub(crate) fn found(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn lent(&self) -> usize {
        self.lent
    }

    /// Whether its memory is more than a chunk keeps for the next stretch.
    pub(crate) fn is_large(&self) -> bool {
        self.buf.len() > KEPT_BYTES
    }

    /// The next wanted record.
    #[inline]
    pub(crate) fn lend(&mut self) -> Option<Lent<'_>> {
        if self.lent == self.found.len() {
            return None;
        }
        self.lent += 1;
        self.lent_last()
    }

    /// The wanted record that was lent last.
    #[inline]
    pub(crate) fn lent_last(&self) -> Option<Lent<'_>> {
        let &at = self.found.get(self.lent.checked_sub(1)?)?;
        let bytes = self.buf.as_slice().get(at..self.len)?;
        let header = RecordHeader::of_checked(bytes.first_chunk()?);
        let stored = bytes.get(..record::BYTES + header.payload_len as usize)?;
        Some(Lent {
            header,
            offset: self.start + at as u64,
            stored,
        })
    }
}

#[cfg(test)]
mod tests;
