//! Memory aligned to a block, as direct I/O wants it; large buffers in huge pages.
//!
//! A disk takes a request of so many pieces of memory at most, and 1 MiB of scattered pages of 4 KiB is
//! more than many take: the write becomes two requests, and each page is looked up for each write. In
//! huge pages it is one piece (docs/decisions/0039).

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ptr::NonNull;

use nix::sys::mman::{MmapAdvise, madvise};

use crate::format::layout::BLOCK_BYTES;

/// A buffer of this size or more is laid out in huge pages, and takes whole ones: 1 MiB.
const HUGE_FROM_BYTES: usize = 1 << 20;
/// A huge page: 2 MiB. Where they have another size the memory is as good as any.
const HUGE_BYTES: usize = 2 << 20;

/// A growable buffer of whole, aligned, initialised blocks.
pub struct AlignedBuf {
    /// Of [`Self::layout`]; dangling while there is no block.
    start: NonNull<u8>,
    /// Its length, a multiple of a block.
    len: usize,
}

#[expect(unsafe_code, reason = "the buffer owns its memory")]
// SAFETY: `start` points to memory that only this value refers to, as a `Vec<u8>` would.
unsafe impl Send for AlignedBuf {}

#[expect(unsafe_code, reason = "the buffer owns its memory")]
// SAFETY: as for `Send`; a shared reference only reads.
unsafe impl Sync for AlignedBuf {}

impl AlignedBuf {
    /// A zeroed buffer of at least `len` bytes, rounded up to whole blocks.
    #[must_use]
    pub fn zeroed(len: usize) -> Self {
        Self::of(len, &[])
    }

    /// A buffer of `len` bytes, rounded up, that starts with `front`; the rest is zero.
    fn of(len: usize, front: &[u8]) -> Self {
        let len = len.next_multiple_of(BLOCK_BYTES);
        assert!(front.len() <= len);
        let Some(layout) = layout(len) else {
            return Self::default();
        };
        let start = allocate(layout);
        #[expect(unsafe_code, reason = "new memory is filled before anybody sees it")]
        // SAFETY: the allocation has at least `len` bytes, of which the first `front.len()` are copied
        // from memory that cannot overlap it, and the rest are written as zeros.
        unsafe {
            let bytes = start.as_ptr();
            bytes.copy_from_nonoverlapping(front.as_ptr(), front.len());
            bytes.add(front.len()).write_bytes(0, len - front.len());
        }
        Self { start, len }
    }

    /// Its length in bytes, a multiple of a block.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds no block.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Grows to at least `len` bytes; new bytes are zero, old ones keep their place.
    pub fn grow(&mut self, len: usize) {
        let len = len.next_multiple_of(BLOCK_BYTES);
        if len <= self.len {
            return;
        }
        if layout(len) != layout(self.len) {
            *self = Self::of(len, self.as_slice());
            return;
        }
        let old = std::mem::replace(&mut self.len, len);
        #[expect(unsafe_code, reason = "memory that was not used is filled first")]
        // SAFETY: the allocation is as large as one of `len` bytes, and what is behind the old bytes
        // is written before it can be read.
        unsafe {
            self.start.as_ptr().add(old).write_bytes(0, len - old);
        }
    }

    /// Cuts to at most `len` bytes, rounded up to whole blocks, and gives the memory back.
    pub fn shrink(&mut self, len: usize) {
        let len = len.next_multiple_of(BLOCK_BYTES);
        if len >= self.len {
            return;
        }
        if layout(len) == layout(self.len) {
            self.len = len;
        } else {
            *self = Self::of(len, &self.as_slice()[..len]);
        }
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        #[expect(unsafe_code, reason = "a slice of memory of its own")]
        // SAFETY: `start` is valid for `len` initialised bytes, or dangling and `len` is 0; they are
        // borrowed for as long as `self`.
        unsafe {
            std::slice::from_raw_parts(self.start.as_ptr(), self.len)
        }
    }

    /// The bytes, to be changed.
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        #[expect(unsafe_code, reason = "a slice of memory of its own")]
        // SAFETY: as in `as_slice`; `&mut self` makes the borrow exclusive.
        unsafe {
            std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len)
        }
    }
}

impl Default for AlignedBuf {
    fn default() -> Self {
        Self {
            start: NonNull::dangling(),
            len: 0,
        }
    }
}

impl Clone for AlignedBuf {
    fn clone(&self) -> Self {
        Self::of(self.len, self.as_slice())
    }
}

impl Drop for AlignedBuf {
    fn drop(&mut self) {
        if let Some(layout) = layout(self.len) {
            #[expect(unsafe_code, reason = "gives back memory of its own")]
            // SAFETY: the memory was allocated with the same layout: `len` changes only between
            // lengths of one layout.
            unsafe {
                dealloc(self.start.as_ptr(), layout);
            }
        }
    }
}

/// How a buffer of `len` bytes, whole blocks, is allocated; nothing of nothing.
fn layout(len: usize) -> Option<Layout> {
    let (len, align) = match len {
        0 => return None,
        _ if len >= HUGE_FROM_BYTES => (len.next_multiple_of(HUGE_BYTES), HUGE_BYTES),
        _ => (len, BLOCK_BYTES),
    };
    let Ok(layout) = Layout::from_size_align(len, align) else {
        // As `Vec` does: nobody has as much memory.
        panic!("a buffer of {len} bytes");
    };
    Some(layout)
}

/// Memory of `layout`, which is not empty; its bytes are whatever they are.
fn allocate(layout: Layout) -> NonNull<u8> {
    #[expect(unsafe_code, reason = "memory of a chosen alignment")]
    // SAFETY: the size is not zero.
    let start = unsafe { alloc(layout) };
    let Some(start) = NonNull::new(start) else {
        handle_alloc_error(layout);
    };
    if layout.align() == HUGE_BYTES {
        #[expect(unsafe_code, reason = "the kernel is told how to map the memory")]
        // SAFETY: the range is the allocation's own, which nobody else has yet; the advice does not
        // change its bytes.
        let _advice_only =
            unsafe { madvise(start.cast(), layout.size(), MmapAdvise::MADV_HUGEPAGE) };
    }
    start
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
    fn a_large_buffer_starts_on_a_huge_page_and_keeps_its_bytes_as_it_grows_and_shrinks() {
        let mut buf = AlignedBuf::zeroed(HUGE_FROM_BYTES - BLOCK_BYTES);
        buf.as_mut_slice().fill(7);
        for len in [HUGE_FROM_BYTES, HUGE_FROM_BYTES + 1, 2 * HUGE_BYTES + 1] {
            let before = buf.len();
            buf.grow(len);
            assert_eq!(buf.len(), len.next_multiple_of(BLOCK_BYTES));
            assert_eq!(buf.as_slice().as_ptr().addr() % HUGE_BYTES, 0);
            assert!(buf.as_slice()[before..].iter().all(|&byte| byte == 0));
            buf.as_mut_slice().fill(7);
        }
        for len in [HUGE_BYTES + 1, HUGE_BYTES, HUGE_FROM_BYTES, 1, 0] {
            buf.shrink(len);
            assert_eq!(buf.len(), len.next_multiple_of(BLOCK_BYTES));
            assert!(buf.as_slice().iter().all(|&byte| byte == 7));
            assert_eq!(buf.clone().as_slice(), buf.as_slice());
        }
    }

    #[test]
    fn an_empty_buffer_has_no_bytes() {
        assert!(AlignedBuf::default().as_slice().is_empty());
    }
}
