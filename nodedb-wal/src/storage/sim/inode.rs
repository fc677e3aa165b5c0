//! One simulated file: what a reader sees now, and what would be there if the power went.
//!
//! Only pages that differ between the two are kept twice. It knows nothing of names, and decides
//! nothing by chance: callers say which sectors survive.

use std::collections::BTreeMap;

use super::behind::{Behind, Change};
use super::page::{PAGE_BYTES, Page, SECTOR_BYTES, SECTORS_PER_PAGE, WHOLE};

/// How many earlier contents of a page are remembered for stale sectors: the first, which may be
/// from an earlier life of the file, and the latest.
const OLDER_MAX: usize = 3;

const PAGE: u64 = PAGE_BYTES as u64;

/// A file without its name.
#[derive(Clone, Debug, Default)]
pub(super) struct Inode {
    len: u64,
    durable_len: u64,
    /// Every length since the durable one, in order; the last is `len`.
    lengths: Vec<u64>,
    /// Pages that are not all zeros.
    live: BTreeMap<u64, Page>,
    /// Pages whose durable bytes are not, or may not be, the live ones.
    behind: BTreeMap<u64, Behind>,
    /// What the durable bytes of a page were before, oldest first.
    older: BTreeMap<u64, Vec<Page>>,
    /// How many bytes from the start on have space on the disk.
    allocated: u64,
}

impl Inode {
    /// An empty file, made durable to its length.
    pub(super) fn durable(bytes: &[u8]) -> Self {
        let mut inode = Self::default();
        inode.put(0, bytes);
        inode
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Bytes of disk space it takes.
    pub(super) fn allocated(&self) -> u64 {
        self.allocated
    }

    /// Gives the file `len` bytes of space that read as zeros.
    pub(super) fn allocate(&mut self, len: u64) {
        self.allocated = self.allocated.max(len.next_multiple_of(PAGE));
        self.extend(len);
    }

    /// How much more space a write up to `end` takes.
    pub(super) fn growth(&self, end: u64) -> u64 {
        end.next_multiple_of(PAGE).saturating_sub(self.allocated)
    }

    /// Reads what there is from `offset` on.
    pub(super) fn read(&self, bytes: &mut [u8], offset: u64) -> usize {
        let left = self.len.saturating_sub(offset);
        let len = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let mut done = 0;
        while done < len {
            let at = offset + done as u64;
            let from = within_page(at);
            let part = (PAGE_BYTES - from).min(len - done);
            let page = self.live.get(&(at / PAGE)).unwrap_or(&Page::ZEROS);
            bytes[done..done + part].copy_from_slice(&page.bytes()[from..from + part]);
            done += part;
        }
        len
    }

    /// Writes whole pages into the cache; `land` says which sectors of each page get there.
    pub(super) fn write(&mut self, offset: u64, bytes: &[u8], land: &mut dyn FnMut() -> u8) {
        let (pages, _) = bytes.as_chunks::<PAGE_BYTES>();
        for (number, page) in (offset / PAGE..).zip(pages) {
            self.write_page(number, &Page::new(page), land());
        }
        let end = offset + bytes.len() as u64;
        self.allocated = self.allocated.max(end);
        self.extend(end);
    }

    /// Writes zeros over whole pages in the cache. Space that is zeros in both images stays as it
    /// is: no fault can make anything else of it.
    pub(super) fn write_zeros(&mut self, offset: u64, len: u64, land: &mut dyn FnMut() -> u8) {
        let end = offset.saturating_add(len);
        for number in self.pages_held(offset / PAGE, end.div_ceil(PAGE)) {
            self.write_page(number, &Page::ZEROS, land());
        }
        self.allocated = self.allocated.max(end);
        self.extend(end);
    }

    /// Cuts or extends the file in the cache.
    pub(super) fn set_len(&mut self, len: u64) {
        if len >= self.len {
            self.extend(len);
            return;
        }
        for number in self.pages_held(len / PAGE, self.len.div_ceil(PAGE)) {
            let kept = within_page(len.max(number * PAGE));
            let length = self.lengths.len();
            self.change(
                number,
                self.live(number).cut(kept),
                Change::Cut { kept, length },
            );
        }
        self.len = len;
        self.lengths.push(len);
        self.allocated = self.allocated.min(len.next_multiple_of(PAGE));
    }

    /// Makes everything durable that the cache holds for unwritten.
    pub(super) fn sync(&mut self) {
        self.sync_lengths();
        self.clean(&mut |_| WHOLE);
    }

    /// Makes the bytes of a range durable, and the length if they need it.
    pub(super) fn sync_range(&mut self, offset: u64, len: u64) {
        self.write_back(offset, len, WHOLE);
    }

    /// The cache takes a range for written; the disk has not got it.
    pub(super) fn lose_range(&mut self, offset: u64, len: u64) {
        self.write_back(offset, len, 0);
    }

    /// A failed or lying sync: the sectors `land` chooses become durable, and the cache takes
    /// everything for written. The length is durable, or stays to be written: a journal that
    /// fails does not go on as if nothing had happened.
    pub(super) fn lose(&mut self, lengths_land: bool, land: &mut dyn FnMut(u64) -> u8) {
        if lengths_land {
            self.sync_lengths();
        }
        self.clean(land);
    }

    /// The cache drops every page it takes for clean: what is durable shows.
    pub(super) fn forget_clean(&mut self) {
        let clean: Vec<u64> = self
            .behind
            .iter()
            .filter(|(_, behind)| behind.takes_for_clean())
            .map(|(number, _)| *number)
            .collect();
        for number in clean {
            if let Some(behind) = self.behind.remove(&number) {
                self.set_live(number, behind.durable().clone());
            }
        }
    }

    /// The sectors that are different now from what is durable, and can become so one by one.
    pub(super) fn unsynced_sectors(&self) -> Vec<u64> {
        let mut unsynced = Vec::new();
        for (number, behind) in &self.behind {
            let sectors = behind.unsynced_sectors(self.lengths.len());
            unsynced.extend(sectors.map(|sector| sector_number(*number, sector)));
        }
        unsynced
    }

    /// How many changes of its length are not durable.
    pub(super) fn unsynced_lengths(&self) -> usize {
        self.lengths.len()
    }

    /// Whether a crash can change it at all.
    pub(super) fn is_durable(&self) -> bool {
        self.behind.is_empty() && self.lengths.is_empty()
    }

    /// The power goes. The first `lengths` changes of the length survive. `fate` is asked for each
    /// sector that was written: it gets the sector's number, what may be there (the durable bytes
    /// first, the newest last), and the sector to fill, which holds the durable bytes.
    pub(super) fn crash(
        &mut self,
        lengths: usize,
        mut fate: impl FnMut(u64, &[[u8; SECTOR_BYTES]], &mut [u8; SECTOR_BYTES]),
    ) {
        let survived = lengths
            .checked_sub(1)
            .and_then(|last| self.lengths.get(last));
        let len = survived.copied().unwrap_or(self.durable_len);
        for (number, behind) in std::mem::take(&mut self.behind) {
            let page = behind.survivor(lengths, |sector, candidates, out| {
                fate(sector_number(number, sector), candidates, out);
            });
            if page != *behind.durable() {
                self.remember(number, behind.durable().clone());
            }
            self.set_live(number, page);
        }
        self.lengths.clear();
        self.len = len;
        self.durable_len = len;
        self.allocated = len.next_multiple_of(PAGE);
        self.clear_beyond_end();
    }

    /// Replaces bytes in every image, as if they had always been so.
    pub(super) fn put(&mut self, offset: u64, bytes: &[u8]) {
        let mut done = 0;
        while done < bytes.len() {
            let at = offset + done as u64;
            let from = within_page(at);
            let part = (PAGE_BYTES - from).min(bytes.len() - done);
            let new = &bytes[done..done + part];
            self.edit_page(at / PAGE, &|page| {
                page[from..from + part].copy_from_slice(new);
            });
            done += part;
        }
        let end = offset + bytes.len() as u64;
        if end > self.len {
            self.allocate(end);
            self.sync_lengths();
        }
    }

    /// The sector's durable bytes before the present ones: each earlier content that differs from
    /// them, oldest first.
    pub(super) fn older_sectors(&self, sector: u64) -> Vec<&[u8; SECTOR_BYTES]> {
        let (number, within) = locate(sector);
        let now = self
            .live
            .get(&number)
            .unwrap_or(&Page::ZEROS)
            .sector(within);
        let older = self.older.get(&number).into_iter().flatten();
        older
            .map(|page| page.sector(within))
            .filter(|bytes| *bytes != now)
            .collect()
    }

    fn live(&self, number: u64) -> Page {
        self.live.get(&number).cloned().unwrap_or(Page::ZEROS)
    }

    fn set_live(&mut self, number: u64, page: Page) {
        if page.is_zeros() {
            self.live.remove(&number);
        } else {
            self.live.insert(number, page);
        }
    }

    /// The pages from `first` up to `end` that are not zeros in both images.
    fn pages_held(&self, first: u64, end: u64) -> Vec<u64> {
        let range = first..end.max(first);
        let live = self.live.range(range.clone()).map(|(number, _)| *number);
        let mut held: Vec<u64> = live
            .chain(self.behind.range(range).map(|(number, _)| *number))
            .collect();
        held.sort_unstable();
        held.dedup();
        held
    }

    /// What a lost change of the length leaves behind the end is nobody's.
    fn clear_beyond_end(&mut self) {
        for number in self.pages_held(self.len / PAGE, u64::MAX) {
            let kept = within_page(self.len.max(number * PAGE));
            self.set_live(number, self.live(number).cut(kept));
        }
    }

    fn extend(&mut self, len: u64) {
        if len > self.len {
            self.len = len;
            self.lengths.push(len);
        }
    }

    fn write_page(&mut self, number: u64, page: &Page, mask: u8) {
        let page = self.live(number).merged(page, mask);
        self.change(number, page.clone(), Change::Written { page, mask });
    }

    fn change(&mut self, number: u64, page: Page, change: Change) {
        let before = self.live(number);
        self.set_live(number, page);
        let behind = self.behind.entry(number);
        behind.or_insert_with(|| Behind::new(before)).push(change);
    }

    /// The cache writes a range, of which the sectors of `land` get to the disk.
    fn write_back(&mut self, offset: u64, len: u64, land: u8) {
        let end = offset + len;
        let shortest = self.lengths.iter().copied().min();
        if end > shortest.map_or(self.durable_len, |len| len.min(self.durable_len)) {
            self.sync_lengths();
        }
        for number in self.pages_held(offset / PAGE, end.div_ceil(PAGE)) {
            self.clean_page(number, land);
        }
    }

    fn clean(&mut self, land: &mut dyn FnMut(u64) -> u8) {
        let numbers: Vec<u64> = self.behind.keys().copied().collect();
        for number in numbers {
            self.clean_page(number, land(number));
        }
    }

    fn clean_page(&mut self, number: u64, land: u8) {
        let live = self.live(number);
        let Some(behind) = self.behind.get_mut(&number) else {
            return;
        };
        let before = behind.clean(&live, land);
        if behind.is_clean(&live) {
            self.behind.remove(&number);
        }
        if let Some(before) = before {
            self.remember(number, before);
        }
    }

    /// Makes the length durable, and with it every cut.
    fn sync_lengths(&mut self) {
        if self.lengths.is_empty() {
            return;
        }
        self.lengths.clear();
        self.durable_len = self.len;
        let live = &self.live;
        self.behind.retain(|number, behind| {
            behind.sync_cuts();
            !behind.is_clean(live.get(number).unwrap_or(&Page::ZEROS))
        });
    }

    fn edit_page(&mut self, number: u64, edit: &dyn Fn(&mut [u8; PAGE_BYTES])) {
        let page = self.live(number).edited(edit);
        self.set_live(number, page);
        if let Some(behind) = self.behind.get_mut(&number) {
            behind.edit(edit);
        }
    }

    /// Keeps what was durable. The zeros of fresh space are no news: a sector of zeros has its own
    /// fault.
    fn remember(&mut self, number: u64, page: Page) {
        if page.is_zeros() && !self.older.contains_key(&number) {
            return;
        }
        let older = self.older.entry(number).or_default();
        if older.len() == OLDER_MAX {
            older.remove(1);
        }
        older.push(page);
    }
}

/// The page of a sector, and its place in the page.
fn locate(sector: u64) -> (u64, usize) {
    let per_page = SECTORS_PER_PAGE as u64;
    let within = usize::try_from(sector % per_page).unwrap_or(0);
    (sector / per_page, within)
}

fn sector_number(page: u64, within: usize) -> u64 {
    page * SECTORS_PER_PAGE as u64 + within as u64
}

fn within_page(offset: u64) -> usize {
    usize::try_from(offset % PAGE).unwrap_or(0)
}
