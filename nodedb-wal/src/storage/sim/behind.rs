//! One page of a simulated file whose durable bytes are not, or may not be, the live ones.

use super::page::{PAGE_BYTES, Page, SECTOR_BYTES, SECTORS_PER_PAGE, bit};

/// A page that is not durable as it is.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    durable: Page,
    /// What happened since, in order. Nothing: the cache takes the page for clean, wrongly, and
    /// nothing will write it any more.
    changes: Vec<Change>,
}

/// What happened to a page in the cache.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The sectors of `mask` were written; afterwards the page was this one.
    Written {
        /// The whole page.
        page: Page,
        /// The sectors.
        mask: u8,
    },
    /// The file was cut in or before the page, which kept this many bytes.
    Cut {
        /// Bytes of the page.
        kept: usize,
        /// Which of the file's unsynced changes of length it was: it survives with that.
        length: usize,
    },
}

impl Behind {
    pub(super) fn new(durable: Page) -> Self {
        let changes = Vec::new();
        Self { durable, changes }
    }

    pub(super) fn durable(&self) -> &Page {
        &self.durable
    }

    pub(super) fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    /// Whether nothing is left to say: the live page is the durable one.
    pub(super) fn is_clean(&self, live: &Page) -> bool {
        self.changes.is_empty() && self.durable == *live
    }

    /// Whether the cache takes the page for written.
    pub(super) fn takes_for_clean(&self) -> bool {
        self.changes.is_empty()
    }

    /// The cache writes the page, of which the sectors of `land` get to the disk. A page that was
    /// cut waits for the length. Returns the durable page before, if it is another one now.
    pub(super) fn clean(&mut self, live: &Page, land: u8) -> Option<Page> {
        let mut written = 0;
        for change in &self.changes {
            match change {
                Change::Written { mask, .. } => written |= mask,
                Change::Cut { .. } => return None,
            }
        }
        self.changes.clear();
        let durable = self.durable.merged(live, written & land);
        let before = std::mem::replace(&mut self.durable, durable);
        (before != self.durable).then_some(before)
    }

    /// The file's length became durable: so did every cut, and what was written before a cut and
    /// taken by it is gone.
    pub(super) fn sync_cuts(&mut self) {
        let mut left: Vec<Change> = Vec::new();
        for change in self.changes.drain(..) {
            let Change::Cut { kept, .. } = change else {
                left.push(change);
                continue;
            };
            self.durable = self.durable.cut(kept);
            let whole_or_cut = (0..kept.div_ceil(SECTOR_BYTES)).fold(0, |mask, at| mask | bit(at));
            for earlier in &mut left {
                if let Change::Written { page, mask } = earlier {
                    *page = page.cut(kept);
                    *mask &= whole_or_cut;
                }
            }
        }
        left.retain(|change| !matches!(change, Change::Written { mask: 0, .. }));
        self.changes = left;
    }

    /// What a crash may leave of a sector when the first `lengths` changes of the length survive:
    /// the durable bytes first, the newest last.
    pub(super) fn candidates(&self, sector: usize, lengths: usize) -> Vec<[u8; SECTOR_BYTES]> {
        let mut candidates = vec![*self.durable.sector(sector)];
        for change in &self.changes {
            match change {
                Change::Written { page, mask } if mask & bit(sector) != 0 => {
                    candidates.push(*page.sector(sector));
                }
                Change::Cut { kept, length } if *length < lengths => {
                    let kept = kept.saturating_sub(sector * SECTOR_BYTES);
                    if kept == 0 {
                        candidates.truncate(1);
                    }
                    for candidate in &mut candidates {
                        candidate[kept.min(SECTOR_BYTES)..].fill(0);
                    }
                }
                Change::Written { .. } | Change::Cut { .. } => {}
            }
        }
        candidates
    }

    /// The page after a crash. `fate` fills each sector that has more than one candidate; it finds
    /// the first of them there.
    pub(super) fn survivor(
        &self,
        lengths: usize,
        mut fate: impl FnMut(usize, &[[u8; SECTOR_BYTES]], &mut [u8; SECTOR_BYTES]),
    ) -> Page {
        self.durable.edited(|bytes| {
            let (sectors, _) = bytes.as_chunks_mut::<SECTOR_BYTES>();
            for (sector, out) in sectors.iter_mut().enumerate() {
                let candidates = self.candidates(sector, lengths);
                *out = candidates[0];
                if candidates.len() > 1 {
                    fate(sector, &candidates, out);
                }
            }
        })
    }

    /// The sectors that are different now from what is durable, and can become so one by one, when
    /// the first `lengths` changes of the length survive.
    pub(super) fn unsynced_sectors(&self, lengths: usize) -> impl Iterator<Item = usize> {
        (0..SECTORS_PER_PAGE).filter(move |sector| {
            let candidates = self.candidates(*sector, lengths);
            candidates.first() != candidates.last()
        })
    }

    /// Changes every image alike.
    pub(super) fn edit(&mut self, edit: &dyn Fn(&mut [u8; PAGE_BYTES])) {
        self.durable = self.durable.edited(edit);
        for change in &mut self.changes {
            if let Change::Written { page, .. } = change {
                *page = page.edited(edit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(byte: u8) -> Page {
        Page::new(&[byte; PAGE_BYTES])
    }

    /// First and last byte of each candidate of sector 2.
    fn candidates(behind: &Behind, lengths: usize) -> Vec<(u8, u8)> {
        let all = behind.candidates(2, lengths).into_iter();
        all.map(|sector| (sector[0], sector[SECTOR_BYTES - 1]))
            .collect()
    }

    fn cut_at(kept: usize) -> Behind {
        let mut behind = Behind::new(page(1));
        for change in [
            Change::Written {
                page: page(2),
                mask: bit(2),
            },
            Change::Written {
                page: page(9),
                mask: bit(3),
            },
            Change::Cut { kept, length: 0 },
            Change::Written {
                page: page(3),
                mask: bit(2),
            },
        ] {
            behind.push(change);
        }
        behind
    }

    #[test]
    fn a_cut_takes_what_was_written_before_it_or_never_happened() {
        let behind = cut_at(600);
        assert_eq!(candidates(&behind, 0), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(candidates(&behind, 1), [(0, 0), (3, 3)]);
        let behind = cut_at(2 * SECTOR_BYTES + 10);
        assert_eq!(candidates(&behind, 0), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(candidates(&behind, 1), [(1, 0), (2, 0), (3, 3)]);
    }

    #[test]
    fn a_durable_cut_leaves_the_same_choice() {
        for kept in [0, 600, 2 * SECTOR_BYTES, 2 * SECTOR_BYTES + 10, PAGE_BYTES] {
            let mut behind = cut_at(kept);
            let expected = candidates(&behind, 1);
            behind.sync_cuts();
            assert_eq!(candidates(&behind, 0), expected, "kept {kept}");
        }
    }
}
