//! Processes that may not do everything: too few open files, no right to write or to look, a limit
//! on the length of files, system calls that a sandbox refuses.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::unistd::{Uid, chown};
use tempfile::TempDir;

use crate::aftermath::{check, check_reading};
use crate::places::Place;
use crate::program::run;
use crate::writer::{Heard, Io, Notes, SEGMENT_BYTES, Start, Writer};

/// Somebody who owns nothing.
const NOBODY: u32 = 65_534;

const INGEST: &str = "ingest --kind put --tenant 1 --database 1 --vshard 1 --collection c -";

fn home() -> TempDir {
    TempDir::with_prefix("nodedb-real-").unwrap()
}

/// A log of a writer that was killed.
fn sample(directory: &Path) -> Notes {
    let mut notes = Notes::default();
    let mut writer = Writer::start(directory, Start::endless(Io::Direct, 2), &mut notes);
    writer.hear_acknowledged(200);
    writer.kill();
    notes
}

/// A log on which a process without rights is tried; as root, that process becomes nobody.
struct Foreign {
    _home: TempDir,
    log: PathBuf,
    notes: Notes,
    limits: String,
}

impl Foreign {
    fn new(owned: bool) -> Self {
        let home = home();
        let log = home.path().join("log");
        let notes = sample(&log);
        let mut limits = String::new();
        if Uid::effective().is_root() {
            limits = format!("user={NOBODY}");
            set_mode(home.path(), 0o755);
            if owned {
                let nobody = Some(Uid::from_raw(NOBODY));
                chown(&log, nobody, None).unwrap();
                for file in fs::read_dir(&log).unwrap() {
                    chown(&file.unwrap().path(), nobody, None).unwrap();
                }
            }
        }
        Self {
            _home: home,
            log,
            notes,
            limits,
        }
    }
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn check_refused(command: &str, log: &Path, limits: &str, errno: &str) {
    let (code, text) = run(command, log, limits);
    assert_eq!(code, 3, "{command}: {text}");
    assert!(
        text.contains(&log.display().to_string()),
        "{command}: {text}"
    );
    assert!(text.contains(errno), "{command}: {text}");
}

fn check_looking(log: &Path, limits: &str) {
    for command in ["inspect", "verify", "replay", "dump --limit 3"] {
        let (code, text) = run(command, log, limits);
        assert_eq!(code, 0, "{command}: {text}");
    }
}

#[test]
fn a_directory_that_may_not_be_written_is_refused_to_writers_and_shown_to_readers() {
    let foreign = Foreign::new(true);
    for file in fs::read_dir(&foreign.log).unwrap() {
        set_mode(&file.unwrap().path(), 0o444);
    }
    set_mode(&foreign.log, 0o555);
    for command in [INGEST, "truncate --before 9"] {
        check_refused(command, &foreign.log, &foreign.limits, "Permission denied");
    }
    check_looking(&foreign.log, &foreign.limits);
    check_reading(&foreign.log, &foreign.notes);
    set_mode(&foreign.log, 0o755);
}

#[test]
fn a_directory_that_may_not_be_looked_into_is_named() {
    let foreign = Foreign::new(true);
    set_mode(&foreign.log, 0);
    for command in [INGEST, "verify", "inspect", "dump", "replay"] {
        check_refused(command, &foreign.log, &foreign.limits, "Permission denied");
    }
    set_mode(&foreign.log, 0o755);
    check_reading(&foreign.log, &foreign.notes);
}

#[test]
fn a_place_where_no_directory_can_be_made_is_named() {
    let home = home();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    check_refused(INGEST, &file.join("log"), "", "Not a directory");
    check_refused(INGEST, &file, "", "Not a directory");
}

#[test]
fn a_read_only_file_system_is_refused_to_writers_and_shown_to_readers() {
    Place::Tmpfs.with(64, |at| {
        let log = at.join("log");
        let notes = sample(&log);
        let flags = MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        mount(None::<&str>, at, None::<&str>, flags, None::<&str>).unwrap();
        check_refused(INGEST, &log, "", "Read-only file system");
        check_looking(&log, "");
        check_reading(&log, &notes);
    });
}

/// How many files may be open is found out one by one: either it works, or the file that could not
/// be opened is named.
#[test]
fn too_few_open_files_are_told_as_such_and_lose_nothing() {
    let home = home();
    let log = home.path().join("log");
    let mut notes = Notes::default();
    let mut enough = false;
    for files in 3..24 {
        let limits = format!("nofile={files}");
        let start = Start {
            operations: 150,
            limits: &limits,
            ..Start::endless(Io::Direct, 2)
        };
        let mut writer = Writer::start(&log, start, &mut notes);
        match writer.hear_other() {
            Heard::Closed => enough = true,
            Heard::Failed(text) => {
                assert!(text.contains("Too many open files"), "{files}: {text}");
                assert!(text.contains(&log.display().to_string()), "{files}: {text}");
            }
            other => panic!("{files}: {other:?}"),
        }
        let status = writer.end();
        assert!(status.code().is_some(), "{files}: {status}");
        if log.exists() {
            check(&log, Io::Direct, &notes);
        }
    }
    assert!(enough, "23 files were not enough");
}

/// A log has as many segments as it likes; the files that are open at a time do not grow with them.
#[test]
fn a_long_log_needs_no_more_open_files_than_a_short_one() {
    let home = home();
    let log = home.path().join("log");
    let mut notes = Notes::default();
    let start = Start {
        operations: 4_000,
        limits: "nofile=24",
        segment_bytes: 64 * 1024,
        ..Start::endless(Io::Direct, 2)
    };
    let mut writer = Writer::start(&log, start, &mut notes);
    assert_eq!(writer.hear_other(), Heard::Closed);
    writer.end();
    let segments = fs::read_dir(&log).unwrap().count();
    assert!(segments > 48, "{segments} segments");
    let (code, text) = run("verify", &log, "nofile=24");
    assert_eq!(code, 0, "{text}");
    check(&log, Io::Direct, &notes);
}

/// The kernel ends a process that writes past its limit, as a kill does, unless it ignores that.
#[test]
fn a_limit_on_the_length_of_files_is_a_kill_or_an_error_and_loses_nothing() {
    let home = home();
    let log = home.path().join("log");
    let mut notes = Notes::default();
    let mut writer = Writer::start(&log, Start::endless(Io::Direct, 2), &mut notes);
    writer.hear_acknowledged(40);
    writer.kill();
    let limit = SEGMENT_BYTES / 2;
    let limits = format!("fsize={limit}");
    let start = Start {
        limits: &limits,
        ..Start::endless(Io::Direct, 2)
    };
    let writer = Writer::start(&log, start, &mut notes);
    assert_eq!(writer.end().code(), None, "ended by the signal");
    check(&log, Io::Direct, &notes);
    let limits = format!("fsize-told={limit}");
    let start = Start {
        limits: &limits,
        ..Start::endless(Io::Direct, 2)
    };
    let mut writer = Writer::start(&log, start, &mut notes);
    let Heard::Failed(text) = writer.hear_other() else {
        panic!("it goes on past its limit");
    };
    assert!(
        text.contains("File too large") && text.contains(&log.display().to_string()),
        "{text}"
    );
    assert_eq!(writer.end().code(), Some(3));
    check(&log, Io::Direct, &notes);
}

/// What a sandbox refuses.
struct Refusal {
    limits: &'static str,
    /// The mode the log says it is in, or the error it gives.
    outcome: Outcome,
}

enum Outcome {
    WorksAs(&'static str),
    Fails(&'static str),
}

const REFUSALS: &[Refusal] = &[
    refusal("forbid=io_uring:EPERM", Outcome::WorksAs("Direct")),
    refusal("forbid=io_uring:ENOSYS", Outcome::WorksAs("Direct")),
    refusal("forbid=pwritev2:EOPNOTSUPP", Outcome::WorksAs("Direct")),
    refusal("forbid=fallocate:EOPNOTSUPP", Outcome::WorksAs("Direct")),
    refusal("forbid=fallocate:ENOSYS", Outcome::WorksAs("Direct")),
    refusal(
        "forbid=fallocate:EPERM",
        Outcome::Fails("Operation not permitted"),
    ),
    refusal("forbid=fadvise:EPERM", Outcome::WorksAs("Direct")),
    refusal("forbid=open-direct:EINVAL", Outcome::WorksAs("Buffered")),
    refusal(
        "forbid=open-direct:EINVAL,forbid=fdatasync:EPERM",
        Outcome::Fails("Operation not permitted"),
    ),
    refusal(
        "forbid=lock:ENOSYS",
        Outcome::Fails("Function not implemented"),
    ),
];

const fn refusal(limits: &'static str, outcome: Outcome) -> Refusal {
    Refusal { limits, outcome }
}

#[test]
fn system_calls_that_are_refused_are_done_without_or_told_as_such() {
    for Refusal { limits, outcome } in REFUSALS {
        let home = home();
        let log = home.path().join("log");
        let mut notes = Notes::default();
        let start = Start {
            operations: 300,
            limits,
            ..Start::endless(Io::Direct, 2)
        };
        let mut writer = Writer::start(&log, start, &mut notes);
        let first = writer.hear();
        match outcome {
            // A file system without direct I/O works in the other mode in any case.
            Outcome::WorksAs(mode) => {
                let Heard::Open(told) = first else {
                    panic!("{limits}: {first:?}");
                };
                assert!(told == *mode || told == "Buffered", "{limits}: {told}");
                assert_eq!(writer.hear_other(), Heard::Closed, "{limits}");
            }
            Outcome::Fails(errno) => {
                let Heard::Failed(text) = (if matches!(first, Heard::Open(_)) {
                    writer.hear_other()
                } else {
                    first
                }) else {
                    panic!("{limits}: it works");
                };
                assert!(text.contains(errno), "{limits}: {text}");
                assert!(
                    text.contains(&log.display().to_string()),
                    "{limits}: {text}"
                );
            }
        }
        assert!(writer.end().code().is_some(), "{limits}");
        check(&log, Io::Direct, &notes);
    }
}
