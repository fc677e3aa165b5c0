//! Each fault, once on purpose: what it does, and that it is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{BLOCK, blocks, crash_losing_all, durable_file, first_byte, put, sectors};
use crate::storage::sim::{Fault, FaultKind, FaultPlan, FaultRates, ReadFault, SimDisk};
use crate::storage::{Access, IoMode, Storage, WriteError, is_no_space};
use crate::types::Timestamp;

/// The next operation goes wrong.
fn strike(disk: &SimDisk, fault: Fault) {
    let at = BTreeMap::from([(disk.operations(), fault)]);
    disk.set_faults(FaultPlan {
        at,
        ..FaultPlan::default()
    });
}

fn disk_with_file(seed: u64) -> (SimDisk, std::sync::Arc<dyn crate::storage::StorageFile>) {
    let disk = SimDisk::new(seed);
    let file = durable_file(&*disk.storage(), "a", 4, 1);
    (disk, file)
}

#[test]
fn a_failed_write_leaves_any_of_its_sectors() {
    for io_mode in [IoMode::Direct, IoMode::Buffered] {
        let (mut live, mut durable) = (BTreeSet::new(), BTreeSet::new());
        for seed in 0..60 {
            let (disk, file) = disk_with_file(seed);
            disk.set_io_mode(io_mode);
            strike(&disk, Fault::Error);
            let written = file.write_durable(blocks(1, 2).as_slice(), BLOCK);
            assert!(matches!(written, Err(WriteError::Failed(_))), "{written:?}");
            assert_eq!(disk.faults().of(FaultKind::WriteError), 1);
            live.insert(sectors(&disk, "a")[8..16].to_vec());
            crash_losing_all(&disk);
            durable.insert(sectors(&disk, "a")[8..16].to_vec());
            assert_eq!(sectors(&disk, "a")[16..], [1; 16]);
        }
        assert!(live.len() > 10, "{io_mode:?}: {live:?}");
        assert_eq!(
            durable.len() > 10,
            io_mode == IoMode::Buffered,
            "{durable:?}"
        );
    }
}

#[test]
fn after_a_failed_sync_everything_looks_clean_and_no_sync_helps() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..40 {
        let (disk, file) = disk_with_file(seed);
        file.write_zeros(0, BLOCK).unwrap();
        strike(&disk, Fault::Error);
        assert_eq!(
            file.sync().unwrap_err().raw_os_error(),
            Some(nix::libc::EIO)
        );
        assert_eq!(disk.faults().of(FaultKind::SyncError), 1);
        assert_eq!(disk.unsynced_sectors(), []);
        assert_eq!(
            first_byte(&*disk.storage(), "a"),
            0,
            "readers see the cache"
        );
        file.sync().unwrap();
        put(&file, 1, 1, 3);
        crash_losing_all(&disk);
        let all = sectors(&disk, "a");
        assert_eq!(all[8..], [[3; 8], [1; 8], [1; 8]].concat());
        outcomes.insert(all[..8].to_vec());
    }
    assert!(outcomes.contains(&vec![1; 8]) && outcomes.contains(&vec![0; 8]));
    assert!(outcomes.len() > 5, "{outcomes:?}");
}

#[test]
fn other_operations_fail_without_effect() {
    let fails: [fn(&dyn Storage) -> std::io::Result<()>; 4] = [
        |s| s.create("b", BLOCK).map(|_| ()),
        |s| s.rename("a", "b"),
        |s| s.remove("a"),
        |s| s.open("a", Access::Write)?.set_len(0),
    ];
    for (at, fail) in fails.into_iter().enumerate() {
        let (disk, _file) = disk_with_file(0);
        strike(&disk, Fault::Error);
        let error = fail(&*disk.storage()).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(nix::libc::EIO), "{at}");
        assert_eq!(disk.names(), ["a"], "{at}");
        assert_eq!(sectors(&disk, "a"), [1; 32], "{at}");
        assert_eq!(disk.faults().of(FaultKind::OtherError), 1, "{at}");
    }
}

#[test]
fn a_failed_directory_sync_leaves_the_rest_to_the_next() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let storage = disk.storage();
        storage.create("a", BLOCK).unwrap();
        storage.create("b", BLOCK).unwrap();
        strike(&disk, Fault::Error);
        assert!(storage.sync_directory().is_err());
        let synced = disk.fork();
        synced.storage().sync_directory().unwrap();
        crash_losing_all(&synced);
        assert_eq!(synced.names(), ["a", "b"]);
        crash_losing_all(&disk);
        outcomes.insert(disk.names().concat());
    }
    assert_eq!(outcomes, ["", "a", "ab", "b"].map(str::to_owned).into());
}

#[test]
fn a_full_disk_refuses_until_there_is_room() {
    let (disk, file) = disk_with_file(0);
    let storage = disk.storage();
    let capacity = |bytes| FaultPlan {
        capacity_bytes: Some(bytes),
        ..FaultPlan::default()
    };
    disk.set_faults(capacity(6 * BLOCK));
    let refused = storage.create("b", 3 * BLOCK).map(|_| ()).unwrap_err();
    assert!(is_no_space(&refused));
    assert_eq!(disk.names(), ["a"]);
    assert!(is_no_space(
        &file.write_zeros(4 * BLOCK, 3 * BLOCK).unwrap_err()
    ));
    let extended = file.write_durable(blocks(3, 2).as_slice(), 4 * BLOCK);
    assert!(
        matches!(extended, Err(WriteError::NoSpace(_))),
        "{extended:?}"
    );
    put(&file, 0, 4, 2);
    assert_eq!(disk.faults().of(FaultKind::NoSpace), 3);
    disk.set_faults(capacity(9 * BLOCK));
    storage.create("b", 3 * BLOCK).unwrap();
    storage.remove("b").unwrap();
    assert!(
        storage.create("c", 3 * BLOCK).is_err(),
        "the name may come back"
    );
    storage.sync_directory().unwrap();
    storage.create("c", 3 * BLOCK).unwrap();
}

#[test]
fn where_nothing_is_written_in_place_a_full_disk_refuses_every_write() {
    let (disk, file) = disk_with_file(0);
    let capacity_bytes = Some(5 * BLOCK);
    let plan = FaultPlan {
        capacity_bytes,
        writes_need_space: true,
        ..FaultPlan::default()
    };
    disk.set_faults(plan);
    put(&file, 0, 1, 2);
    let written = file.write_durable(blocks(2, 3).as_slice(), 0);
    assert!(
        matches!(written, Err(WriteError::NoSpace(_))),
        "{written:?}"
    );
    disk.set_faults(FaultPlan::default());
    put(&file, 0, 2, 3);
    assert_eq!(sectors(&disk, "a")[..16], [3; 16]);
}

#[test]
fn a_write_without_room_may_leave_its_front() {
    let mut outcomes = BTreeSet::new();
    for seed in 0..40 {
        let (disk, file) = disk_with_file(seed);
        strike(&disk, Fault::NoSpace);
        let written = file.write_durable(blocks(3, 2).as_slice(), 0);
        assert!(
            matches!(written, Err(WriteError::NoSpace(_))),
            "{written:?}"
        );
        outcomes.insert(sectors(&disk, "a"));
        put(&file, 0, 3, 2);
    }
    let front = |blocks: usize| [vec![2; 8 * blocks], vec![1; 8 * (4 - blocks)]].concat();
    assert_eq!(outcomes, BTreeSet::from([front(0), front(1), front(2)]));
}

#[test]
fn a_misdirected_write_is_durable_elsewhere() {
    let mut places = BTreeSet::new();
    for seed in 0..40 {
        let (disk, file) = disk_with_file(seed);
        strike(&disk, Fault::Misdirected);
        put(&file, 1, 1, 2);
        assert_eq!(disk.faults().of(FaultKind::MisdirectedWrite), 1);
        crash_losing_all(&disk);
        let found = sectors(&disk, "a")
            .iter()
            .position(|byte| *byte == 2)
            .unwrap();
        assert_eq!(sectors(&disk, "a")[found..found + 8], [2; 8]);
        places.insert(found / 8);
    }
    assert_eq!(places, BTreeSet::from([0, 2, 3]));
}

#[test]
fn a_disk_that_lies_loses_what_it_said_was_durable() {
    let (disk, file) = disk_with_file(0);
    strike(&disk, Fault::Lost);
    put(&file, 0, 1, 2);
    assert_eq!(sectors(&disk, "a")[0], 2);
    file.write_zeros(BLOCK, BLOCK).unwrap();
    strike(&disk, Fault::Lost);
    file.sync().unwrap();
    assert_eq!(disk.unsynced_sectors(), []);
    file.sync().unwrap();
    crash_losing_all(&disk);
    assert_eq!(sectors(&disk, "a"), [1; 32]);
    assert_eq!(disk.faults().of(FaultKind::LostWrite), 1);
    assert_eq!(disk.faults().of(FaultKind::LostSync), 1);
}

#[test]
fn a_lost_rename_and_a_lost_directory_sync() {
    let (disk, _file) = disk_with_file(0);
    let storage = disk.storage();
    strike(&disk, Fault::Lost);
    storage.rename("a", "b").unwrap();
    storage.sync_directory().unwrap();
    assert_eq!(disk.names(), ["b"]);
    let storage = crash_losing_all(&disk);
    assert_eq!(disk.names(), ["a"]);
    storage.rename("a", "b").unwrap();
    strike(&disk, Fault::Lost);
    storage.sync_directory().unwrap();
    crash_losing_all(&disk);
    assert_eq!(disk.names(), ["a"]);
    assert_eq!(disk.faults().of(FaultKind::LostName), 1);
    assert_eq!(disk.faults().of(FaultKind::LostSync), 1);
}

#[test]
fn stalls_and_clock_jumps_are_felt_in_time_only() {
    let (disk, file) = disk_with_file(0);
    disk.set_time_step(Duration::ZERO);
    disk.set_time(Timestamp::from_nanos(100));
    strike(&disk, Fault::Stall(Duration::from_secs(2)));
    put(&file, 0, 1, 2);
    assert_eq!(disk.time(), Timestamp::from_nanos(2_000_000_100));
    strike(&disk, Fault::ClockJump(-2_000_000_200));
    file.sync().unwrap();
    assert_eq!(disk.time(), Timestamp::from_nanos(-100));
    assert_eq!(disk.faults().of(FaultKind::Stall), 1);
    assert_eq!(disk.faults().of(FaultKind::ClockJump), 1);
    crash_losing_all(&disk);
    assert_eq!(sectors(&disk, "a")[0], 2);
}

#[test]
fn one_read_fails() {
    let (disk, _file) = disk_with_file(0);
    let file = disk.storage().open("a", Access::Read).unwrap();
    let reads_at = BTreeMap::from([(disk.reads() + 1, ReadFault::Error)]);
    disk.set_faults(FaultPlan {
        reads_at,
        ..FaultPlan::default()
    });
    file.read_at(&mut [0], 0).unwrap();
    assert!(file.read_at(&mut [0], 0).is_err());
    file.read_at(&mut [0], 0).unwrap();
    assert_eq!(disk.faults().of(FaultKind::ReadError), 1);
}

#[test]
fn faults_by_chance_strike_and_are_counted() {
    let (disk, file) = disk_with_file(0);
    let rates = FaultRates {
        error: 300_000,
        ..FaultRates::default()
    };
    disk.set_faults(FaultPlan {
        rates,
        ..FaultPlan::default()
    });
    let failed = (0..200).filter(|_| file.sync().is_err()).count();
    assert!((30..90).contains(&failed), "{failed}");
    assert_eq!(disk.faults().of(FaultKind::SyncError), failed as u64);
}

#[test]
fn damage_at_rest_is_in_both_images() {
    let damage = |act: fn(&SimDisk) -> std::io::Result<()>, kind: FaultKind, at: usize| {
        let (disk, file) = disk_with_file(0);
        put(&file, 0, 4, 2);
        act(&disk).unwrap();
        let live = disk.read_file("a").unwrap();
        let first = live.iter().position(|byte| *byte != 2);
        assert_eq!(first, Some(at), "{kind:?}");
        assert_eq!(disk.faults().of(kind), 1);
        crash_losing_all(&disk);
        assert!(disk.read_file("a").unwrap() == live, "{kind:?}");
    };
    damage(|disk| disk.flip_bit("a", 700, 3), FaultKind::BitFlip, 700);
    damage(
        |disk| disk.zero_sector("a", 2),
        FaultKind::ZeroedSector,
        1024,
    );
    damage(
        |disk| disk.make_stale("a", 3, 0),
        FaultKind::StaleSector,
        1536,
    );
    damage(|disk| disk.patch("a", 5, &[9, 9]), FaultKind::Patched, 5);
}

#[test]
fn stale_sectors_are_those_of_earlier_lives() {
    let (disk, file) = disk_with_file(0);
    assert_eq!(
        disk.stale_versions("a", 0).unwrap(),
        0,
        "fresh zeros are not remembered"
    );
    for byte in 2..9 {
        put(&file, 0, 1, byte);
    }
    let versions = disk.stale_versions("a", 0).unwrap();
    assert_eq!(versions, 3);
    for (version, expected) in [1, 6, 7].into_iter().enumerate() {
        let stale = disk.fork();
        stale.make_stale("a", 0, version).unwrap();
        assert_eq!(sectors(&stale, "a")[..2], [expected, 8]);
    }
    assert!(disk.make_stale("a", 0, versions).is_err());
}

#[test]
fn files_are_cut_removed_and_come_from_elsewhere() {
    let (disk, file) = disk_with_file(0);
    file.write_zeros(0, BLOCK).unwrap();
    disk.truncate_file("a", 600).unwrap();
    let other = SimDisk::new(1);
    other.write_file("b", &[7; 5000]);
    disk.copy_file_from(&other, "b").unwrap();
    disk.copy_file_from(&disk, "b").unwrap();
    disk.write_file("c", b"");
    crash_losing_all(&disk);
    assert_eq!(disk.names(), ["a", "b", "c"]);
    assert_eq!(disk.read_file("a").unwrap(), [0; 600]);
    assert_eq!(disk.read_file("b").unwrap(), [7; 5000]);
    disk.remove_file("a").unwrap();
    crash_losing_all(&disk);
    assert_eq!(disk.names(), ["b", "c"]);
    let counts = disk.faults();
    assert_eq!(counts.of(FaultKind::TruncatedFile), 1);
    assert_eq!(counts.of(FaultKind::ForeignFile), 2);
    assert_eq!(counts.of(FaultKind::MissingFile), 1);
}

#[test]
fn there_is_no_damage_to_what_is_not_there() {
    let disk = SimDisk::new(0);
    disk.write_file("a", &[1; 600]);
    assert!(disk.read_file("b").is_err());
    assert!(disk.remove_file("b").is_err());
    assert!(disk.flip_bit("a", 600, 0).is_err());
    assert!(disk.zero_sector("a", 1).is_err());
    assert!(disk.truncate_file("b", 0).is_err());
    disk.patch("a", 4000, &[2; 200]).unwrap();
    let bytes = disk.read_file("a").unwrap();
    assert_eq!(bytes, [vec![1; 600], vec![0; 3400], vec![2; 200]].concat());
    let total: u64 = disk.faults().iter().map(|(_, count)| count).sum();
    assert_eq!(total, 1);
}
