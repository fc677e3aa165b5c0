//! A second, simple reader of a whole segment: where each structure stands. It is for segments that
//! are not damaged, and shares only the decoding of single structures with the log.

use std::ops::Range;

use nodedb_wal::Lsn;
use nodedb_wal::format::checksum::crc32c;
use nodedb_wal::format::layout::{BLOCK_BYTES, DATA_START, record};
use nodedb_wal::format::{Frontier, RecordHeader, SegmentHeader};

/// The kind of a footer record.
const FOOTER_KIND: u16 = 0x80ff;

/// A structure of a segment.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// A record.
    Record(RecordHeader),
    /// A frontier.
    Frontier(Frontier),
}

/// A structure and its bytes, padding not counted.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where.
    pub bytes: Range<usize>,
    /// What.
    pub part: Part,
}

impl Placed {
    /// The record's number, if it is one.
    #[must_use]
    pub fn lsn(&self) -> Option<u64> {
        match &self.part {
            Part::Record(header) => Some(header.lsn.value()),
            Part::Frontier(_) => None,
        }
    }
}

/// A segment taken apart.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Its header.
    pub header: SegmentHeader,
    /// Records and frontiers, in order.
    pub parts: Vec<Placed>,
    /// Where the last of them ends.
    pub data_end: usize,
}

impl Scan {
    /// Takes a segment apart; `None` when it has no header.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let block = bytes.first_chunk::<BLOCK_BYTES>()?;
        let header = SegmentHeader::decode_block(block).ok()?;
        let mut parts = Vec::new();
        let mut at = usize::try_from(DATA_START).ok()?;
        let mut data_end = at;
        while let Some(head) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            if let Some(placed) = part_at(bytes, head, at, &header) {
                at = placed.bytes.end.next_multiple_of(16);
                data_end = placed.bytes.end;
                parts.push(placed);
            } else if at.is_multiple_of(BLOCK_BYTES) {
                break;
            } else {
                at = at.next_multiple_of(BLOCK_BYTES);
            }
        }
        Some(Self {
            header,
            parts,
            data_end,
        })
    }

    /// The last record that some frontier of the file says was durable, wherever in the file it
    /// stands, or that the header implies: everything before the segment. 0 without a header.
    #[must_use]
    pub fn vouched(bytes: &[u8]) -> u64 {
        let Some(Ok(header)) = bytes.first_chunk().map(SegmentHeader::decode_block) else {
            return 0;
        };
        let seed = header.seed();
        let places = (0..bytes.len()).step_by(16);
        let frontiers = places.filter_map(|at| {
            let head = bytes[at..].first_chunk()?;
            Frontier::decode(head, at as u64, seed)
        });
        let claimed = frontiers.map(|frontier| frontier.durable_lsn.value());
        claimed.max().unwrap_or(0).max(header.first_lsn.value() - 1)
    }

    /// Where the first thing stands that is not what a writer leaves: neither a record nor a
    /// frontier nor zeros up to the end of a block.
    #[must_use]
    pub fn first_damage(bytes: &[u8]) -> Option<usize> {
        let header = SegmentHeader::decode_block(bytes.first_chunk()?).ok()?;
        let mut at = usize::try_from(DATA_START).ok()?;
        loop {
            let head = bytes.get(at..)?.first_chunk()?;
            if let Some(placed) = part_at(bytes, head, at, &header) {
                at = placed.bytes.end.next_multiple_of(16);
                continue;
            }
            let block_end = (at + 1).next_multiple_of(BLOCK_BYTES);
            let is_zeros = bytes.get(at..block_end)?.iter().all(|byte| *byte == 0);
            if !is_zeros || at.is_multiple_of(BLOCK_BYTES) {
                return (!is_zeros).then_some(at);
            }
            at = block_end;
        }
    }

    /// The records, each with its bytes.
    pub fn records(&self) -> impl Iterator<Item = (u64, Range<usize>)> {
        self.parts
            .iter()
            .filter_map(|placed| Some((placed.lsn()?, placed.bytes.clone())))
    }

    /// Where the last `count` writes start: each is some records and a frontier.
    #[must_use]
    pub fn start_of_last_writes(&self, count: usize) -> usize {
        let frontiers = self
            .parts
            .iter()
            .enumerate()
            .filter(|(_, placed)| placed.lsn().is_none())
            .map(|(at, _)| at);
        let mut ends: Vec<usize> = frontiers.collect();
        ends.pop();
        let before = ends.len().checked_sub(count).and_then(|at| ends.get(at));
        let first = before.map_or(0, |at| at + 1);
        self.parts.get(first).map_or(0, |placed| placed.bytes.start)
    }

    /// What the frontiers that `is_whole` leaves say was durable; everything before the segment is.
    pub fn claimed(&self, is_whole: impl Fn(&Range<usize>) -> bool) -> u64 {
        let frontiers = self.parts.iter().filter_map(|placed| match &placed.part {
            Part::Frontier(frontier) if is_whole(&placed.bytes) => Some(frontier.durable_lsn),
            _ => None,
        });
        let before = self.header.first_lsn.value() - 1;
        frontiers
            .map(Lsn::value)
            .max()
            .unwrap_or(before)
            .max(before)
    }
}

fn part_at(
    bytes: &[u8],
    head: &[u8; record::BYTES],
    at: usize,
    segment: &SegmentHeader,
) -> Option<Placed> {
    if let Some(frontier) = Frontier::decode(head, at as u64, segment.seed()) {
        return Some(Placed {
            bytes: at..at + record::BYTES,
            part: Part::Frontier(frontier),
        });
    }
    let header = RecordHeader::decode(head, segment.seed()).ok()?;
    let start = at + record::BYTES;
    let end = start + usize::try_from(header.payload_len).ok()?;
    let payload = bytes.get(start..end)?;
    let is_record = header.kind.bits() != FOOTER_KIND && crc32c(payload) == header.payload_crc;
    is_record.then_some(Placed {
        bytes: at..end,
        part: Part::Record(header),
    })
}
