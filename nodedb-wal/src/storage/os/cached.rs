//! What the page cache holds of a file: asked, and read without waiting for the disk.

use std::fs::File;
use std::num::NonZeroUsize;
use std::os::fd::AsRawFd as _;

use nix::libc;
use nix::sys::mman::{MapFlags, ProtFlags, mmap, munmap};
use nix::unistd::{SysconfVar, sysconf};

/// How many bytes could be read without waiting for the disk; `None` where none could, or the system
/// cannot do that.
pub(super) fn read_without_waiting(file: &File, bytes: &mut [u8], offset: u64) -> Option<usize> {
    let offset = libc::off_t::try_from(offset).ok()?;
    let part = libc::iovec {
        iov_base: bytes.as_mut_ptr().cast(),
        iov_len: bytes.len(),
    };
    #[expect(unsafe_code, reason = "no safe wrapper takes RWF_NOWAIT")]
    // SAFETY: `part` is the one element of its array and describes `bytes`, which are borrowed
    // exclusively until the call is over, and the descriptor is open as long as `file` is borrowed.
    let read = unsafe {
        libc::preadv2(
            file.as_raw_fd(),
            &raw const part,
            1,
            offset,
            libc::RWF_NOWAIT,
        )
    };
    usize::try_from(read).ok()
}

/// Whether the cache holds the byte at `offset`; `None` where the system does not tell.
pub(super) fn holds(file: &File, offset: u64) -> Option<bool> {
    let page_bytes = sysconf(SysconfVar::PAGE_SIZE).ok()??;
    let start = libc::off_t::try_from(offset).ok()? / page_bytes * page_bytes;
    let len = NonZeroUsize::new(usize::try_from(page_bytes).ok()?)?;
    #[expect(unsafe_code, reason = "the kernel tells about the cache by a mapping")]
    // SAFETY: a new mapping at an address of the kernel's choice, which nothing reads or writes.
    let mapped = unsafe {
        mmap(
            None,
            len,
            ProtFlags::PROT_READ,
            MapFlags::MAP_SHARED,
            file,
            start,
        )
    };
    let mapped = mapped.ok()?;
    let mut page = 0u8;
    #[expect(unsafe_code, reason = "no safe wrapper knows mincore")]
    // SAFETY: the mapping above is of one page, for which one byte is written: `page`.
    let answer = unsafe { libc::mincore(mapped.as_ptr(), len.get(), &raw mut page) };
    #[expect(unsafe_code, reason = "the mapping is given back")]
    // SAFETY: the mapping made above, which no reference points into.
    let _unmapped = unsafe { munmap(mapped, len.get()) };
    // The other bits are reserved.
    (answer == 0).then_some(page & 1 == 1)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt as _;

    use super::*;

    #[test]
    fn the_cache_holds_what_was_written_through_it_and_not_what_is_behind_the_end() {
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[7; 10_000], 0).unwrap();
        assert_eq!(holds(&file, 0), Some(true));
        assert_eq!(holds(&file, 9_999), Some(true));
        assert_eq!(holds(&file, 1 << 20), Some(false));
    }
}
