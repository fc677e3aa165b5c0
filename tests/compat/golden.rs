//! The golden files: where they are, how they are read and listed, and when they may be written.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use nodedb_wal::format::checksum::crc32c;
use nodedb_wal::storage::sim::SimDisk;

use crate::sparse;

/// The golden files of one version, or of one choice of the writer within a version.
pub(crate) struct Set {
    /// Its directory.
    pub(crate) name: &'static str,
    /// The format version it is written in.
    pub(crate) version: u32,
    /// The CRC-32C of its list of checksums. To change this number is to say that golden files may
    /// change: see "Golden files" in `docs/FORMAT.md`.
    pub(crate) list_crc: u32,
}

/// Every set there is, oldest first; today's writer is held to the last. All are read for ever.
pub(crate) const SETS: &[Set] = &[Set {
    name: "v1",
    version: 1,
    list_crc: 0x1286_60cb,
}];

/// The list of checksums in a set's directory, one line per other file.
const LIST: &str = "CHECKSUMS";

/// What opening the log must give, in a log's directory.
pub(crate) const EXPECTED: &str = "expected.txt";

/// What the name of a log's file ends in, as a golden file.
const SPARSE: &str = ".hex";

/// Files by their path in a set's directory.
pub(crate) type Files = BTreeMap<String, String>;

impl Set {
    fn directory(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("compat/golden")
            .join(self.name)
    }

    /// Every file of the set but the list.
    pub(crate) fn files(&self) -> Files {
        let mut files = Files::new();
        let directory = self.directory();
        for log in fs::read_dir(&directory).into_iter().flatten() {
            let log = log.unwrap().path();
            if log.file_name().unwrap() == LIST {
                continue;
            }
            for file in fs::read_dir(&log).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(&directory).unwrap().to_str().unwrap();
                files.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
        files
    }

    /// Every golden log of the set: its name, the log, and what is expected of it.
    pub(crate) fn logs(&self) -> Vec<(String, SimDisk, String)> {
        let files = self.files();
        let logs = files.iter().filter_map(|(path, text)| {
            let name = path.strip_suffix(EXPECTED)?.trim_end_matches('/');
            let disk = SimDisk::new(0);
            for (file, text) in files.range(format!("{name}/")..format!("{name}0")) {
                if let Some(file) = file.strip_suffix(SPARSE) {
                    disk.write_file(&file[name.len() + 1..], &sparse::parse(text));
                }
            }
            Some((name.to_owned(), disk, text.clone()))
        });
        logs.collect()
    }

    pub(crate) fn list(&self) -> String {
        fs::read_to_string(self.directory().join(LIST)).unwrap_or_default()
    }

    /// Writes `files` and the list of them. Where a file is there already and is another one, nothing
    /// is written, unless `overwrite`: then the set is nothing but `files` afterwards.
    pub(crate) fn write(&self, files: &Files, overwrite: bool) {
        let mut old = self.files();
        if overwrite {
            for (path, _) in old.iter().filter(|(path, _)| !files.contains_key(*path)) {
                fs::remove_file(self.directory().join(path)).unwrap();
            }
            old.clear();
        }
        let is_other = |(path, text): &(&String, &String)| files.get(*path) != Some(*text);
        let changed: Vec<_> = old.iter().filter(is_other).map(|(path, _)| path).collect();
        assert!(
            changed.is_empty(),
            "golden files are kept: these would change: {changed:#?}"
        );
        for (path, text) in files {
            let path = self.directory().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        fs::write(self.directory().join(LIST), list(files)).unwrap();
    }
}

/// A line for each file: CRC-32C, length, path.
pub(crate) fn list(files: &Files) -> String {
    let line = |(path, text): (&String, &String)| {
        format!("{:08x} {:6} {path}\n", crc32c(text.as_bytes()), text.len())
    };
    files.iter().map(line).collect()
}

/// The golden files of a log.
pub(crate) fn files_of(name: &str, disk: &SimDisk) -> Files {
    // The lock's file means nothing.
    let names = disk.names().into_iter().filter(|name| name != "wal.lock");
    let file = |file: String| {
        let text = sparse::render(&disk.read_file(&file).unwrap());
        (format!("{name}/{file}{SPARSE}"), text)
    };
    names.map(file).collect()
}
