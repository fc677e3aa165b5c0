//! 4 KiB of a simulated file, shared between the images that hold the same bytes.

use std::fmt;
use std::sync::Arc;

use crate::format::layout::BLOCK_BYTES;

/// What a disk writes whole, or does not.
pub(super) const SECTOR_BYTES: usize = 512;

pub(super) const PAGE_BYTES: usize = BLOCK_BYTES;

pub(super) const SECTORS_PER_PAGE: usize = PAGE_BYTES / SECTOR_BYTES;

/// The mask of all of a page's sectors: masks have one bit for each.
pub(super) const WHOLE: u8 = u8::MAX;

static ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

/// The bytes of a page. A page of zeros takes no memory, and equal bytes are equal pages.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Page(Option<Arc<[u8; PAGE_BYTES]>>);

impl Page {
    pub(super) const ZEROS: Self = Self(None);

    pub(super) fn new(bytes: &[u8; PAGE_BYTES]) -> Self {
        Self((*bytes != ZEROS).then(|| Arc::new(*bytes)))
    }

    pub(super) fn is_zeros(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn bytes(&self) -> &[u8; PAGE_BYTES] {
        self.0.as_deref().unwrap_or(&ZEROS)
    }

    /// The bytes of one sector, counted from the start of the page.
    pub(super) fn sector(&self, sector: usize) -> &[u8; SECTOR_BYTES] {
        let (sectors, _) = self.bytes().as_chunks();
        &sectors[sector]
    }

    /// This page with only its first `kept` bytes.
    pub(super) fn cut(&self, kept: usize) -> Self {
        self.edited(|bytes| bytes[kept..].fill(0))
    }

    /// This page with the sectors of `mask` taken from `other`.
    pub(super) fn merged(&self, other: &Self, mask: u8) -> Self {
        match mask {
            0 => self.clone(),
            WHOLE => other.clone(),
            _ => self.edited(|bytes| {
                for sector in sectors(mask) {
                    bytes[sector * SECTOR_BYTES..][..SECTOR_BYTES]
                        .copy_from_slice(other.sector(sector));
                }
            }),
        }
    }

    /// This page after a change.
    pub(super) fn edited(&self, edit: impl FnOnce(&mut [u8; PAGE_BYTES])) -> Self {
        let mut bytes = *self.bytes();
        edit(&mut bytes);
        Self::new(&bytes)
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_zeros() {
            "Page(zeros)"
        } else {
            "Page(..)"
        })
    }
}

/// The sectors of a mask, lowest first.
pub(super) fn sectors(mask: u8) -> impl Iterator<Item = usize> {
    (0..SECTORS_PER_PAGE).filter(move |sector| mask & bit(*sector) != 0)
}

/// The mask of one sector.
pub(super) fn bit(sector: usize) -> u8 {
    1 << (sector % SECTORS_PER_PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_take_no_memory_however_they_came_about() {
        let page = Page::new(&[3; PAGE_BYTES]);
        assert!(!page.is_zeros());
        let cleared = page.edited(|bytes| bytes.fill(0));
        assert!(cleared.is_zeros());
        assert_eq!(cleared, Page::ZEROS);
    }

    #[test]
    fn merging_takes_exactly_the_sectors_of_the_mask() {
        let old = Page::new(&[1; PAGE_BYTES]);
        let new = Page::new(&[2; PAGE_BYTES]);
        for mask in 0..=WHOLE {
            let merged = old.merged(&new, mask);
            for sector in 0..SECTORS_PER_PAGE {
                let expected = if mask & bit(sector) != 0 { 2 } else { 1 };
                assert_eq!(
                    *merged.sector(sector),
                    [expected; SECTOR_BYTES],
                    "{mask:08b}"
                );
            }
        }
    }
}
