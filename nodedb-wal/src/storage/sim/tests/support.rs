//! What the tests of the simulated disk share.

use std::sync::Arc;

use crate::storage::sim::{SimDisk, Survivors};
use crate::storage::{Access, AlignedBuf, Storage, StorageFile};

pub(super) const BLOCK: u64 = 4096;

/// Blocks of one byte.
pub(super) fn blocks(count: u64, byte: u8) -> AlignedBuf {
    let mut blocks = AlignedBuf::zeroed(usize::try_from(count * BLOCK).unwrap());
    blocks.as_mut_slice().fill(byte);
    blocks
}

/// Writes `count` blocks of one byte at block `at`, durably.
pub(super) fn put(file: &Arc<dyn StorageFile>, at: u64, count: u64, byte: u8) {
    let blocks = blocks(count, byte);
    file.write_durable(blocks.as_slice(), at * BLOCK).unwrap();
}

/// A durable file of `count` blocks of one byte.
pub(super) fn durable_file(
    storage: &dyn Storage,
    name: &str,
    count: u64,
    byte: u8,
) -> Arc<dyn StorageFile> {
    let file = storage.create(name, count * BLOCK).unwrap();
    put(&file, 0, count, byte);
    file.sync().unwrap();
    storage.sync_directory().unwrap();
    file
}

/// The power goes and comes back, and nothing unsynced survives.
pub(super) fn crash_losing_all(disk: &SimDisk) -> Arc<dyn Storage> {
    disk.crash_exactly(&Survivors::default());
    disk.restart();
    disk.storage()
}

/// The first byte of each sector of a file.
pub(super) fn sectors(disk: &SimDisk, name: &str) -> Vec<u8> {
    let bytes = disk.read_file(name).unwrap();
    bytes.chunks(512).map(|sector| sector[0]).collect()
}

/// The first byte of a file, through the door.
pub(super) fn first_byte(storage: &dyn Storage, name: &str) -> u8 {
    let mut byte = [0];
    let file = storage.open(name, Access::Read).unwrap();
    assert_eq!(file.read_at(&mut byte, 0).unwrap(), 1);
    byte[0]
}
