//! Power cuts and a failing disk under the real process: a file system in this one forgets what was
//! not synced, and answers with errors.

use std::path::Path;

use nodedb_tests::random::Random;
use tempfile::TempDir;

use crate::aftermath::check;
use crate::fuse::{Disk, Fault, Mounted};
use crate::places::{in_own_namespace, rounds};
use crate::program::run;
use crate::writer::{Heard, Io, Notes, Start, Writer};

/// Batches of the writer that is met by a fault: enough to rotate a few times.
const OPERATIONS: u64 = 90;

/// Points in a writer's life at which each fault is tried, unless told otherwise.
const POINTS: u64 = 12;

/// Runs `body` for each mode on an empty directory that disks can be mounted on.
fn with_mount_point(what: &str, body: impl Fn(Io, &Path) -> Result<(), String> + Sync) {
    for io in Io::BOTH {
        let home = TempDir::with_prefix("nodedb-real-").unwrap();
        in_own_namespace(&format!("{what}, {}", io.name()), || body(io, home.path()));
    }
}

const fn start(io: Io) -> Start<'static> {
    Start {
        operations: OPERATIONS,
        ..Start::endless(io, 2)
    }
}

/// How many operations the disk sees of a writer that nothing happens to.
fn operations_undisturbed(io: Io, at: &Path) -> Result<u64, String> {
    let disk = Disk::new(0);
    let mounted = Mounted::at(at, &disk)?;
    let mut notes = Notes::default();
    let mut writer = Writer::start(at, start(io), &mut notes);
    assert_eq!(writer.hear_other(), Heard::Closed);
    assert!(writer.end().success());
    let operations = disk.operations();
    let records = check(at, io, &notes);
    assert_eq!(records, notes.acknowledged.len() as u64);
    drop(mounted);
    Ok(operations)
}

/// A writer that meets `fault` at one operation; a power cut right after its end; and what is there
/// then. Gives back whether the fault happened.
fn disturb(io: Io, at: &Path, fault: Fault, operation: u64) -> Result<bool, String> {
    let disk = Disk::new(operation);
    let mut notes = Notes::default();
    disk.inject(operation, fault);
    let mounted = Mounted::at(at, &disk)?;
    let mut writer = Writer::start(at, start(io), &mut notes);
    let mut times_full = 0;
    loop {
        match writer.hear_other() {
            Heard::Full(text) => {
                assert_eq!(fault, Fault::Full, "{text}");
                assert!(
                    text.contains("no space left for") && text.contains("nodedb-real-"),
                    "{text}"
                );
                times_full += 1;
                assert!(times_full < 100, "it does not get on");
                disk.make_room();
                writer.go_on();
            }
            // Closing is not tried again.
            Heard::Failed(text) if fault == Fault::Full => {
                assert!(text.contains("no space left for"), "{text}");
            }
            Heard::Failed(text) => {
                assert!(
                    matches!(fault, Fault::Error | Fault::PowerCut),
                    "{fault:?}: {text}"
                );
                assert!(
                    text.contains("nodedb-real-") && text.contains("os error 5"),
                    "{text}"
                );
            }
            // What failed was only making space ready ahead.
            Heard::Closed => {}
            Heard::Ended => break,
            other => panic!("{other:?}"),
        }
    }
    let status = writer.end();
    assert!(status.code().is_some(), "{status}");
    drop(mounted);
    disk.cut_power();
    disk.restart();
    let mounted = Mounted::at(at, &disk)?;
    check(at, io, &notes);
    drop(mounted);
    Ok(disk.injected() > 0)
}

fn check_fault(fault: Fault) {
    with_mount_point(&format!("{fault:?}"), |io, at| {
        let end = operations_undisturbed(io, at)?;
        let mut random = Random::new(end);
        let points = POINTS * rounds();
        let mut injected = 0;
        for point in 0..points {
            // The first operations are those of opening; later ones are drawn.
            let operation = if point < points / 3 {
                point
            } else {
                random.below(end)
            };
            let happened = disturb(io, at, fault, operation)
                .map_err(|why| format!("operation {operation}: {why}"))?;
            injected += u64::from(happened);
        }
        eprintln!(
            "{fault:?}, {}: {injected} of {points} met a writer of {end} operations",
            io.name()
        );
        assert!(injected * 3 > points, "{injected} of {points}");
        Ok(())
    });
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_acknowledged() {
    check_fault(Fault::PowerCut);
}

#[test]
fn an_error_at_any_operation_is_told_and_nothing_is_acknowledged_behind_it() {
    check_fault(Fault::Error);
}

#[test]
fn a_disk_full_at_any_operation_is_waited_out() {
    check_fault(Fault::Full);
}

#[test]
fn a_short_write_at_any_operation_is_completed() {
    check_fault(Fault::Short);
}

/// A file system that vanishes under a writer, as a disk that is pulled out.
#[test]
fn a_disk_that_vanishes_stops_the_writer_and_the_program_says_so() {
    with_mount_point("a disk that vanishes", |io, at| {
        let disk = Disk::new(1);
        let mut notes = Notes::default();
        let mounted = Mounted::at(at, &disk)?;
        let mut writer = Writer::start(at, Start::endless(io, 3), &mut notes);
        writer.hear_acknowledged(20);
        disk.cut_power();
        let Heard::Failed(text) = writer.hear_other() else {
            panic!("it goes on without a disk");
        };
        assert!(text.contains("os error 5"), "{text}");
        assert_eq!(writer.end().code(), Some(3));
        let (code, text) = run("verify", at, "");
        assert_eq!(code, 3, "{text}");
        assert!(text.contains(&at.display().to_string()), "{text}");
        drop(mounted);
        disk.restart();
        let mounted = Mounted::at(at, &disk)?;
        check(at, io, &notes);
        drop(mounted);
        Ok(())
    });
}
