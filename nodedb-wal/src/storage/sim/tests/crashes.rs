//! Crashes at every operation, every subset of what they leave, and chance within its plan.

use std::collections::BTreeSet;

use super::{BLOCK, blocks, durable_file, put, sectors};
use crate::storage::sim::{CrashPlan, FaultKind, PowerLost, SimDisk, Survivors};
use crate::storage::{Access, WriteError};

/// A disk whose power went during a write of two blocks of twos over ones.
fn torn_write() -> SimDisk {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 4, 1);
    disk.crash_at(disk.operations());
    let written = file.write_durable(blocks(2, 2).as_slice(), BLOCK);
    let Err(WriteError::Failed(error)) = written else {
        panic!("the power did not go: {written:?}");
    };
    assert!(PowerLost::is(&error));
    assert!(!disk.is_powered());
    disk
}

#[test]
fn every_subset_of_the_sectors_in_flight_can_be_walked() {
    let disk = torn_write();
    let unsynced = disk.unsynced_sectors();
    let numbers: Vec<u64> = unsynced.iter().map(|id| id.sector).collect();
    assert_eq!(numbers, (8..24).collect::<Vec<_>>());
    let mut outcomes = BTreeSet::new();
    for subset in 0_u32..1 << 16 {
        let chosen = unsynced
            .iter()
            .enumerate()
            .filter(|(at, _)| subset >> at & 1 == 1);
        let chosen: Vec<_> = chosen.map(|(_, id)| *id).collect();
        let outcome = disk.fork();
        outcome.crash_keeping(&chosen);
        outcome.restart();
        let bytes = sectors(&outcome, "a");
        for (at, byte) in (0..).zip(&bytes) {
            let is_kept = chosen.iter().any(|id| id.sector == at);
            assert_eq!(
                *byte,
                if is_kept { 2 } else { 1 },
                "subset {subset:#x} sector {at}"
            );
        }
        outcomes.insert(bytes);
    }
    assert_eq!(outcomes.len(), 1 << 16);
}

#[test]
fn sectors_written_as_they_were_are_no_choice() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 1, 1);
    let mut block = blocks(1, 1);
    block.as_mut_slice()[600] = 2;
    disk.crash_at(disk.operations());
    assert!(file.write_durable(block.as_slice(), 0).is_err());
    let unsynced = disk.unsynced_sectors();
    assert_eq!(unsynced.iter().map(|id| id.sector).collect::<Vec<_>>(), [1]);
    for seed in 0..300 {
        let torn = disk.fork();
        torn.crash(&CrashPlan::torn_sectors(seed));
        let mut bytes = torn.read_file("a").unwrap();
        bytes[600] = 1;
        assert_eq!(bytes, [1; 4096], "seed {seed}");
    }
}

#[test]
fn the_power_goes_during_every_operation_in_turn() {
    let run = |disk: &SimDisk| -> std::io::Result<()> {
        let storage = disk.storage();
        let file = storage.create("tmp", 2 * BLOCK)?;
        file.write_zeros(0, 2 * BLOCK)?;
        file.sync()?;
        storage.rename("tmp", "a")?;
        storage.sync_directory()?;
        file.write_durable(blocks(1, 1).as_slice(), 0)
            .map_err(|error| match error {
                WriteError::NoSpace(error) | WriteError::Failed(error) => error,
            })?;
        file.set_len(BLOCK)?;
        file.sync()?;
        storage.remove("a")?;
        storage.sync_directory()
    };
    let whole = SimDisk::new(0);
    run(&whole).unwrap();
    assert_eq!(whole.operations(), 10);
    for operation in 0..10 {
        let disk = SimDisk::new(0);
        disk.crash_at(operation);
        let error = run(&disk).unwrap_err();
        assert!(PowerLost::is(&error), "operation {operation}: {error}");
        assert_eq!(disk.operations(), operation + 1);
        let everything = disk.fork();
        everything.crash_exactly(&disk.unsynced());
        disk.crash_exactly(&Survivors::default());
        let is_there = |disk: &SimDisk| disk.names().contains(&"a".to_owned());
        assert_eq!(is_there(&disk), operation >= 5, "operation {operation}");
        assert_eq!(
            is_there(&everything),
            (3..8).contains(&operation),
            "operation {operation}"
        );
    }
}

#[test]
fn nobody_knows_the_cause_of_an_error_by_its_kind() {
    let disk = torn_write();
    let error = disk.storage().list().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Other);
    assert_eq!(error.to_string(), "the simulated disk lost power");
}

/// What `plan` makes of each sector in flight, over many seeds.
fn fates(plan: fn(u64) -> CrashPlan) -> BTreeSet<FaultKind> {
    let disk = torn_write();
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let crashed = disk.fork();
        crashed.crash(&plan(seed));
        let counts = crashed.faults();
        seen.extend(
            counts
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(kind, _)| kind),
        );
        let bytes = crashed.read_file("a").unwrap();
        let untouched = bytes[..4096].iter().chain(&bytes[3 * 4096..]);
        assert!(untouched.into_iter().all(|byte| *byte == 1), "seed {seed}");
        if !plan(seed).garbage {
            assert!(
                bytes.iter().all(|byte| [1, 2].contains(byte)),
                "seed {seed}"
            );
        }
        if !plan(seed).garbage && !plan(seed).torn {
            let is_whole = |sector: &[u8]| sector.iter().all(|byte| *byte == sector[0]);
            assert!(bytes.chunks(512).all(is_whole), "seed {seed}");
        }
    }
    seen.remove(&FaultKind::PowerLoss);
    seen
}

#[test]
fn each_kind_of_fate_has_its_switch() {
    let nothing = |seed| CrashPlan {
        kept: false,
        dropped: false,
        between: false,
        ..CrashPlan::atomic_sectors(seed)
    };
    assert_eq!(fates(nothing), BTreeSet::from([FaultKind::SectorDropped]));
    let dropped = BTreeSet::from([FaultKind::SectorDropped]);
    assert_eq!(
        fates(|seed| CrashPlan {
            kept: false,
            ..CrashPlan::atomic_sectors(seed)
        }),
        dropped
    );
    let kept = BTreeSet::from([FaultKind::SectorKept]);
    assert_eq!(
        fates(|seed| CrashPlan {
            dropped: false,
            ..CrashPlan::atomic_sectors(seed)
        }),
        kept
    );
    let mut all = BTreeSet::from([FaultKind::SectorDropped, FaultKind::SectorKept]);
    assert_eq!(fates(CrashPlan::atomic_sectors), all);
    all.insert(FaultKind::SectorTorn);
    assert_eq!(fates(CrashPlan::torn_sectors), all);
    all.insert(FaultKind::SectorGarbage);
    assert_eq!(fates(CrashPlan::garbage_sectors), all);
}

#[test]
fn all_that_was_written_since_a_sync_can_come_back() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 1, 1);
    file.write_zeros(0, BLOCK).unwrap();
    disk.crash_at(disk.operations());
    assert!(file.write_durable(blocks(1, 2).as_slice(), 0).is_err());
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let crashed = disk.fork();
        crashed.crash(&CrashPlan::atomic_sectors(seed));
        seen.extend(sectors(&crashed, "a"));
    }
    assert_eq!(seen, BTreeSet::from([0, 1, 2]));
}

#[test]
fn unsynced_lengths_survive_in_order_and_cut_what_is_behind_them() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 2, 1);
    file.set_len(BLOCK + 100).unwrap();
    file.set_len(3 * BLOCK).unwrap();
    let (mut lengths, mut kept_behind_a_cut) = (BTreeSet::new(), 0);
    for seed in 0..100 {
        let crashed = disk.fork();
        crashed.crash(&CrashPlan::atomic_sectors(seed));
        let bytes = crashed.read_file("a").unwrap();
        lengths.insert(bytes.len());
        if bytes.len() > 2 * 4096 {
            let behind = &bytes[4096 + 512..];
            kept_behind_a_cut += behind.iter().filter(|byte| **byte != 0).count();
        }
        if bytes.len() == 2 * 4096 {
            assert!(
                bytes[4096 + 512..].iter().all(|byte| *byte == 1),
                "seed {seed}"
            );
        }
    }
    assert_eq!(lengths, BTreeSet::from([4096 + 100, 2 * 4096, 3 * 4096]));
    assert_eq!(kept_behind_a_cut, 0);
}

#[test]
fn names_survive_in_any_order_that_makes_sense() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    durable_file(&*storage, "a", 1, 1);
    storage.rename("a", "b").unwrap();
    storage.create("c", BLOCK).unwrap();
    storage.remove("b").unwrap();
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let crashed = disk.fork();
        crashed.crash(&CrashPlan::atomic_sectors(seed));
        seen.insert(crashed.names().concat());
        let kept = disk.fork();
        kept.crash(&CrashPlan {
            names_lost: false,
            ..CrashPlan::atomic_sectors(seed)
        });
        assert_eq!(kept.names(), ["c"]);
    }
    let expected = ["", "a", "ac", "b", "bc", "c"];
    assert_eq!(seen, expected.map(str::to_owned).into());
}

#[test]
fn a_restart_decides_what_nobody_decided() {
    let disk = torn_write();
    disk.restart();
    assert!(disk.is_powered());
    assert_eq!(disk.unsynced(), Survivors::default());
    assert_eq!(disk.storage().list().unwrap().len(), 1);
    assert_eq!(disk.faults().of(FaultKind::PowerLoss), 1);
}

#[test]
fn a_second_crash_loses_what_was_done_since_the_first() {
    let disk = torn_write();
    disk.crash_keeping(&disk.unsynced_sectors());
    disk.restart();
    let storage = disk.storage();
    let file = storage.open("a", Access::Write).unwrap();
    file.write_zeros(0, 4 * BLOCK).unwrap();
    disk.crash_at(disk.operations());
    assert!(file.sync().is_err());
    disk.crash_exactly(&Survivors::default());
    disk.restart();
    assert_eq!(
        sectors(&disk, "a"),
        [[1; 8], [2; 8], [2; 8], [1; 8]].concat()
    );
}

#[test]
fn a_file_without_a_name_is_no_choice() {
    let disk = SimDisk::new(0);
    let storage = disk.storage();
    let file = durable_file(&*storage, "a", 1, 1);
    storage.remove("a").unwrap();
    storage.sync_directory().unwrap();
    file.write_zeros(0, BLOCK).unwrap();
    assert_eq!(disk.unsynced(), Survivors::default());
    put(&file, 0, 1, 3);
}
