//! What happens to processes: stopped, ended, gone while others live on; and what happens to the
//! directory under a running one.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use nodedb_wal::{Config, Error, Log, Reader};
use tempfile::TempDir;

use crate::aftermath::{check, check_reading};
use crate::program::{program, run};
use crate::writer::{Heard, Io, Notes, Start, Writer};

fn home() -> TempDir {
    TempDir::with_prefix("nodedb-real-").unwrap()
}

fn is_locked(directory: &Path) -> bool {
    match Log::open(Config::new(directory)) {
        Err(Error::Locked { directory: named }) => named == directory,
        Err(error) => panic!("{error}"),
        Ok(_) => false,
    }
}

/// A process that is stopped, by a debugger or a frozen container, still owns its log.
#[test]
fn a_process_that_is_suspended_keeps_its_log_and_goes_on_afterwards() {
    for io in Io::BOTH {
        let home = home();
        let log = home.path().join("log");
        let mut notes = Notes::default();
        let mut writer = Writer::start(&log, Start::endless(io, 4), &mut notes);
        writer.hear_acknowledged(30);
        writer.signal(Signal::SIGSTOP);
        assert!(is_locked(&log));
        let (code, text) = run("truncate --before 5", &log, "");
        assert_eq!(code, 1, "{text}");
        assert!(
            text.contains("is already open") && text.contains(&log.display().to_string()),
            "{text}"
        );
        // Looking takes no lock.
        let reader = Reader::open(&log).unwrap();
        assert!(reader.next_lsn().value() > 1);
        drop(reader);
        writer.signal(Signal::SIGCONT);
        // What waited in the pipe is heard first, so some of these are of afterwards.
        writer.hear_acknowledged(1_000);
        writer.kill();
        check(&log, io, &notes);
    }
}

#[test]
fn a_process_that_is_ended_by_a_signal_between_or_in_its_commits_loses_nothing() {
    let signals = [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGABRT,
    ];
    for (acknowledged, signal) in (1..).step_by(13).zip(signals) {
        if is_ignored(signal) {
            eprintln!("skipped: {signal} is ignored here, as by a shell's background jobs");
            continue;
        }
        let home = home();
        let log = home.path().join("log");
        let mut notes = Notes::default();
        let mut writer = Writer::start(&log, Start::endless(Io::Direct, 4), &mut notes);
        writer.hear_acknowledged(acknowledged);
        writer.signal(signal);
        assert_eq!(writer.end().code(), None, "{signal}");
        check(&log, Io::Direct, &notes);
    }
}

/// Whether this process, and so those it starts, ignore the signal.
fn is_ignored(signal: Signal) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:")).unwrap();
    let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
    mask >> (signal as i32 - 1) & 1 == 1
}

/// A node starts helpers, and dies before them. The helpers must not have inherited its lock.
#[test]
fn programs_that_a_writer_started_do_not_keep_its_lock() {
    let home = home();
    let log = home.path().join("log");
    let mut notes = Notes::default();
    let start = Start {
        companion: true,
        ..Start::endless(Io::Direct, 1)
    };
    let mut writer = Writer::start(&log, start, &mut notes);
    writer.hear_acknowledged(5);
    assert!(is_locked(&log));
    writer.kill_but_hold_input(|| assert!(!is_locked(&log)));
    check(&log, Io::Direct, &notes);
}

/// Names are looked up where the directory was: the first that is not there any more stops the log,
/// with everything acknowledged in the directory that was renamed.
#[test]
fn a_directory_that_is_renamed_under_a_writer_stops_it_and_keeps_what_was_acknowledged() {
    for io in Io::BOTH {
        let home = home();
        let (log, elsewhere) = (home.path().join("log"), home.path().join("elsewhere"));
        let mut notes = Notes::default();
        let mut writer = Writer::start(&log, Start::endless(io, 2), &mut notes);
        writer.hear_acknowledged(20);
        std::fs::rename(&log, &elsewhere).unwrap();
        let Heard::Failed(text) = writer.hear_other() else {
            panic!("it goes on for ever");
        };
        assert!(
            text.contains(&log.display().to_string()) && text.contains("os error 2"),
            "{text}"
        );
        assert_eq!(writer.end().code(), Some(3));
        check_reading(&elsewhere, &notes);
        check(&elsewhere, io, &notes);
        assert!(!log.exists(), "a second log was begun");
    }
}

/// Nobody can keep records in a directory that was removed; but it is told, and nothing hangs.
#[test]
fn a_directory_that_is_removed_under_a_writer_stops_it() {
    let home = home();
    let log = home.path().join("log");
    let mut notes = Notes::default();
    let mut writer = Writer::start(&log, Start::endless(Io::Direct, 2), &mut notes);
    writer.hear_acknowledged(20);
    // The writer may be making a file just then.
    while std::fs::remove_dir_all(&log).is_err() && log.exists() {}
    let Heard::Failed(text) = writer.hear_other() else {
        panic!("it goes on for ever");
    };
    assert!(
        text.contains(&log.display().to_string()) && text.contains("os error 2"),
        "{text}"
    );
    assert_eq!(writer.end().code(), Some(3));
    assert!(!log.exists());
}

/// What a demo makes when it is not told where.
fn demo_directories(home: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(home).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Ctrl-C used to leave the demo's directory behind: nothing ran any more that could have removed it.
#[test]
fn a_demo_that_is_interrupted_removes_its_directory() {
    // Ctrl-C reaches the demo and its writer; a service manager's signal only the demo.
    for (signal, is_for_all) in [(Signal::SIGINT, true), (Signal::SIGTERM, false)] {
        let home = home();
        let mut command = program(
            ["demo", "--rounds", "1", "--seconds", "3600", "--seed", "1"],
            "",
        );
        command.current_dir(home.path()).process_group(0);
        let demo = command
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let is_writing = |directory: &PathBuf| {
            let files = std::fs::read_dir(directory).into_iter().flatten();
            let names = files.map(|file| file.unwrap().file_name());
            names
                .into_iter()
                .any(|name| name.to_string_lossy().starts_with("wal-"))
        };
        while !demo_directories(home.path()).iter().any(is_writing) {
            std::thread::yield_now();
        }
        let pid = Pid::from_raw(demo.id().try_into().unwrap());
        if is_for_all {
            killpg(pid, signal).unwrap();
        } else {
            kill(pid, signal).unwrap();
        }
        let output = demo.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{signal}: {text}");
        assert!(text.contains("interrupted"), "{signal}: {text}");
        assert_eq!(
            demo_directories(home.path()),
            Vec::<PathBuf>::new(),
            "{signal}"
        );
    }
}
