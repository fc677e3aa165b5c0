//! A stretch of a segment in memory: brought in by one read, checked, and lent out record by record.

use std::sync::Arc;

use super::scan::{Payloads, Pick, Piece, Scanned, scan};
use crate::format::RecordHeader;
use crate::format::checksum::HeaderSeed;
use crate::format::layout::{block_floor, record};
use crate::storage::{AlignedBuf, StorageFile};
use crate::types::Lsn;

/// A chunk whose memory is larger than this gives it back when it is not needed any more.
const KEPT_BYTES: usize = 2 << 20;

/// Where the bytes of a segment come from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: Arc<dyn StorageFile>,
    pub(crate) seed: HeaderSeed,
    /// Where bytes of the segment end for this reader.
    pub(crate) end: u64,
    /// Whether the page cache is told to forget what was brought in.
    pub(crate) drop_behind: bool,
}

/// A part of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Where its first record starts, or what stands in front of that.
    pub(crate) from: u64,
    /// Where its bytes end.
    pub(crate) to: u64,
    /// The LSN of its first record.
    pub(crate) first: Lsn,
    /// The last LSN that is looked for.
    pub(crate) last: Lsn,
}

impl Stretch {
    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.to.saturating_sub(self.from)).unwrap_or(usize::MAX)
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
        pick: impl FnMut(&RecordHeader) -> Pick,
    ) -> u64 {
        self.clear();
        self.start = block_floor(stretch.from);
        let lead = usize::try_from(stretch.from - self.start).unwrap_or_default();
        let wanted = lead + stretch.len();
        if self.buf.len() > wanted.max(KEPT_BYTES) {
            self.buf.shrink(wanted);
        }
        self.buf.grow(wanted);
        let into = &mut self.buf.as_mut_slice()[lead..wanted];
        let read = source.file.read_at(into, stretch.from).unwrap_or_default();
        self.len = lead + read;
        if source.drop_behind {
            // From the start of its block on: the end of the last chunk left that block.
            source.file.advise_done(self.start, self.len as u64);
        }
        let piece = Piece {
            bytes: &self.buf.as_slice()[..self.len],
            start: self.start,
            from: lead,
            first: stretch.first,
            last: stretch.last,
            segment_end: source.end,
            seed: source.seed,
            payloads,
        };
        self.scanned = Some(scan(&piece, &mut self.found, pick));
        read as u64
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
mod tests {
    use std::io;

    use parking_lot::Mutex;

    use super::*;
    use crate::storage::WriteError;

    /// A file of zeros that notes what is said to be done with.
    #[derive(Debug, Default)]
    struct Zeros(Mutex<Vec<(u64, u64)>>);

    impl StorageFile for Zeros {
        fn len(&self) -> io::Result<u64> {
            Ok(u64::MAX)
        }
        fn read_at(&self, bytes: &mut [u8], _offset: u64) -> io::Result<usize> {
            bytes.fill(0);
            Ok(bytes.len())
        }
        fn write_durable(&self, _blocks: &[u8], _offset: u64) -> Result<(), WriteError> {
            Err(WriteError::Failed(io::ErrorKind::Unsupported.into()))
        }
        fn write_zeros(&self, _offset: u64, _len: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn set_len(&self, _len: u64) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn sync(&self) -> io::Result<()> {
            Ok(())
        }
        fn forget_cached(&self) -> io::Result<()> {
            Ok(())
        }
        fn advise_done(&self, offset: u64, len: u64) {
            self.0.lock().push((offset, len));
        }
    }

    #[test]
    fn a_read_that_drops_behind_leaves_no_block_out_and_any_other_drops_none() {
        for drop_behind in [false, true] {
            let zeros = Arc::new(Zeros::default());
            let source = Source {
                file: Arc::clone(&zeros) as Arc<dyn StorageFile>,
                seed: HeaderSeed::of_salt(1),
                end: 1 << 20,
                drop_behind,
            };
            let mut chunk = Chunk::default();
            for (from, to) in [(4096, 10_000), (10_000, 20_000)] {
                let stretch = Stretch {
                    from,
                    to,
                    first: Lsn::FIRST,
                    last: Lsn::MAX,
                };
                chunk.load(&source, &stretch, Payloads::All, |_| Pick::Lend);
            }
            let done = zeros.0.lock().clone();
            let expected = [(4096, 5904), (8192, 11_808)];
            assert_eq!(done, &expected[..if drop_behind { 2 } else { 0 }]);
        }
    }
}
