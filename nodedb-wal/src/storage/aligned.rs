//! Memory aligned to a block, as direct I/O wants it.

use crate::format::layout::BLOCK_BYTES;

/// One block of memory, aligned to its own size.
#[derive(Clone, Copy)]
#[repr(C, align(4096))]
struct Block([u8; BLOCK_BYTES]);

/// A growable buffer of whole, aligned, initialised blocks.
#[derive(Clone, Default)]
pub struct AlignedBuf {
    blocks: Vec<Block>,
}

impl AlignedBuf {
    /// A zeroed buffer of at least `len` bytes, rounded up to whole blocks.
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        Self {
            blocks: vec![Block([0; BLOCK_BYTES]); len.div_ceil(BLOCK_BYTES)],
        }
    }

    /// Its length in bytes, a multiple of a block.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.len() * BLOCK_BYTES
    }

    /// Whether it holds no block.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Grows to at least `len` bytes; new bytes are zero, old ones keep their place.
    pub fn grow(&mut self, len: usize) {
        let blocks = len.div_ceil(BLOCK_BYTES);
        if blocks > self.blocks.len() {
            self.blocks.resize(blocks, Block([0; BLOCK_BYTES]));
        }
    }

    /// Cuts to at most `len` bytes, rounded up to whole blocks, and gives the memory back.
    pub fn shrink(&mut self, len: usize) {
        self.blocks.truncate(len.div_ceil(BLOCK_BYTES));
        self.blocks.shrink_to_fit();
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "a slice of blocks is a slice of bytes")]
        // SAFETY: `Block` is `repr(C)` over bytes with no padding (its size equals its alignment),
        // so the vector's elements are `len()` initialised bytes borrowed for as long as `self`.
        unsafe {
            std::slice::from_raw_parts(self.blocks.as_ptr().cast::<u8>(), self.len())
        }
    }

    /// The bytes, to be changed.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        let len = self.len();
        #[expect(unsafe_code, reason = "a slice of blocks is a slice of bytes")]
        // SAFETY: as in `as_slice`; `&mut self` makes the borrow exclusive.
        unsafe {
            std::slice::from_raw_parts_mut(self.blocks.as_mut_ptr().cast::<u8>(), len)
        }
    }
}

impl std::fmt::Debug for AlignedBuf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlignedBuf")
            .field("len", &self.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_aligned_and_growing_keeps_the_bytes() {
        let mut buf = AlignedBuf::zeroed(1);
        assert_eq!(buf.len(), BLOCK_BYTES);
        buf.as_mut_slice()[17] = 42;
        buf.grow(BLOCK_BYTES * 3 - 5);
        assert_eq!(buf.len(), BLOCK_BYTES * 3);
        assert_eq!(buf.as_slice()[17], 42);
        assert_eq!(buf.as_slice().as_ptr().addr() % BLOCK_BYTES, 0);
        buf.shrink(1);
        assert_eq!(buf.len(), BLOCK_BYTES);
    }

    #[test]
    fn an_empty_buffer_has_no_bytes() {
        assert!(AlignedBuf::default().as_slice().is_empty());
    }
}
