//! The kernel's requests, handed to the disk: one directory of plain files.

use std::ffi::OsStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation,
    INodeNo, LockOwner, OpenFlags, RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory,
    ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::disk::{Disk, State};

/// Nothing is remembered by the kernel but pages.
const NO_TIME: Duration = Duration::ZERO;

const BLOCK_BYTES: u32 = 4096;

#[derive(Debug)]
pub(super) struct DiskFilesystem {
    disk: Disk,
}

impl DiskFilesystem {
    pub(super) fn new(disk: Disk) -> Self {
        Self { disk }
    }
}

fn attributes(file: INodeNo, size: u64, kind: FileType) -> FileAttr {
    FileAttr {
        ino: file,
        size,
        blocks: size.div_ceil(512),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: 0o777,
        nlink: 1,
        uid: nix::unistd::getuid().as_raw(),
        gid: nix::unistd::getgid().as_raw(),
        rdev: 0,
        blksize: BLOCK_BYTES,
        flags: 0,
    }
}

fn look(state: &mut State, file: INodeNo) -> Result<FileAttr, Errno> {
    if file == INodeNo::ROOT {
        return Ok(attributes(file, 0, FileType::Directory));
    }
    Ok(attributes(file, state.len(file.0)?, FileType::RegularFile))
}

fn text(name: &OsStr) -> Result<&str, Errno> {
    name.to_str().ok_or(Errno::EINVAL)
}

fn index(number: u64) -> Result<usize, Errno> {
    usize::try_from(number).map_err(|_| Errno::EFBIG)
}

fn answer(reply: ReplyEmpty, result: Result<(), Errno>) {
    match result {
        Ok(()) => reply.ok(),
        Err(errno) => reply.error(errno),
    }
}

impl Filesystem for DiskFilesystem {
    fn lookup(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut state = self.disk.state();
        let found = text(name).and_then(|name| state.named(name));
        match found.and_then(|file| look(&mut state, INodeNo(file))) {
            Ok(found) => reply.entry(&NO_TIME, &found, Generation(0)),
            Err(errno) => reply.error(errno),
        }
    }

    fn getattr(&self, _: &Request, file: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match look(&mut self.disk.state(), file) {
            Ok(found) => reply.attr(&NO_TIME, &found),
            Err(errno) => reply.error(errno),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        file: INodeNo,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut state = self.disk.state();
        let set = size.map_or(Ok(()), |size| state.set_len(file.0, index(size)?));
        match set.and_then(|()| look(&mut state, file)) {
            Ok(found) => reply.attr(&NO_TIME, &found),
            Err(errno) => reply.error(errno),
        }
    }

    fn create(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        _: u32,
        _: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let made = text(name).and_then(|name| self.disk.state().create(name));
        match made {
            Ok(file) => {
                let made = attributes(INodeNo(file), 0, FileType::RegularFile);
                let flags = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&NO_TIME, &made, Generation(0), FileHandle(0), flags);
            }
            Err(errno) => reply.error(errno),
        }
    }

    /// The cache outlives the process, as it does on a disk.
    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.disk.state().power() {
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(errno) => reply.error(errno),
        }
    }

    fn read(
        &self,
        _: &Request,
        file: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let read = index(offset).and_then(|offset| {
            let len = index(size.into())?;
            self.disk.state().read(file.0, offset, len)
        });
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(errno) => reply.error(errno),
        }
    }

    fn write(
        &self,
        _: &Request,
        file: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = index(offset)
            .and_then(|offset| self.disk.state().write(file.0, offset, data))
            .and_then(|written| u32::try_from(written).map_err(|_| Errno::EFBIG));
        match written {
            Ok(written) => reply.written(written),
            Err(errno) => reply.error(errno),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, file: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.disk.state().sync(file.0));
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        answer(reply, self.disk.state().sync_names());
    }

    fn fallocate(
        &self,
        _: &Request,
        file: INodeNo,
        _: FileHandle,
        offset: u64,
        length: u64,
        _: i32,
        reply: ReplyEmpty,
    ) {
        let end = index(offset + length);
        answer(
            reply,
            end.and_then(|end| self.disk.state().allocate(file.0, end)),
        );
    }

    fn rename(
        &self,
        _: &Request,
        _: INodeNo,
        name: &OsStr,
        _: INodeNo,
        new_name: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let renamed = text(name).and_then(|from| self.disk.state().rename(from, text(new_name)?));
        answer(reply, renamed);
    }

    fn unlink(&self, _: &Request, _: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(
            reply,
            text(name).and_then(|name| self.disk.state().remove(name)),
        );
    }

    fn readdir(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let state = self.disk.state();
        if let Err(errno) = state.power() {
            return reply.error(errno);
        }
        let own = [(".", INodeNo::ROOT), ("..", INodeNo::ROOT)];
        let own = own.map(|(name, file)| (name, file, FileType::Directory));
        let files = state
            .names()
            .map(|(name, file)| (name.as_str(), INodeNo(*file), FileType::RegularFile));
        let Ok(done) = usize::try_from(offset) else {
            return reply.error(Errno::EINVAL);
        };
        for (next, (name, file, kind)) in (1..).zip(own.into_iter().chain(files)).skip(done) {
            if reply.add(file, next, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        reply.statfs(
            1 << 20,
            1 << 19,
            1 << 19,
            1 << 10,
            1 << 9,
            BLOCK_BYTES,
            255,
            BLOCK_BYTES,
        );
    }
}
