//! Calls that do less than was asked: nobody above the door notices.

use std::collections::{BTreeMap, BTreeSet};

use super::{BLOCK, blocks, crash_losing_all, durable_file, sectors};
use crate::storage::sim::{Fault, FaultKind, FaultPlan, ReadFault, SimDisk, Survivors};
use crate::storage::{Access, IoMode};

#[test]
fn a_short_or_interrupted_write_is_completed() {
    for io_mode in [IoMode::Direct, IoMode::Buffered] {
        for seed in 0..40 {
            let disk = SimDisk::new(seed);
            let file = durable_file(&*disk.storage(), "a", 4, 1);
            disk.set_io_mode(io_mode);
            let next = disk.operations();
            let at = BTreeMap::from([
                (next, Fault::Short),
                (next + 1, Fault::Interrupted),
                (next + 2, Fault::Short),
            ]);
            disk.set_faults(FaultPlan {
                at,
                ..FaultPlan::default()
            });
            file.write_durable(blocks(2, 5).as_slice(), BLOCK).unwrap();
            crash_losing_all(&disk);
            let expected = [[1; 8], [5; 8], [5; 8], [1; 8]].concat();
            assert_eq!(sectors(&disk, "a"), expected, "{io_mode:?} {seed}");
            assert!(disk.faults().of(FaultKind::ShortWrite) >= 1);
            assert_eq!(disk.faults().of(FaultKind::InterruptedWrite), 1);
        }
    }
}

/// The power goes between the first part and the rest.
#[test]
fn what_a_short_direct_write_wrote_is_durable_sector_by_sector() {
    let mut written = BTreeSet::new();
    for seed in 0..40 {
        let disk = SimDisk::new(seed);
        let file = durable_file(&*disk.storage(), "a", 2, 1);
        disk.set_faults(FaultPlan {
            at: [(disk.operations(), Fault::Short)].into(),
            ..FaultPlan::default()
        });
        disk.crash_at(disk.operations() + 1);
        assert!(file.write_durable(blocks(2, 5).as_slice(), 0).is_err());
        disk.crash_exactly(&Survivors::default());
        let sectors = sectors(&disk, "a");
        let front = sectors.iter().take_while(|byte| **byte == 5).count();
        assert!(
            sectors[front..].iter().all(|byte| *byte == 1),
            "{sectors:?}"
        );
        written.insert(front);
    }
    assert!(written.len() > 8 && !written.contains(&0) && !written.contains(&16));
}

#[test]
fn a_short_or_interrupted_read_is_completed() {
    let disk = SimDisk::new(1);
    let _file = durable_file(&*disk.storage(), "a", 2, 7);
    let file = disk.storage().open("a", Access::Read).unwrap();
    let next = disk.reads();
    let reads_at = BTreeMap::from([(next, ReadFault::Short), (next + 1, ReadFault::Interrupted)]);
    disk.set_faults(FaultPlan {
        reads_at,
        ..FaultPlan::default()
    });
    let mut bytes = [0; 8192];
    assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 8192);
    assert_eq!(bytes, [7; 8192]);
    assert_eq!(disk.faults().of(FaultKind::ShortRead), 1);
    assert_eq!(disk.faults().of(FaultKind::InterruptedRead), 1);
}
