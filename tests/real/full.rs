//! A disk that is really full, at every stage: a retryable error that names the file, nothing
//! acknowledged lost, and on it goes when there is room.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use crate::aftermath::check;
use crate::places::Place;
use crate::program::run;
use crate::writer::{Heard, Io, Notes, Start, Writer};

/// How much is freed each time the writer says that there is no room.
const FREED_BYTES: u64 = 200 * 1024;

/// A file that takes all the room there is.
struct Ballast {
    file: File,
    len: u64,
}

impl Ballast {
    fn filling(directory: &Path) -> Self {
        let mut file = File::create(directory.join("ballast")).unwrap();
        let mut len = 0;
        for part in [1 << 20, 1 << 16, 4096] {
            let zeros = vec![0; part];
            while let Ok(written) = file.write(&zeros) {
                len += written as u64;
                if written < part {
                    break;
                }
            }
        }
        file.sync_all().unwrap();
        Self { file, len }
    }

    fn free(&mut self, bytes: u64) {
        self.len = self.len.saturating_sub(bytes);
        self.file.set_len(self.len).unwrap();
        self.file.sync_all().unwrap();
    }
}

/// A writer that finds the disk full again and again. It is killed the `killed_at`th time.
fn fill(at: &Path, io: Io, killed_at: Option<u32>) {
    let directory = at.join("log");
    std::fs::create_dir(&directory).unwrap();
    let mut ballast = Ballast::filling(at);
    let mut notes = Notes::default();
    let start = Start {
        operations: 500,
        ..Start::endless(io, 2)
    };
    let mut writer = Writer::start(&directory, start, &mut notes);
    let mut times = 0;
    loop {
        match writer.hear_other() {
            Heard::Full(text) => {
                times += 1;
                assert!(text.contains("no space left for"), "{text}");
                assert!(text.contains(&directory.display().to_string()), "{text}");
                if Some(times) == killed_at {
                    writer.kill();
                    break;
                }
                ballast.free(FREED_BYTES);
                writer.go_on();
            }
            Heard::Closed => {
                assert!(writer.end().success());
                break;
            }
            other => panic!("{other:?}"),
        }
        assert!(times < 400, "it does not get on");
    }
    assert!(times > 2, "the disk was full {times} times only");
    // Somebody made room before the node was started again.
    ballast.free(8 << 20);
    let records = check(&directory, io, &notes);
    if killed_at.is_none() {
        assert_eq!(records, notes.acknowledged.len() as u64);
    }
}

fn check_place(place: Place) {
    for io in Io::BOTH {
        for killed_at in [None, Some(3), Some(8)] {
            place.with(place.mebibytes_min(), |at| fill(at, io, killed_at));
        }
    }
}

#[test]
fn a_writer_on_a_full_tmpfs_goes_on_when_there_is_room() {
    check_place(Place::Tmpfs);
}

#[test]
fn a_writer_on_a_full_ext4_goes_on_when_there_is_room() {
    check_place(Place::Ext4);
}

#[test]
fn the_program_says_which_file_found_no_room_and_keeps_what_it_committed() {
    Place::Tmpfs.with(96, |at| {
        let input = at.join("vectors.txt");
        let rows = (0..300).map(|n| format!("word{n} {n}.5 -1 2e-3\n"));
        std::fs::write(&input, rows.collect::<String>()).unwrap();
        let wal = at.join("wal");
        let ingest = format!(
            "ingest --kind vector --tenant 1 --database 1 --vshard 1 --collection c {}",
            input.display()
        );
        assert_eq!(run(&ingest, &wal, "").0, 0);
        // Space that is ready would do for one more opening.
        for entry in std::fs::read_dir(&wal).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with("prepared-") {
                std::fs::remove_file(path).unwrap();
            }
        }
        let mut ballast = Ballast::filling(at);
        let (code, text) = run(&ingest, &wal, "");
        assert_eq!(code, 3, "{text}");
        assert!(
            text.contains(&format!("no space left for {}", wal.display())),
            "{text}"
        );
        let (code, text) = run("verify --json", &wal, "");
        assert_eq!(code, 0, "{text}");
        assert!(text.contains("300"), "{text}");
        ballast.free(80 << 20);
        let (code, text) = run(&ingest, &wal, "");
        assert_eq!(code, 0, "{text}");
    });
}
