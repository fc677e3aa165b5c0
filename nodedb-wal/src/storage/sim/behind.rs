//! One page of a simulated file whose durable bytes are not, or may not be, the live ones.

use super::page::{PAGE_BYTES, Page, SECTOR_BYTES, bit};

/// A page that is not durable as it is.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    durable: Page,
    /// What was written since, in order. None: the cache takes the page for clean, wrongly, and
    /// nothing will write it any more.
    writes: Vec<Version>,
}

/// What one write, or one cut, made of a page.
#[derive(Clone, Debug)]
pub(super) struct Version {
    page: Page,
    /// The sectors it touched.
    mask: u8,
    /// Which of the file's unsynced changes of length made it; `None` for a write.
    cut: Option<usize>,
}

impl Version {
    /// The page after a write of the sectors of `mask`.
    pub(super) fn written(page: Page, mask: u8) -> Self {
        let cut = None;
        Self { page, mask, cut }
    }

    /// The page after a cut, the file's unsynced change of length number `cut`, that took the
    /// sectors of `mask`.
    pub(super) fn cut(page: Page, mask: u8, cut: usize) -> Self {
        let cut = Some(cut);
        Self { page, mask, cut }
    }

    pub(super) fn page(&self) -> &Page {
        &self.page
    }
}

impl Behind {
    pub(super) fn new(durable: Page) -> Self {
        let writes = Vec::new();
        Self { durable, writes }
    }

    pub(super) fn durable(&self) -> &Page {
        &self.durable
    }

    pub(super) fn push(&mut self, version: Version) {
        self.writes.push(version);
    }

    /// Whether nothing is left to say: the live page is the durable one.
    pub(super) fn is_clean(&self, live: &Page) -> bool {
        self.writes.is_empty() && self.durable == *live
    }

    /// The cache writes the page, of which the sectors of `land` get to the disk. What a cut that
    /// is not durable made of the page stays to be written. Returns the durable page before, if it
    /// is another one now.
    pub(super) fn clean(&mut self, live: &Page, land: u8) -> Option<Page> {
        if self.writes.iter().any(|version| version.cut.is_some()) {
            return None;
        }
        let written = self.writes.iter().fold(0, |mask, v| mask | v.mask);
        self.writes.clear();
        let durable = self.durable.merged(live, written & land);
        let before = std::mem::replace(&mut self.durable, durable);
        (before != self.durable).then_some(before)
    }

    /// The file's length became durable: so did every cut, and what was written before a cut and
    /// taken by it is gone.
    pub(super) fn sync_cuts(&mut self) {
        while let Some(at) = self.writes.iter().position(|v| v.cut.is_some()) {
            let cut = self.writes.remove(at);
            self.durable = self.durable.merged(&cut.page, cut.mask);
            for version in &mut self.writes[..at] {
                version.mask &= !cut.mask;
            }
        }
        self.writes.retain(|version| version.mask != 0);
    }

    /// What a crash may leave of a sector when the first `lengths` changes of the length survive:
    /// the durable bytes first, the newest last.
    pub(super) fn candidates(&self, sector: usize, lengths: usize) -> Vec<&[u8]> {
        let mut candidates = vec![self.durable.sector(sector)];
        for version in self.writes.iter().filter(|v| v.mask & bit(sector) != 0) {
            match version.cut {
                Some(cut) if cut >= lengths => continue,
                Some(_) => candidates.clear(),
                None => {}
            }
            candidates.push(version.page.sector(sector));
        }
        candidates
    }

    /// The page after a crash. `fate` fills each sector that has more than one candidate; it finds
    /// the first of them there.
    pub(super) fn survivor(
        &self,
        lengths: usize,
        mut fate: impl FnMut(usize, &[&[u8]], &mut [u8]),
    ) -> Page {
        self.durable.edited(|bytes| {
            for (sector, out) in bytes.chunks_mut(SECTOR_BYTES).enumerate() {
                let candidates = self.candidates(sector, lengths);
                if let Some(first) = candidates.first() {
                    out.copy_from_slice(first);
                }
                if candidates.len() > 1 {
                    fate(sector, &candidates, out);
                }
            }
        })
    }

    /// Changes every image alike.
    pub(super) fn edit(&mut self, edit: &dyn Fn(&mut [u8; PAGE_BYTES])) {
        self.durable = self.durable.edited(edit);
        for version in &mut self.writes {
            version.page = version.page.edited(edit);
        }
    }
}
