//! What is durable after each operation, and what is not: every operation once with nothing
//! unsynced surviving, once with everything.

use std::collections::BTreeMap;

use super::{BLOCK, blocks, crash_losing_all, durable_file, first_byte, put, sectors};
use crate::storage::sim::{NameChange, PowerLost, SimDisk};
use crate::storage::{Access, IoMode, Storage, WriteError};

/// What is there after a crash: names, lengths and first bytes.
fn seen(disk: &SimDisk) -> BTreeMap<String, (u64, u8)> {
    let names = disk.names().into_iter();
    names
        .map(|name| {
            let bytes = disk.read_file(&name).unwrap();
            let first = bytes.first().copied().unwrap_or(0);
            (name, (bytes.len() as u64, first))
        })
        .collect()
}

/// Runs `act` on a disk with the durable file `a` of two blocks of ones, and crashes.
fn check(act: fn(&dyn Storage), losing: &[(&str, u64, u8)], keeping: &[(&str, u64, u8)]) {
    let expected = |files: &[(&str, u64, u8)]| -> BTreeMap<String, (u64, u8)> {
        files
            .iter()
            .map(|(name, len, byte)| ((*name).to_owned(), (*len, *byte)))
            .collect()
    };
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    durable_file(&*storage, "a", 2, 1);
    act(&*storage);
    let kept = disk.fork();
    kept.crash_exactly(&kept.unsynced());
    assert_eq!(seen(&kept), expected(keeping), "keeping");
    crash_losing_all(&disk);
    assert_eq!(seen(&disk), expected(losing), "losing");
}

#[test]
fn a_created_file_needs_two_syncs() {
    let both = [("a", 2 * BLOCK, 1), ("b", BLOCK, 0)];
    check(|s| drop(s.create("b", BLOCK).unwrap()), &both[..1], &both);
    check(
        |s| s.create("b", BLOCK).unwrap().sync().unwrap(),
        &both[..1],
        &both,
    );
    let named = |s: &dyn Storage| {
        s.create("b", BLOCK).unwrap();
        s.sync_directory().unwrap();
    };
    check(named, &[("a", 2 * BLOCK, 1), ("b", 0, 0)], &both);
    let synced = |s: &dyn Storage| {
        s.create("b", BLOCK).unwrap().sync().unwrap();
        s.sync_directory().unwrap();
    };
    check(synced, &both, &both);
}

#[test]
fn a_durable_write_is_durable_with_the_length_it_needs() {
    let overwrite = |s: &dyn Storage| put(&s.open("a", Access::Write).unwrap(), 0, 1, 2);
    check(overwrite, &[("a", 2 * BLOCK, 2)], &[("a", 2 * BLOCK, 2)]);
    let extend = |s: &dyn Storage| put(&s.open("a", Access::Write).unwrap(), 2, 1, 2);
    check(extend, &[("a", 3 * BLOCK, 1)], &[("a", 3 * BLOCK, 1)]);
    let into_a_new_file = |s: &dyn Storage| {
        put(&s.create("b", 2 * BLOCK).unwrap(), 0, 1, 2);
        s.sync_directory().unwrap();
    };
    let both = [("a", 2 * BLOCK, 1), ("b", 2 * BLOCK, 2)];
    check(into_a_new_file, &both, &both);
}

#[test]
fn a_write_behind_an_unsynced_cut_is_durable_all_the_same() {
    let act = |s: &dyn Storage| {
        let file = s.open("a", Access::Write).unwrap();
        file.set_len(100).unwrap();
        put(&file, 0, 2, 9);
    };
    check(act, &[("a", 2 * BLOCK, 9)], &[("a", 2 * BLOCK, 9)]);
}

#[test]
fn zeros_and_lengths_need_a_sync() {
    let zeros = |s: &dyn Storage| {
        s.open("a", Access::Write)
            .unwrap()
            .write_zeros(0, BLOCK)
            .unwrap();
    };
    check(zeros, &[("a", 2 * BLOCK, 1)], &[("a", 2 * BLOCK, 0)]);
    let cut = |s: &dyn Storage| s.open("a", Access::Write).unwrap().set_len(100).unwrap();
    check(cut, &[("a", 2 * BLOCK, 1)], &[("a", 100, 1)]);
    let grow = |s: &dyn Storage| {
        let file = s.open("a", Access::Write).unwrap();
        file.set_len(9 * BLOCK).unwrap();
    };
    check(grow, &[("a", 2 * BLOCK, 1)], &[("a", 9 * BLOCK, 1)]);
    let synced = |s: &dyn Storage| {
        let file = s.open("a", Access::Write).unwrap();
        file.write_zeros(0, BLOCK).unwrap();
        file.set_len(BLOCK).unwrap();
        file.sync().unwrap();
    };
    check(synced, &[("a", BLOCK, 0)], &[("a", BLOCK, 0)]);
}

#[test]
fn names_need_a_directory_sync() {
    let rename = |s: &dyn Storage| s.rename("a", "b").unwrap();
    check(rename, &[("a", 2 * BLOCK, 1)], &[("b", 2 * BLOCK, 1)]);
    check(|s| s.remove("a").unwrap(), &[("a", 2 * BLOCK, 1)], &[]);
    let synced = |s: &dyn Storage| {
        s.rename("a", "b").unwrap();
        s.sync_directory().unwrap();
    };
    check(synced, &[("b", 2 * BLOCK, 1)], &[("b", 2 * BLOCK, 1)]);
}

#[test]
fn a_file_that_comes_back_under_its_old_name_has_what_was_written_under_the_new() {
    let act = |s: &dyn Storage| {
        let file = s.open("a", Access::Write).unwrap();
        s.rename("a", "b").unwrap();
        put(&file, 0, 1, 8);
    };
    check(act, &[("a", 2 * BLOCK, 8)], &[("b", 2 * BLOCK, 8)]);
}

#[test]
fn a_file_renamed_over_comes_back_with_its_own_bytes() {
    let act = |s: &dyn Storage| {
        durable_file(s, "new", 1, 5);
        s.rename("new", "a").unwrap();
    };
    check(
        act,
        &[("a", 2 * BLOCK, 1), ("new", BLOCK, 5)],
        &[("a", BLOCK, 5)],
    );
}

#[test]
fn a_direct_write_syncs_itself_and_a_buffered_one_the_whole_file() {
    for (io_mode, expected) in [(IoMode::Direct, 1), (IoMode::Buffered, 0)] {
        let disk = SimDisk::new(0);
        disk.set_io_mode(io_mode);
        let storage = disk.storage();
        let file = durable_file(&*storage, "a", 2, 1);
        file.write_zeros(0, BLOCK).unwrap();
        put(&file, 1, 1, 2);
        crash_losing_all(&disk);
        assert_eq!(sectors(&disk, "a")[0], expected, "{io_mode:?}");
        assert_eq!(sectors(&disk, "a")[8], 2);
    }
}

#[test]
fn handles_locks_and_doors_of_before_a_crash_are_dead() {
    let disk = SimDisk::new(0);
    let before = disk.storage();
    let file = durable_file(&*before, "a", 1, 1);
    let reader = before.open("a", Access::Read).unwrap();
    let lock = before.lock().unwrap().unwrap();
    let after = crash_losing_all(&disk);
    assert!(PowerLost::is(&file.sync().unwrap_err()));
    assert!(PowerLost::is(&reader.read_at(&mut [0], 0).unwrap_err()));
    assert!(PowerLost::is(&before.list().unwrap_err()));
    let Err(WriteError::Failed(error)) = file.write_durable(blocks(1, 2).as_slice(), 0) else {
        panic!("a dead file was written");
    };
    assert!(PowerLost::is(&error));
    let second = after.lock().unwrap();
    assert!(second.is_some());
    drop(lock);
    assert!(
        after.is_locked().unwrap(),
        "a dead lock let a living one go"
    );
    assert_eq!(first_byte(&*after, "a"), 1);
}

#[test]
fn a_killed_program_loses_nothing_and_syncs_nothing() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 1, 1);
    let _lock = storage.lock().unwrap().unwrap();
    file.write_zeros(0, BLOCK).unwrap();
    storage.rename("a", "b").unwrap();
    disk.kill_process();
    assert!(file.sync().is_err());
    let storage = disk.storage();
    assert!(!storage.is_locked().unwrap());
    assert_eq!(first_byte(&*storage, "b"), 0);
    let storage = crash_losing_all(&disk);
    assert_eq!(first_byte(&*storage, "a"), 1);
}

#[test]
fn unsynced_names_are_told_in_order() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    durable_file(&*storage, "a", 1, 1);
    assert_eq!(disk.unsynced_names(), []);
    let file = disk.file_id("a").unwrap();
    storage.rename("a", "b").unwrap();
    storage.remove("b").unwrap();
    let (from, to) = ("a".into(), "b".into());
    let removed = NameChange::Removed {
        name: "b".into(),
        file,
    };
    assert_eq!(
        disk.unsynced_names(),
        [NameChange::Renamed { from, to, file }, removed]
    );
}

#[test]
fn what_direct_io_refuses_is_refused() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 2, 1);
    let operations = disk.operations();
    let memory = blocks(2, 2);
    let refused = [
        file.write_durable(&memory.as_slice()[..600], 0),
        file.write_durable(&memory.as_slice()[512..4096 + 512], 0),
        file.write_durable(&memory.as_slice()[..4096], 512),
    ];
    for (at, written) in refused.into_iter().enumerate() {
        let Err(WriteError::Failed(error)) = written else {
            panic!("write {at} was taken");
        };
        assert_eq!(error.raw_os_error(), Some(nix::libc::EINVAL), "write {at}");
    }
    assert!(file.write_zeros(100, BLOCK).is_err());
    assert!(
        file.read_at(&mut [0; 100], 0).is_err(),
        "a read past the cache takes whole blocks"
    );
    disk.set_io_mode(IoMode::Buffered);
    assert_eq!(file.read_at(&mut [0; 100], 0).unwrap(), 100);
    assert_eq!(
        disk.operations(),
        operations,
        "what is refused is no operation"
    );
}
