//! Durable writes of the simulated disk, and such that a later sync makes durable: each well, with a
//! fault, or as the power goes.

use std::io;

use nix::errno::Errno;

use super::faults::{Fault, FaultKind, Operation};
use super::names::FileId;
use super::operations::{some_of, some_sectors};
use super::page::{PAGE_BYTES, SECTOR_BYTES, WHOLE, bit};
use super::random::Random;
use super::state::{Begun, State};
use crate::storage::IoMode;

const PAGE: u64 = PAGE_BYTES as u64;

/// When a write is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// When it returns.
    AtOnce,
    /// After the next sync of the file.
    Behind,
}

impl State {
    /// Writes the part of `blocks` behind the first `done` bytes, durably or to be synced later; how
    /// many bytes were written.
    pub(super) fn write(
        &mut self,
        boot: u64,
        file: FileId,
        (blocks, done): (&[u8], usize),
        offset: u64,
        durability: Durability,
    ) -> io::Result<usize> {
        self.check_alive(boot)?;
        let left = blocks.len() - done;
        // A page that was written in part is written again: the same bytes at the same place.
        let whole_pages = done - done % PAGE_BYTES;
        let (blocks, offset) = (&blocks[whole_pages..], offset + whole_pages as u64);
        let len = blocks.len() as u64;
        let begun = self.begin(Operation::Write);
        if begun.is(Fault::NoSpace) || self.lacks_room(file, offset, len) {
            let fits = self.first_pages_that_fit(file, offset, blocks.len());
            self.write_cached(file, &blocks[..fits], offset)?;
            return Err(self.no_space());
        }
        match begun {
            Begun::With(Fault::Error) => self.fail_write(file, blocks, offset)?,
            Begun::With(Fault::Misdirected) => self.misdirect(file, blocks, offset, durability)?,
            Begun::With(Fault::Interrupted) => {
                self.counts.count(FaultKind::InterruptedWrite);
                return Err(Errno::EINTR.into());
            }
            Begun::With(Fault::Short) if left > SECTOR_BYTES => {
                self.counts.count(FaultKind::ShortWrite);
                let part = some_of(left, &mut self.chance());
                let front = &blocks[..done - whole_pages + part];
                self.write_front(file, front, offset, durability)?;
                return Ok(part);
            }
            Begun::With(Fault::Lost) => {
                self.counts.count(FaultKind::LostWrite);
                self.write_cached(file, blocks, offset)?;
                self.inode_mut(file)?.lose_range(offset, len);
            }
            Begun::PowerLost => {
                self.write_cached(file, blocks, offset)?;
                begun.end()?;
            }
            Begun::With(_) | Begun::Well => {
                self.write_through(file, blocks, offset, durability)?;
            }
        }
        Ok(left)
    }

    /// How many bytes of the front of a write of `len` got a place before the disk was full.
    fn first_pages_that_fit(&mut self, file: FileId, offset: u64, len: usize) -> usize {
        let fits = self.chance().index(len / PAGE_BYTES) * PAGE_BYTES;
        if self.lacks_room(file, offset, fits as u64) {
            0
        } else {
            fits
        }
    }

    fn write_cached(&mut self, file: FileId, blocks: &[u8], at: u64) -> io::Result<()> {
        self.inode_mut(file)?.write(at, blocks, &mut || WHOLE);
        Ok(())
    }

    /// A short write: whole sectors, of which the last page may have a part only. Through the page
    /// cache nothing of it is durable: the sync comes behind the rest.
    fn write_front(
        &mut self,
        file: FileId,
        front: &[u8],
        at: u64,
        durability: Durability,
    ) -> io::Result<()> {
        let is_synced = self.io_mode == IoMode::Direct && durability == Durability::AtOnce;
        let inode = self.inode_mut(file)?;
        for (start, part) in (at..).step_by(PAGE_BYTES).zip(front.chunks(PAGE_BYTES)) {
            let mut page = [0; PAGE_BYTES];
            page[..part.len()].copy_from_slice(part);
            let mask = (0..part.len() / SECTOR_BYTES).fold(0, |mask, at| mask | bit(at));
            inode.write(start, &page, &mut || mask);
        }
        if is_synced {
            inode.sync_range(at, front.len() as u64);
        }
        Ok(())
    }

    fn write_through(
        &mut self,
        file: FileId,
        blocks: &[u8],
        at: u64,
        durability: Durability,
    ) -> io::Result<()> {
        let io_mode = self.io_mode;
        let inode = self.inode_mut(file)?;
        inode.write(at, blocks, &mut || WHOLE);
        match (durability, io_mode) {
            (Durability::Behind, _) => {}
            (Durability::AtOnce, IoMode::Direct) => inode.sync_range(at, blocks.len() as u64),
            (Durability::AtOnce, IoMode::Buffered) => inode.sync(),
        }
        Ok(())
    }

    /// Some sectors get to the disk, or into its cache. In buffered mode it may be the sync that
    /// fails: then readers see everything, until the power goes.
    fn fail_write(&mut self, file: FileId, blocks: &[u8], at: u64) -> io::Result<()> {
        self.counts.count(FaultKind::WriteError);
        let is_buffered = self.io_mode == IoMode::Buffered;
        let mut random = self.chance();
        let inode = self.inode_mut(file)?;
        if is_buffered && random.percent(50) {
            inode.write(at, blocks, &mut || WHOLE);
            inode.lose(random.percent(50), &mut |_| some_sectors(&mut random));
        } else {
            inode.write(at, blocks, &mut || some_sectors(&mut random));
        }
        Err(Errno::EIO.into())
    }

    fn misdirect(
        &mut self,
        file: FileId,
        blocks: &[u8],
        at: u64,
        durability: Durability,
    ) -> io::Result<()> {
        let mut random = self.chance();
        let inode = self.inode(file)?;
        let taken = (at / PAGE, blocks.len() as u64 / PAGE);
        let Some(page) = another_place(taken, inode.len() / PAGE, &mut random) else {
            return self.write_through(file, blocks, at, durability);
        };
        self.counts.count(FaultKind::MisdirectedWrite);
        self.write_through(file, blocks, page * PAGE, durability)
    }
}

/// A place for `count` pages in a file of `pages`, clear of the `count` pages from `first` on.
fn another_place((first, count): (u64, u64), pages: u64, random: &mut Random) -> Option<u64> {
    let before = (first + 1)
        .saturating_sub(count)
        .min((pages + 1).saturating_sub(count));
    let after = (pages + 1).saturating_sub(first + count + count);
    if before + after == 0 {
        return None;
    }
    let place = random.below(before + after);
    Some(if place < before {
        place
    } else {
        first + count + (place - before)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_place_is_inside_the_file_and_clear_of_the_own_one() {
        let mut random = Random::new(5);
        for pages in 0..7 {
            for first in 0..8 {
                for count in 1..4 {
                    let clear = |place: u64| place + count <= first || place >= first + count;
                    let possible = (0..pages)
                        .filter(|p| p + count <= pages && clear(*p))
                        .count();
                    let mut seen = std::collections::BTreeSet::new();
                    for _ in 0..100 {
                        let place = another_place((first, count), pages, &mut random);
                        seen.extend(place);
                    }
                    let is_right = seen.iter().all(|p| p + count <= pages && clear(*p));
                    assert!(is_right, "{first} {count} {pages}: {seen:?}");
                    assert_eq!(seen.len(), possible, "{first} {count} {pages}");
                }
            }
        }
    }
}
