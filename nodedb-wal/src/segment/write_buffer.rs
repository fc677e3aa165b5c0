//! The bytes of one write, in memory: records, then a frontier, then zeros to the block's end.

use crate::format::Frontier;
use crate::format::checksum::HeaderSeed;
use crate::format::layout::{ALIGN_BYTES, BLOCK_BYTES, frontier, record, record_bytes};
use crate::storage::AlignedBuf;
use crate::types::Lsn;

/// A write being filled, or on its way to the disk.
#[derive(Debug, Default)]
pub(crate) struct WriteBuffer {
    buf: AlignedBuf,
    /// Where in the segment the buffer's first byte belongs; a multiple of a block.
    base: u64,
    /// Bytes in front that are on disk already: the block the write before ended in.
    prefix: usize,
    /// Bytes filled, prefix included.
    len: usize,
    records: u64,
    /// The last record, once the write is finished.
    last_lsn: Lsn,
}

impl WriteBuffer {
    /// Empties the buffer for a write that starts on a fresh block at `base`.
    pub(crate) fn start_at(&mut self, base: u64) {
        debug_assert_eq!(base % BLOCK_BYTES as u64, 0);
        self.base = base;
        self.prefix = 0;
        self.len = 0;
        self.records = 0;
    }

    /// Empties the buffer for the write after `previous`, going on in its last block when that has
    /// room and `share_block` allows it.
    pub(crate) fn start_after(&mut self, previous: &Self, share_block: bool) {
        let tail_start = previous.len - previous.len % BLOCK_BYTES;
        if share_block {
            self.start_at(previous.base + tail_start as u64);
            let tail = &previous.buf.as_slice()[tail_start..previous.len];
            self.buf.grow(tail.len());
            self.buf.as_mut_slice()[..tail.len()].copy_from_slice(tail);
            self.prefix = tail.len();
            self.len = tail.len();
        } else {
            self.start_at(previous.base + previous.len.next_multiple_of(BLOCK_BYTES) as u64);
        }
    }

    /// Where in the segment the next record goes.
    pub(crate) fn position(&self) -> u64 {
        self.base + self.len as u64
    }

    /// Where in the segment the write starts.
    pub(crate) fn base(&self) -> u64 {
        self.base
    }

    /// Bytes filled that are not on disk yet.
    pub(crate) fn new_bytes(&self) -> usize {
        self.len - self.prefix
    }

    /// Whether no record was added.
    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// How many records were added.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// The last record of a finished write.
    pub(crate) fn last_lsn(&self) -> Lsn {
        self.last_lsn
    }

    /// Adds a record: header, payload, zeros to the alignment.
    pub(crate) fn push(&mut self, header: &[u8; record::BYTES], payload: &[u8]) {
        let start = self.len;
        let end = start + record_bytes(payload.len());
        self.ensure(end);
        let bytes = &mut self.buf.as_mut_slice()[start..end];
        let (head, rest) = bytes.split_at_mut(record::BYTES);
        head.copy_from_slice(header);
        let (body, padding) = rest.split_at_mut(payload.len());
        body.copy_from_slice(payload);
        padding.fill(0);
        self.len = end;
        self.records += 1;
    }

    /// Ends the write with its frontier, whose position is filled in here.
    pub(crate) fn finish(&mut self, frontier: Frontier, seed: HeaderSeed) {
        debug_assert_eq!(self.len % ALIGN_BYTES, 0);
        let bytes = Frontier {
            position: self.position(),
            ..frontier
        }
        .encode(seed);
        let start = self.len;
        self.len += frontier::BYTES;
        let blocks_end = self.len.next_multiple_of(BLOCK_BYTES);
        self.ensure(blocks_end);
        let rest = &mut self.buf.as_mut_slice()[start..blocks_end];
        rest[..frontier::BYTES].copy_from_slice(&bytes);
        rest[frontier::BYTES..].fill(0);
        self.last_lsn = frontier.last_lsn;
    }

    /// The whole blocks of a finished write.
    pub(crate) fn blocks(&self) -> &[u8] {
        &self.buf.as_slice()[..self.len.next_multiple_of(BLOCK_BYTES)]
    }

    /// Gives memory over `len_bytes` back.
    pub(crate) fn shrink(&mut self, len_bytes: usize) {
        if self.buf.len() > len_bytes {
            self.buf.shrink(len_bytes);
        }
    }

    fn ensure(&mut self, len: usize) {
        if len > self.buf.len() {
            // Doubling, so that filling a large write does not copy it again and again.
            self.buf.grow(len.max(self.buf.len() * 2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Timestamp;

    fn frontier() -> Frontier {
        Frontier {
            position: 0,
            last_lsn: Lsn::new(1),
            durable_lsn: Lsn::ZERO,
            first_lsn: Lsn::new(1),
            write_number: 0,
            start_lsn: Lsn::FIRST,
            timestamp: Timestamp::from_nanos(0),
        }
    }

    #[test]
    fn a_write_that_goes_on_in_a_block_repeats_its_bytes() {
        let seed = HeaderSeed::of_salt(1);
        let mut first = WriteBuffer::default();
        first.start_at(4096);
        first.push(&[1; 64], b"abc");
        first.finish(frontier(), seed);
        assert_eq!(first.blocks().len(), 4096);
        let used = 80 + 64;

        let mut second = WriteBuffer::default();
        second.start_after(&first, true);
        assert_eq!((second.base(), second.position()), (4096, 4096 + used));
        second.push(&[2; 64], b"");
        second.finish(frontier(), seed);
        let used = usize::try_from(used).unwrap();
        assert_eq!(second.blocks()[..used], first.blocks()[..used]);
    }

    #[test]
    fn a_write_on_a_fresh_block_leaves_the_one_before_alone() {
        let mut first = WriteBuffer::default();
        first.start_at(4096);
        first.push(&[1; 64], b"abc");
        first.finish(frontier(), HeaderSeed::of_salt(1));
        let mut second = WriteBuffer::default();
        second.start_after(&first, false);
        assert_eq!((second.base(), second.new_bytes()), (8192, 0));
    }

    #[test]
    fn stale_bytes_of_a_reused_buffer_do_not_show() {
        let seed = HeaderSeed::of_salt(1);
        let mut buffer = WriteBuffer::default();
        buffer.start_at(4096);
        buffer.push(&[0xff; 64], &[0xff; 5000]);
        buffer.finish(frontier(), seed);
        buffer.start_at(12288);
        buffer.push(&[1; 64], b"x");
        buffer.finish(frontier(), seed);
        assert_eq!(buffer.blocks().len(), 4096);
        assert!(buffer.blocks()[65..80].iter().all(|&byte| byte == 0));
        assert!(buffer.blocks()[80 + 64..].iter().all(|&byte| byte == 0));
    }
}
