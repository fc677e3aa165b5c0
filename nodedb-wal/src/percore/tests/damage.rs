//! Directories that are not what was written: each is refused with an error of its own, and nothing is
//! changed.

use super::support::{config, merged, open, put};
use crate::error::{CoreFault, Error, ErrorClass};
use crate::format::ManifestFault;
use crate::percore::{CoreLogs, CoreReader, MergeOptions};
use crate::storage::sim::SimDisk;
use crate::{Config, Log};

/// Two cores with a cut and some records behind it, closed.
fn disk() -> SimDisk {
    let disk = SimDisk::new(7);
    let (mut logs, mut writers) = open(&disk, 2);
    for number in 0..2_000 {
        put(&mut writers[usize::from(number % 3 == 0)], number);
    }
    logs.checkpoint(&mut writers, &[]).unwrap();
    for writer in &mut writers {
        put(writer, 5_000);
    }
    logs.close(writers).unwrap();
    disk
}

fn segments(disk: &SimDisk, core: u32) -> Vec<String> {
    let start = format!("core-{core:04}/wal-0");
    let names = disk.names().into_iter();
    names.filter(|name| name.starts_with(&start)).collect()
}

fn remove(disk: &SimDisk, names: &[String]) {
    let storage = disk.storage();
    for name in names {
        storage.remove(name).unwrap();
    }
    // Sees to it whatever directories the names are in.
    disk.write_file("settled", b"");
}

fn refusal(disk: &SimDisk) -> Error {
    let before = disk.names();
    let error = CoreLogs::open(config(disk, 2)).map(|_| ()).unwrap_err();
    assert_eq!(disk.names(), before, "{error}");
    error
}

fn check(disk: &SimDisk, core: u32, expected: impl Fn(CoreFault) -> bool) {
    let error = refusal(disk);
    assert_eq!(error.class(), ErrorClass::Corruption);
    match error {
        Error::Core {
            core: found,
            source,
            ..
        } if found == core && expected(source) => {}
        other => panic!("{other:?}"),
    }
    assert!(CoreReader::open_on(disk.storage()).is_err());
}

#[test]
fn a_core_whose_log_is_gone_is_missed() {
    let no_segments = disk();
    remove(&no_segments, &segments(&no_segments, 1));
    // Without a file there is no directory either.
    let no_directory = disk();
    let mut names = no_directory.names();
    names.retain(|name| name.starts_with("core-0001/"));
    remove(&no_directory, &names);
    for disk in [no_segments, no_directory] {
        check(&disk, 1, |fault| fault == CoreFault::Missing);
    }
}

#[test]
fn a_log_that_lost_its_newest_segments_is_behind_the_cut() {
    let disk = disk();
    let names = segments(&disk, 0);
    assert!(names.len() > 2);
    // As a disk that lied about its syncs leaves it.
    let kept = disk.read_file(&names[0]).unwrap();
    remove(&disk, &names);
    disk.write_file(&names[0], &kept);
    let error = refusal(&disk);
    assert_eq!(error.class(), ErrorClass::Corruption, "{error}");
}

#[test]
fn a_directory_copied_from_another_core_is_found() {
    let disk = disk();
    let foreign = segments(&disk, 0);
    let own = segments(&disk, 1);
    remove(&disk, &own);
    for name in &foreign {
        let bytes = disk.read_file(name).unwrap();
        disk.write_file(&name.replace("core-0000", "core-0001"), &bytes);
    }
    check(&disk, 1, |fault| {
        fault == CoreFault::WrittenByAnother { found: 0 }
    });
}

#[test]
fn a_core_of_another_tree_is_foreign() {
    let (disk, other) = (disk(), SimDisk::new(99));
    let (logs, mut writers) = open(&other, 2);
    put(&mut writers[1], 1);
    logs.close(writers).unwrap();
    remove(&disk, &segments(&disk, 1));
    for name in segments(&other, 1) {
        disk.write_file(&name, &other.read_file(&name).unwrap());
    }
    let error = refusal(&disk);
    assert!(matches!(error, Error::ForeignSegment { .. }), "{error:?}");
}

#[test]
fn records_without_a_manifest_are_not_taken_for_a_new_tree() {
    let disk = disk();
    remove(&disk, &["cores.manifest".to_owned()]);
    check(&disk, 0, |fault| matches!(fault, CoreFault::Unknown { .. }));
}

#[test]
fn a_damaged_manifest_is_refused_and_so_is_a_later_one() {
    let disk = disk();
    let good = disk.read_file("cores.manifest").unwrap();
    for (offset, bit) in [(0, 0), (12, 3), (50, 1), (100, 7)] {
        disk.flip_bit("cores.manifest", offset, bit).unwrap();
        let error = refusal(&disk);
        let is_damaged = matches!(
            error,
            Error::Manifest {
                source: ManifestFault::Damaged,
                ..
            }
        );
        assert!(is_damaged, "{error:?}");
        disk.write_file("cores.manifest", &good);
    }
    disk.patch("cores.manifest", 8, &[9]).unwrap();
    let error = refusal(&disk);
    let is_later = matches!(
        error,
        Error::Manifest {
            source: ManifestFault::Unknown { version: 9, .. },
            ..
        }
    );
    assert!(is_later, "{error:?}");
}

/// A middle segment of one core is gone: the merge must not go on behind the gap.
#[test]
fn a_gap_in_a_cores_sequence_is_an_error() {
    let disk = disk();
    let names = segments(&disk, 0);
    remove(&disk, &names[1..2]);
    let error = refusal(&disk);
    assert!(matches!(error, Error::MissingSegment { .. }), "{error:?}");
}

#[test]
fn one_log_and_a_log_per_core_are_not_taken_for_each_other() {
    let disk = disk();
    let plain = Log::open(Config::on(disk.storage())).map(|_| ());
    let is_told = matches!(
        plain,
        Err(Error::OtherLayout {
            is_plain: false,
            ..
        })
    );
    assert!(is_told, "{plain:?}");
    let other = SimDisk::new(8);
    drop(Log::open(Config::on(other.storage()).segment_bytes(1 << 16)).unwrap());
    let error = refusal(&other);
    assert!(
        matches!(error, Error::OtherLayout { is_plain: true, .. }),
        "{error:?}"
    );
}

#[test]
fn the_tree_and_each_core_have_one_owner() {
    let disk = disk();
    let (logs, writers) = open(&disk, 2);
    let second = CoreLogs::open(config(&disk, 2)).map(|_| ());
    assert!(matches!(second, Err(Error::Locked { .. })), "{second:?}");
    // A writer that outlives its tree still owns its core.
    drop(logs);
    let third = CoreLogs::open(config(&disk, 2)).map(|_| ());
    assert!(matches!(third, Err(Error::Locked { .. })), "{third:?}");
    drop(writers);
    let (logs, _writers) = open(&disk, 2);
    assert_eq!(merged(&logs, &MergeOptions::all()).len(), 2_000 + 2 + 2);
}
