//! The real file system and the simulated disk, asked the same things, give the same answers.

use std::io;
use std::sync::Arc;

use super::{BLOCK, blocks, first_byte, put};
use crate::storage::sim::SimDisk;
use crate::storage::{Access, FileEntry, IoMode, OsStorage, Storage, StorageFile, WriteError};

fn check_both_rooms(check: fn(&dyn Storage)) {
    for io_mode in [IoMode::Direct, IoMode::Buffered] {
        let directory = tempfile::tempdir().unwrap();
        check(&OsStorage::new(directory.path(), io_mode));
        let disk = SimDisk::new(1);
        disk.set_io_mode(io_mode);
        check(&*disk.storage());
    }
}

fn names(storage: &dyn Storage) -> Vec<(String, u64)> {
    let files = storage.list().unwrap().into_iter();
    files.map(|FileEntry { name, len }| (name, len)).collect()
}

fn error<T>(result: io::Result<T>) -> Option<i32> {
    result.err().and_then(|error| error.raw_os_error())
}

fn read(file: &Arc<dyn StorageFile>, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xee; len];
    let read = file.read_at(&mut bytes, offset).unwrap();
    bytes.truncate(read);
    bytes
}

fn open(storage: &dyn Storage, name: &str) -> Arc<dyn StorageFile> {
    storage.open(name, Access::Read).unwrap()
}

#[test]
fn names_are_made_moved_and_removed() {
    check_both_rooms(|storage| {
        assert_eq!(names(storage), []);
        storage.create("b", 2 * BLOCK).unwrap();
        storage.create("a", BLOCK).unwrap();
        assert_eq!(
            names(storage),
            [("a".to_owned(), BLOCK), ("b".to_owned(), 2 * BLOCK)]
        );
        storage.rename("a", "c").unwrap();
        storage.rename("c", "c").unwrap();
        storage.remove("b").unwrap();
        storage.sync_directory().unwrap();
        assert_eq!(names(storage), [("c".to_owned(), BLOCK)]);
    });
}

#[test]
fn what_cannot_be_done_is_refused_for_the_same_reason() {
    check_both_rooms(|storage| {
        storage.create("a", BLOCK).unwrap();
        let refusals = [
            (error(storage.create("a", BLOCK)), nix::libc::EEXIST),
            (error(storage.create("zero", 0)), nix::libc::EINVAL),
            (error(storage.open("b", Access::Read)), nix::libc::ENOENT),
            (error(storage.open("b", Access::Write)), nix::libc::ENOENT),
            (error(storage.rename("b", "c")), nix::libc::ENOENT),
            (error(storage.remove("b")), nix::libc::ENOENT),
            (error(open(storage, "a").set_len(0)), nix::libc::EINVAL),
            (
                error(open(storage, "a").write_zeros(0, BLOCK)),
                nix::libc::EBADF,
            ),
        ];
        for (at, (found, expected)) in refusals.into_iter().enumerate() {
            assert_eq!(found, Some(expected), "refusal {at}");
        }
        let written = open(storage, "a").write_durable(blocks(1, 1).as_slice(), 0);
        assert!(matches!(written, Err(WriteError::Failed(_))), "{written:?}");
        assert_eq!(names(storage), [("a".to_owned(), BLOCK)]);
    });
}

#[test]
fn bytes_are_read_where_they_were_written_and_short_only_at_the_end() {
    check_both_rooms(|storage| {
        let file = storage.create("a", 4 * BLOCK).unwrap();
        let reader = open(storage, "a");
        put(&file, 1, 2, 7);
        let mut expected = vec![0; 4 * 4096];
        expected[4096..3 * 4096].fill(7);
        assert_eq!(read(&reader, 0, 5 * 4096), expected);
        assert_eq!(read(&reader, 4000, 200), expected[4000..4200]);
        assert_eq!(read(&reader, 4 * BLOCK - 10, 100), [0; 10]);
        assert!(read(&reader, 4 * BLOCK, 100).is_empty());
        assert!(read(&reader, 9 * BLOCK, 100).is_empty());
        file.write_zeros(BLOCK, BLOCK).unwrap();
        file.sync().unwrap();
        expected[4096..2 * 4096].fill(0);
        assert_eq!(read(&reader, 0, 5 * 4096), expected);
    });
}

#[test]
fn whole_blocks_are_read_through_a_file_opened_for_writing() {
    check_both_rooms(|storage| {
        let file = storage.create("a", 3 * BLOCK).unwrap();
        put(&file, 1, 1, 7);
        let mut found = blocks(4, 9);
        assert_eq!(file.read_at(found.as_mut_slice(), BLOCK).unwrap(), 2 * 4096);
        let expected = [[7; 4096], [0; 4096]].concat();
        assert!(found.as_slice()[..2 * 4096] == expected);
    });
}

#[test]
fn files_grow_and_are_cut() {
    check_both_rooms(|storage| {
        let file = storage.create("a", BLOCK).unwrap();
        let reader = open(storage, "a");
        put(&file, 2, 1, 5);
        assert_eq!(reader.len().unwrap(), 3 * BLOCK);
        assert_eq!(read(&reader, BLOCK, 4096), [0; 4096]);
        file.set_len(2 * BLOCK + 700).unwrap();
        assert_eq!(read(&reader, 2 * BLOCK, 4096), [5; 700]);
        file.set_len(4 * BLOCK).unwrap();
        let mut expected = [0; 2 * 4096];
        expected[..700].fill(5);
        assert_eq!(read(&reader, 2 * BLOCK, 3 * 4096), expected);
        file.write_zeros(4 * BLOCK, BLOCK).unwrap();
        assert_eq!(file.len().unwrap(), 5 * BLOCK);
        file.set_len(0).unwrap();
        file.sync().unwrap();
        assert_eq!(names(storage), [("a".to_owned(), 0)]);
    });
}

#[test]
fn an_open_file_goes_on_without_its_name() {
    check_both_rooms(|storage| {
        let first = storage.create("a", BLOCK).unwrap();
        put(&first, 0, 1, 1);
        let second = storage.create("b", BLOCK).unwrap();
        put(&second, 0, 1, 2);
        let (first_reader, second_reader) = (open(storage, "a"), open(storage, "b"));
        storage.rename("b", "a").unwrap();
        assert_eq!(read(&first_reader, 0, 1), [1]);
        assert_eq!(first_byte(storage, "a"), 2);
        put(&second, 0, 1, 3);
        assert_eq!(first_byte(storage, "a"), 3);
        storage.remove("a").unwrap();
        storage.sync_directory().unwrap();
        put(&second, 0, 1, 4);
        assert_eq!(read(&second_reader, 0, 1), [4]);
        storage.create("a", BLOCK).unwrap();
        assert_eq!(first_byte(storage, "a"), 0);
        assert_eq!(read(&first_reader, 0, 1), [1]);
    });
}

#[test]
fn the_lock_is_held_by_one_until_it_is_dropped() {
    check_both_rooms(|storage| {
        assert!(!storage.is_locked().unwrap());
        let held = storage.lock().unwrap();
        assert!(held.is_some());
        assert!(storage.is_locked().unwrap());
        assert!(storage.lock().unwrap().is_none());
        drop(held);
        assert!(!storage.is_locked().unwrap());
        assert!(storage.lock().unwrap().is_some());
        assert_eq!(names(storage), [("wal.lock".to_owned(), 0)]);
    });
}

#[test]
fn random_bytes_differ_each_time() {
    check_both_rooms(|storage| {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        storage.fill_random(&mut first).unwrap();
        storage.fill_random(&mut second).unwrap();
        assert_ne!(first, [0; 32]);
        assert_ne!(first, second);
    });
}

/// The same calls, drawn from a seed, on both rooms: after each, everything a reader can see is the
/// same.
#[test]
fn any_sequence_of_calls_has_the_same_effect() {
    for seed in 0..12 {
        println!("seed {seed}");
        let directory = tempfile::tempdir().unwrap();
        let real = OsStorage::new(directory.path(), IoMode::Buffered);
        let simulated = SimDisk::new(seed).storage();
        let mut random = fastrand::Rng::with_seed(seed);
        for step in 0..60 {
            let call = random.u64(..);
            let one = do_any(&real, call);
            let other = do_any(&*simulated, call);
            assert_eq!(one, other, "seed {seed} step {step}");
            assert_eq!(
                contents(&real),
                contents(&*simulated),
                "seed {seed} step {step}"
            );
        }
    }
}

fn do_any(storage: &dyn Storage, call: u64) -> Option<i32> {
    let mut random = fastrand::Rng::with_seed(call);
    let name = ["a", "b", "c"][random.usize(..3)];
    let other = ["a", "b", "c"][random.usize(..3)];
    let (at, count, byte) = (random.u64(..4), random.u64(1..3), random.u8(..));
    if random.bool() {
        return error(match random.u8(..4) {
            0 => storage.create(name, count * BLOCK).map(|_| ()),
            1 => storage.rename(name, other),
            2 if random.bool() => storage.remove(name),
            _ => storage.sync_directory(),
        });
    }
    let file = match storage.open(name, Access::Write) {
        Ok(file) => file,
        Err(error) => return error.raw_os_error(),
    };
    match random.u8(..4) {
        0 | 1 => put(&file, at, count, byte),
        2 => file.set_len(random.u64(..5 * BLOCK)).unwrap(),
        _ => file.write_zeros(at * BLOCK, count * BLOCK).unwrap(),
    }
    None
}

fn contents(storage: &dyn Storage) -> Vec<(String, Vec<u8>)> {
    let files = storage.list().unwrap().into_iter();
    files
        .map(|entry| {
            let len = usize::try_from(entry.len).unwrap();
            let bytes = read(&open(storage, &entry.name), 0, len + 1);
            (entry.name, bytes)
        })
        .collect()
}
