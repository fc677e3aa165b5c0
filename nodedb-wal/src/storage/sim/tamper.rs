//! Damage at rest: what a test does to the files behind the program's back. It is durable at once,
//! works with the power on or off, and is no operation.

use std::io;

use nix::errno::Errno;

use super::disk::SimDisk;
use super::faults::FaultKind;
use super::inode::Inode;
use super::names::NameChange;
use super::page::SECTOR_BYTES;
use super::state::State;

impl SimDisk {
    /// The names there are now, in order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let state = self.state();
        state
            .names
            .iter()
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// A file's bytes as they are now.
    ///
    /// # Errors
    ///
    /// There is no such file.
    pub fn read_file(&self, name: &str) -> io::Result<Vec<u8>> {
        let state = self.state();
        let inode = state.inode(state.names.file(name)?)?;
        let mut bytes = vec![0; usize::try_from(inode.len()).map_err(io::Error::other)?];
        inode.read(&mut bytes, 0);
        Ok(bytes)
    }

    /// Puts a file there, in place of another of that name. Unsynced changes of the directory
    /// become durable.
    pub fn write_file(&self, name: &str, bytes: &[u8]) {
        let mut state = self.state();
        state.remove_durably(name);
        let file = state.add(Inode::durable(bytes));
        let name = name.into();
        state
            .names
            .change(NameChange::Created { name, file }, false);
        state.names.sync();
    }

    /// Replaces a file's bytes from `offset` on; the file grows if it has to.
    ///
    /// # Errors
    ///
    /// There is no such file.
    pub fn patch(&self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.tamper(name, FaultKind::Patched, |inode| {
            inode.put(offset, bytes);
        })
    }

    /// Flips bit number `bit`, of 0 to 7, of the byte at `offset`.
    ///
    /// # Errors
    ///
    /// There is no such file, or no such byte in it.
    pub fn flip_bit(&self, name: &str, offset: u64, bit: u8) -> io::Result<()> {
        let mut byte = [0];
        self.read_exactly(name, &mut byte, offset)?;
        let flipped = byte[0] ^ (1 << (bit % 8));
        self.tamper(name, FaultKind::BitFlip, |inode| {
            inode.put(offset, &[flipped]);
        })
    }

    /// Zeroes a sector of 512 bytes.
    ///
    /// # Errors
    ///
    /// There is no such file, or no such whole sector in it.
    pub fn zero_sector(&self, name: &str, sector: u64) -> io::Result<()> {
        let offset = sector * SECTOR_BYTES as u64;
        let mut bytes = [0; SECTOR_BYTES];
        self.read_exactly(name, &mut bytes, offset)?;
        let zeros = [0; SECTOR_BYTES];
        self.tamper(name, FaultKind::ZeroedSector, |inode| {
            inode.put(offset, &zeros);
        })
    }

    /// How many earlier, different contents of a sector are remembered: durable ones, the first
    /// and the last few of its page, without the zeros of fresh space.
    ///
    /// # Errors
    ///
    /// There is no such file.
    pub fn stale_versions(&self, name: &str, sector: u64) -> io::Result<usize> {
        let state = self.state();
        let inode = state.inode(state.names.file(name)?)?;
        Ok(inode.older_sectors(sector).len())
    }

    /// Makes a sector what it was earlier: `version` counts the contents that
    /// [`Self::stale_versions`] tells of, oldest first.
    ///
    /// # Errors
    ///
    /// There is no such file, or no such version.
    pub fn make_stale(&self, name: &str, sector: u64, version: usize) -> io::Result<()> {
        let older = {
            let state = self.state();
            let inode = state.inode(state.names.file(name)?)?;
            let older = inode
                .older_sectors(sector)
                .get(version)
                .map(|bytes| bytes.to_vec());
            older.ok_or(Errno::EINVAL)?
        };
        let offset = sector * SECTOR_BYTES as u64;
        self.tamper(name, FaultKind::StaleSector, |inode| {
            inode.put(offset, &older);
        })
    }

    /// Cuts or extends a file. Unsynced changes of the file become durable.
    ///
    /// # Errors
    ///
    /// There is no such file.
    pub fn truncate_file(&self, name: &str, len: u64) -> io::Result<()> {
        self.tamper(name, FaultKind::TruncatedFile, |inode| {
            inode.set_len(len);
            inode.sync();
        })
    }

    /// Removes a file. Unsynced changes of the directory become durable.
    ///
    /// # Errors
    ///
    /// There is no such file.
    pub fn remove_file(&self, name: &str) -> io::Result<()> {
        let mut state = self.state();
        state.names.file(name)?;
        state.remove_durably(name);
        state.counts.count(FaultKind::MissingFile);
        Ok(())
    }

    /// Copies a file of another disk to here, under its name, in place of one that has it.
    ///
    /// # Errors
    ///
    /// The other disk has no such file.
    pub fn copy_file_from(&self, other: &Self, name: &str) -> io::Result<()> {
        let bytes = other.read_file(name)?;
        self.write_file(name, &bytes);
        self.state().counts.count(FaultKind::ForeignFile);
        Ok(())
    }

    fn tamper(
        &self,
        name: &str,
        kind: FaultKind,
        change: impl FnOnce(&mut Inode),
    ) -> io::Result<()> {
        let mut state = self.state();
        let file = state.names.file(name)?;
        change(state.inode_mut(file)?);
        state.counts.count(kind);
        Ok(())
    }

    fn read_exactly(&self, name: &str, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let state = self.state();
        let inode = state.inode(state.names.file(name)?)?;
        if inode.read(bytes, offset) < bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

impl State {
    fn remove_durably(&mut self, name: &str) {
        if let Ok(file) = self.names.file(name) {
            let name = name.into();
            self.names.change(NameChange::Removed { name, file }, false);
        }
        self.names.sync();
        self.collect_garbage();
    }
}
