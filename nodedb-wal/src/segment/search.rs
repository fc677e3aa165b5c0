//! Looks through a segment's bytes for structures, at every place where one can stand: behind damage
//! there is nothing else to go by. It judges nothing.

use super::cursor::SegmentCursor;
use crate::error::Result;
use crate::format::checksum::HeaderSeed;
use crate::format::layout::{
    ALIGN_BYTES, BLOCK_BYTES, FOOTER_KIND, FRONTIER_KIND, block_floor, record, record_bytes,
};
use crate::format::record_header::{kind_bits, stored_lsn};
use crate::format::{Frontier, RecordHeader};
use crate::types::Lsn;

/// A search in one segment.
pub(super) struct Search<'a> {
    pub(super) cursor: &'a mut SegmentCursor,
    pub(super) seed: HeaderSeed,
    /// How far behind the last find it goes on.
    pub(super) look_ahead: u64,
}

/// What frontiers say, each of which stands where it was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// The highest LSN that one says was durable.
    pub(crate) durable_lsn: Lsn,
    /// The highest LSN that one says the log starts at.
    pub(crate) start_lsn: Lsn,
}

impl Search<'_> {
    /// The first place from `from` on where something whole stands that can follow record
    /// `expected - 1`, with the LSN that comes next there.
    pub(super) fn first_anchor(&mut self, from: u64, expected: Lsn) -> Result<Option<(u64, Lsn)>> {
        let (end, seed) = (self.cursor.end(), self.seed);
        let until = from.saturating_add(self.look_ahead);
        self.first(from, until, |bytes, at| {
            anchor(bytes, at, expected, end, seed).map(|next| (at, next))
        })
    }

    /// What all frontiers say from `from` on, up to [`Search::look_ahead`] behind `furthest` or the
    /// last of them. Unlike a walk it passes nothing over: a write that landed where it does not belong
    /// may look like the log's next records, and hide what stands behind it.
    pub(super) fn vouched(&mut self, from: u64, furthest: u64) -> Result<Vouched> {
        let seed = self.seed;
        let mut vouched = Vouched::default();
        let (mut at, mut until) = (from, furthest.saturating_add(self.look_ahead));
        while let Some(frontier) = self.first(at, until, |bytes, at| {
            let is_frontier = kind_bits(bytes) == FRONTIER_KIND;
            is_frontier.then(|| Frontier::decode(bytes, at, seed))?
        })? {
            vouched.durable_lsn = vouched.durable_lsn.max(frontier.durable_lsn);
            vouched.start_lsn = vouched.start_lsn.max(frontier.start_lsn);
            at = frontier.position + ALIGN_BYTES as u64;
            until = until.max(at.saturating_add(self.look_ahead));
        }
        Ok(vouched)
    }

    /// What `look` makes of the first place from `from` on and before `until` that it makes something
    /// of. It is handed 64 bytes and where they stand.
    fn first<T>(
        &mut self,
        from: u64,
        until: u64,
        look: impl Fn(&[u8; record::BYTES], u64) -> Option<T>,
    ) -> Result<Option<T>> {
        let mut at = from.next_multiple_of(ALIGN_BYTES as u64);
        loop {
            if at >= until {
                return Ok(None);
            }
            let block_start = block_floor(at);
            // A header may start near the block's end and go on in the next.
            let bytes = self
                .cursor
                .bytes(block_start, BLOCK_BYTES + record::BYTES)?;
            if bytes.len() < record::BYTES {
                return Ok(None);
            }
            let is_blank = is_zeros(&bytes[..bytes.len().min(BLOCK_BYTES)]);
            while !is_blank && at < block_start + BLOCK_BYTES as u64 {
                let from = usize::try_from(at - block_start).unwrap_or(usize::MAX);
                let header = bytes.get(from..).and_then(<[u8]>::first_chunk);
                let Some(header) = header else {
                    return Ok(None);
                };
                if let Some(found) = look(header, at) {
                    return Ok(Some(found));
                }
                at += ALIGN_BYTES as u64;
            }
            at = block_start + BLOCK_BYTES as u64;
        }
    }
}

/// The LSN that comes next when `bytes`, found at `at`, are a structure of this segment that can
/// stand where `expected` or a later record would. Cheap tests come first: most places hold no
/// header.
fn anchor(
    bytes: &[u8; record::BYTES],
    at: u64,
    expected: Lsn,
    end: u64,
    seed: HeaderSeed,
) -> Option<Lsn> {
    // A segment holds fewer records than bytes, so a later LSN cannot be one of its records.
    let plausible = |lsn: Lsn| lsn >= expected && lsn.value() - expected.value() <= end;
    let next = match kind_bits(bytes) {
        FRONTIER_KIND => Frontier::decode(bytes, at, seed)?.last_lsn.next(),
        FOOTER_KIND => RecordHeader::decode(bytes, seed).ok()?.lsn.next(),
        _ if plausible(stored_lsn(bytes)) => {
            let header = RecordHeader::decode(bytes, seed).ok()?;
            let fits = at + record_bytes(header.payload_len as usize) as u64 <= end;
            fits.then_some(header.lsn)?
        }
        _ => return None,
    };
    plausible(next).then_some(next)
}

/// Whether the bytes of a block, or of a part of one, are all zeros: space is mostly that, and a
/// comparison of memory is the quickest way through it.
pub(super) fn is_zeros(bytes: &[u8]) -> bool {
    const ZEROS: [u8; BLOCK_BYTES] = [0; BLOCK_BYTES];
    ZEROS.get(..bytes.len()) == Some(bytes)
}
