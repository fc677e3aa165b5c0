//! The golden files are the ones that were made, and today's writer would make them again.

use nodedb_wal::format::checksum::crc32c;
use nodedb_wal::format::layout::VERSION;

use crate::cases::{self, Case};
use crate::describe::describe;
use crate::golden::{self, EXPECTED, Files, SETS};

/// The golden files of a case, made now.
fn made(case: &Case) -> Files {
    let disk = case.written().disk;
    let story = textwrapped(case.story);
    let described = describe(&disk.fork().storage(), disk.fork().storage());
    let mut files = golden::files_of(&case.name, &disk);
    files.insert(
        format!("{}/{EXPECTED}", case.name),
        format!("{story}\n{described}"),
    );
    files
}

/// Lines of at most a hundred columns, each a comment.
fn textwrapped(text: &str) -> String {
    let mut lines = vec![String::from("#")];
    for word in text.split_whitespace() {
        if lines.last().unwrap().len() + word.len() > 98 {
            lines.push(String::from("#"));
        }
        let line = lines.last_mut().unwrap();
        line.push(' ');
        line.push_str(word);
    }
    lines.join("\n")
}

/// Also the way to make golden files, with `GOLDEN_WRITE` set: see `docs/TESTING.md`.
#[test]
fn the_writer_of_today_writes_the_golden_bytes() {
    let made: Files = cases::all().iter().flat_map(made).collect();
    let set = SETS.last().unwrap();
    match std::env::var("GOLDEN_WRITE").as_deref() {
        Ok("1") => set.write(&made, false),
        Ok("overwrite") => set.write(&made, true),
        Ok(other) => panic!("GOLDEN_WRITE is 1 or overwrite, not {other}"),
        Err(_) => {}
    }
    let kept = set.files();
    for (path, text) in &made {
        let kept = kept.get(path).map_or("", String::as_str);
        let at = kept.lines().zip(text.lines()).position(|(a, b)| a != b);
        assert!(
            kept == text,
            "{path} would be written otherwise, from line {} on",
            at.unwrap_or_else(|| kept.lines().count().min(text.lines().count())) + 1
        );
    }
    let extra: Vec<_> = kept
        .keys()
        .filter(|path| !made.contains_key(*path))
        .collect();
    assert!(extra.is_empty(), "no case makes these: {extra:#?}");
}

/// The same case written twice in one process: nothing depends on anything but its name.
#[test]
fn golden_logs_depend_on_nothing_but_their_case() {
    for case in cases::all() {
        assert_eq!(made(&case), made(&case), "{}", case.name);
    }
}

#[test]
fn every_case_opens_as_it_says() {
    let wrong = cases::all().into_iter().filter_map(|case| {
        let disk = case.written().disk;
        let described = describe(&disk.fork().storage(), disk.fork().storage());
        let is_right = described.starts_with(&format!("open: {}\n", case.open));
        (!is_right).then(|| format!("{}: {}\n{described}", case.name, case.open))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Golden files that change along with the code would let any change of the format pass.
#[test]
fn no_golden_file_changed() {
    for set in SETS {
        let list = set.list();
        assert_eq!(
            golden::list(&set.files()),
            list,
            "files of {} are not as listed",
            set.name
        );
        let crc = crc32c(list.as_bytes());
        assert_eq!(
            crc, set.list_crc,
            "{} golden files were added or changed. Once version {} is released only adding is \
             right; then, or before a release, put {crc:#x} into SETS",
            set.name, set.version
        );
    }
}

#[test]
fn there_are_golden_files_of_every_version() {
    let versions: Vec<u32> = SETS.iter().map(|set| set.version).collect();
    assert!(versions.is_sorted());
    for version in 1..=VERSION {
        assert!(versions.contains(&version), "version {version}");
    }
    assert_eq!(versions.last(), Some(&VERSION));
    for set in SETS {
        assert!(set.logs().len() > 20, "{}", set.name);
    }
}
