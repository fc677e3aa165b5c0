//! The operations of the storage door, each well, with a fault, or as the power goes.

use std::io;

use nix::errno::Errno;

use super::faults::{Fault, FaultKind, Operation, ReadFault};
use super::inode::Inode;
use super::names::{FileId, NameChange};
use super::page::{PAGE_BYTES, SECTOR_BYTES, WHOLE};
use super::random::Random;
use super::state::{Begun, State};

const PAGE: u64 = PAGE_BYTES as u64;

impl State {
    /// Makes a file and opens it.
    pub(super) fn create(&mut self, boot: u64, name: &str, len: u64) -> io::Result<FileId> {
        self.check_alive(boot)?;
        if self.names.file(name).is_ok() {
            return Err(Errno::EEXIST.into());
        }
        if len == 0 {
            return Err(Errno::EINVAL.into());
        }
        let begun = self.begin_change(Operation::Create)?;
        if begun.is(Fault::NoSpace) || len.next_multiple_of(PAGE) > self.room() {
            return Err(self.no_space());
        }
        let mut inode = Inode::default();
        inode.allocate(len);
        let file = self.add(inode);
        let name = name.into();
        self.change_name(begun, NameChange::Created { name, file });
        begun.end()?;
        self.open(file);
        Ok(file)
    }

    pub(super) fn open_named(&mut self, boot: u64, name: &str) -> io::Result<FileId> {
        self.check_alive(boot)?;
        self.clock.step();
        let file = self.names.file(name)?;
        self.open(file);
        Ok(file)
    }

    pub(super) fn rename(&mut self, boot: u64, from: &str, to: &str) -> io::Result<()> {
        self.check_alive(boot)?;
        let file = self.names.file(from)?;
        if self.names.file(to).is_ok_and(|target| target == file) {
            return Ok(());
        }
        let begun = self.begin_change(Operation::Rename)?;
        let (from, to) = (from.into(), to.into());
        self.change_name(begun, NameChange::Renamed { from, to, file });
        begun.end()
    }

    pub(super) fn remove(&mut self, boot: u64, name: &str) -> io::Result<()> {
        self.check_alive(boot)?;
        let file = self.names.file(name)?;
        let begun = self.begin_change(Operation::Remove)?;
        let name = name.into();
        self.change_name(begun, NameChange::Removed { name, file });
        begun.end()
    }

    /// Syncs the directory whose names start with `prefix`.
    pub(super) fn sync_directory(&mut self, boot: u64, prefix: &str) -> io::Result<()> {
        self.check_alive(boot)?;
        let own = self.names.places_in(prefix);
        match self.begin(Operation::SyncDirectory) {
            Begun::With(Fault::Error) => {
                self.counts.count(FaultKind::OtherError);
                let mut random = self.chance();
                self.names
                    .sync_some(&mut |place| own.contains(&place) && random.percent(50));
                Err(Errno::EIO.into())
            }
            Begun::With(Fault::Lost) => {
                self.counts.count(FaultKind::LostSync);
                Ok(())
            }
            Begun::PowerLost => Begun::PowerLost.end(),
            Begun::With(_) | Begun::Well => {
                self.names.sync_some(&mut |place| own.contains(&place));
                self.collect_garbage();
                Ok(())
            }
        }
    }

    pub(super) fn len(&self, boot: u64, file: FileId) -> io::Result<u64> {
        self.check_alive(boot)?;
        Ok(self.inode(file)?.len())
    }

    pub(super) fn read(
        &mut self,
        boot: u64,
        file: FileId,
        bytes: &mut [u8],
        offset: u64,
    ) -> io::Result<usize> {
        self.check_alive(boot)?;
        self.clock.step();
        let index = self.reads;
        self.reads += 1;
        let len = match self.plan.reads_at.get(&index) {
            Some(ReadFault::Error) => {
                self.counts.count(FaultKind::ReadError);
                return Err(Errno::EIO.into());
            }
            Some(ReadFault::Interrupted) => {
                self.counts.count(FaultKind::InterruptedRead);
                return Err(Errno::EINTR.into());
            }
            Some(ReadFault::Short) if bytes.len() > SECTOR_BYTES => {
                self.counts.count(FaultKind::ShortRead);
                some_of(bytes.len(), &mut self.chance())
            }
            Some(ReadFault::Short) | None => bytes.len(),
        };
        Ok(self.inode(file)?.read(&mut bytes[..len], offset))
    }

    pub(super) fn write_zeros(
        &mut self,
        boot: u64,
        file: FileId,
        offset: u64,
        len: u64,
    ) -> io::Result<()> {
        self.check_alive(boot)?;
        let begun = self.begin(Operation::WriteZeros);
        if begun.is(Fault::NoSpace) || self.lacks_room(file, offset, len) {
            return Err(self.no_space());
        }
        if begun.is(Fault::Error) {
            self.counts.count(FaultKind::WriteError);
            let mut random = self.chance();
            let inode = self.inode_mut(file)?;
            inode.write_zeros(offset, len, &mut || some_sectors(&mut random));
            return Err(Errno::EIO.into());
        }
        self.inode_mut(file)?
            .write_zeros(offset, len, &mut || WHOLE);
        begun.end()
    }

    pub(super) fn set_len(&mut self, boot: u64, file: FileId, len: u64) -> io::Result<()> {
        self.check_alive(boot)?;
        let begun = self.begin_change(Operation::SetLen)?;
        self.inode_mut(file)?.set_len(len);
        begun.end()
    }

    pub(super) fn sync(&mut self, boot: u64, file: FileId) -> io::Result<()> {
        self.check_alive(boot)?;
        let begun = self.begin(Operation::Sync);
        let mut random = self.chance();
        let inode = self.inode_mut(file)?;
        match begun {
            Begun::With(Fault::Error) => {
                inode.lose(random.percent(50), &mut |_| some_sectors(&mut random));
                self.counts.count(FaultKind::SyncError);
                Err(Errno::EIO.into())
            }
            Begun::With(Fault::Lost) => {
                inode.lose(false, &mut |_| 0);
                self.counts.count(FaultKind::LostSync);
                Ok(())
            }
            Begun::PowerLost => begun.end(),
            Begun::With(_) | Begun::Well => {
                inode.sync();
                Ok(())
            }
        }
    }

    /// Syncs, and reads back what is on disk: what the cache took for written wrongly is gone.
    pub(super) fn forget_cached(&mut self, boot: u64, file: FileId) -> io::Result<()> {
        self.sync(boot, file)?;
        self.inode_mut(file)?.forget_clean();
        Ok(())
    }

    /// Begins an operation of which an error leaves nothing.
    fn begin_change(&mut self, operation: Operation) -> io::Result<Begun> {
        let begun = self.begin(operation);
        if begun.is(Fault::Error) {
            self.counts.count(FaultKind::OtherError);
            return Err(Errno::EIO.into());
        }
        Ok(begun)
    }

    fn change_name(&mut self, begun: Begun, change: NameChange) {
        let is_lost = begun.is(Fault::Lost);
        if is_lost {
            self.counts.count(FaultKind::LostName);
        }
        self.names.change(change, is_lost);
    }

    pub(super) fn no_space(&mut self) -> io::Error {
        self.counts.count(FaultKind::NoSpace);
        Errno::ENOSPC.into()
    }

    pub(super) fn lacks_room(&self, file: FileId, offset: u64, len: u64) -> bool {
        let growth = self
            .inode(file)
            .map_or(0, |inode| inode.growth(offset + len));
        let moved = if self.plan.writes_need_space { len } else { 0 };
        growth.max(moved) > self.room()
    }
}

/// How many of `len` bytes a call does that does less than was asked: whole sectors, and not none.
pub(super) fn some_of(len: usize, random: &mut Random) -> usize {
    (1 + random.index(len / SECTOR_BYTES - 1)) * SECTOR_BYTES
}

/// The sectors of a page that get to the disk when a write or sync fails: often all or none.
pub(super) fn some_sectors(random: &mut Random) -> u8 {
    match random.below(4) {
        0 => 0,
        1 => WHOLE,
        _ => random.mask(),
    }
}
