//! The bytes of one write, in memory: records, then a frontier, then zeros to the block's end.

use crate::format::Frontier;
use crate::format::checksum::HeaderSeed;
use crate::format::layout::{
    ALIGN_BYTES, BLOCK_BYTES, block_floor, frontier, record, record_bytes,
};
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
    /// The last record that counts as durable with the write, once it is finished.
    last_lsn: Lsn,
}

/// Where a record is put together.
#[derive(Debug)]
pub(crate) struct Slot<'b> {
    pub(crate) header: &'b mut [u8; record::BYTES],
    pub(crate) payload: &'b mut [u8],
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

    /// Leaves the block the write before ended in, no record having been added.
    pub(crate) fn leave_block(&mut self) {
        debug_assert!(self.is_empty());
        self.start_at(self.base + self.len.next_multiple_of(BLOCK_BYTES) as u64);
    }

    /// Empties the buffer where nothing more is written behind `position`.
    pub(crate) fn end_at(&mut self, position: u64) {
        let base = block_floor(position);
        self.start_at(base);
        self.len = usize::try_from(position - base).unwrap_or_default();
        self.prefix = self.len;
        self.buf.grow(self.len);
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

    /// Has a finished write, which ends inside a batch, make durable what stands in front of the batch
    /// and no more.
    pub(crate) fn end_inside_batch(&mut self, before_batch: Lsn) {
        self.last_lsn = before_batch;
    }

    /// The last record that is durable once this write is: the last of a finished write.
    pub(crate) fn last_lsn(&self) -> Lsn {
        self.last_lsn
    }

    /// The place of the next record: it is not there before [`Self::keep`], and the bytes it finds
    /// are whatever was in memory, but for the zeros behind the payload.
    #[inline]
    pub(crate) fn slot(&mut self, payload_len: usize) -> Slot<'_> {
        let start = self.len;
        let end = start + record_bytes(payload_len);
        self.ensure(end);
        let bytes = &mut self.buf.as_mut_slice()[start..end];
        if let Some(last) = bytes.last_chunk_mut::<ALIGN_BYTES>() {
            *last = [0; ALIGN_BYTES];
        }
        let (header, rest) = bytes
            .split_first_chunk_mut()
            .unwrap_or_else(|| unreachable!("a record is longer than its header"));
        let payload = &mut rest[..payload_len];
        Slot { header, payload }
    }

    /// Takes in the record that was put into the last [`Self::slot`], of the same length.
    #[inline]
    pub(crate) fn keep(&mut self, payload_len: usize) {
        self.len += record_bytes(payload_len);
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

    #[inline]
    fn ensure(&mut self, len: usize) {
        if len > self.buf.len() {
            self.grow(len);
        }
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        // Doubling, so that filling a large write does not copy it again and again.
        self.buf.grow(len.max(self.buf.len() * 2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::checksum::Digest;
    use crate::types::Timestamp;

    fn push(buffer: &mut WriteBuffer, header: &[u8; record::BYTES], payload: &[u8]) {
        let slot = buffer.slot(payload.len());
        *slot.header = *header;
        slot.payload.copy_from_slice(payload);
        buffer.keep(payload.len());
    }

    fn frontier() -> Frontier {
        Frontier {
            position: 0,
            last_lsn: Lsn::new(1),
            durable_lsn: Lsn::ZERO,
            records: 1,
            write_number: 0,
            digest: Digest::EMPTY,
            start_lsn: Lsn::FIRST,
            timestamp: Timestamp::from_nanos(0),
        }
    }

    #[test]
    fn a_write_that_goes_on_in_a_block_repeats_its_bytes() {
        let seed = HeaderSeed::of_salt(1);
        let mut first = WriteBuffer::default();
        first.start_at(4096);
        push(&mut first, &[1; 64], b"abc");
        first.finish(frontier(), seed);
        assert_eq!(first.blocks().len(), 4096);
        let used = 80 + 64;

        let mut second = WriteBuffer::default();
        second.start_after(&first, true);
        assert_eq!((second.base(), second.position()), (4096, 4096 + used));
        push(&mut second, &[2; 64], b"");
        second.finish(frontier(), seed);
        let used = usize::try_from(used).unwrap();
        assert_eq!(second.blocks()[..used], first.blocks()[..used]);
    }

    #[test]
    fn a_write_on_a_fresh_block_leaves_the_one_before_alone() {
        let mut first = WriteBuffer::default();
        first.start_at(4096);
        push(&mut first, &[1; 64], b"abc");
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
        push(&mut buffer, &[0xff; 64], &[0xff; 5000]);
        buffer.finish(frontier(), seed);
        buffer.start_at(12288);
        push(&mut buffer, &[1; 64], b"x");
        buffer.finish(frontier(), seed);
        assert_eq!(buffer.blocks().len(), 4096);
        assert!(buffer.blocks()[65..80].iter().all(|&byte| byte == 0));
        assert!(buffer.blocks()[80 + 64..].iter().all(|&byte| byte == 0));
    }
}
