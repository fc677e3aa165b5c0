//! What an append and a commit cost.

use allocation_counter::measure;
use nodedb_wal::storage::sim::{Operation, SimDisk};

use crate::{log_on, row};

const COMMITS: u64 = 500;

/// Every commit grew its file, so that every sync wrote file system metadata besides; and protection
/// against torn writes wrote 70 KiB for 100 bytes.
#[test]
fn a_small_commit_is_one_write_of_one_or_two_blocks_and_grows_no_file() {
    let disk = SimDisk::new(1);
    let log = log_on(&disk, 8 << 20);
    // Space that is there before it is written: what is written behind a file's end makes it grow.
    let len = || {
        disk.read_file("wal-00000000000000000001.seg")
            .unwrap()
            .len()
    };
    assert_eq!(len(), 8 << 20);
    let before = (disk.operations(), log.stats().bytes_written);
    let payload = [7; 100];
    for _ in 0..COMMITS {
        let lsn = log.append(&row(&payload)).unwrap();
        log.commit(lsn).unwrap();
    }
    let history = disk.history();
    let done = history.into_iter().skip(usize::try_from(before.0).unwrap());
    let done: Vec<_> = done.collect();
    assert_eq!(done.len() as u64, COMMITS);
    assert!(
        done.iter().all(|done| *done == Operation::Write),
        "{done:?}"
    );
    assert_eq!(len(), 8 << 20);
    let bytes = log.stats().bytes_written - before.1;
    // A block that is full is followed by the next one.
    assert!(
        bytes <= COMMITS * 4096 * 5 / 4,
        "{bytes} bytes for {COMMITS}"
    );
}

/// Each append took memory, and each batch a new ring.
#[test]
fn appends_and_the_write_behind_them_take_no_memory() {
    let log = log_on(&SimDisk::new(1), 64 << 20);
    let payload = [7; 64];
    let fill = || {
        for _ in 0..4000 {
            log.append(&row(&payload)).unwrap();
        }
    };
    // What grows to its size once.
    for _ in 0..3 {
        fill();
        log.sync().unwrap();
    }
    let taken = measure(fill);
    assert!(taken.count_total <= 4, "{taken:?}");
    let before = log.stats().writes;
    log.sync().unwrap();
    assert_eq!(log.stats().writes, before + 1);
}
