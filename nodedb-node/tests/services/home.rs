//! The program, run on a log of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

/// A log in a directory of its own, and the program.
pub(crate) struct Home {
    directory: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { directory }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// A file of vectors, those of these numbers.
    pub(crate) fn vectors(&self, name: &str, numbers: std::ops::Range<u32>) -> PathBuf {
        let file = self.directory.path().join(name);
        let lines: String = numbers
            .map(|n| format!("word{n} {n}.5 -1 2e-3\n"))
            .collect();
        fs::write(&file, lines).unwrap();
        file
    }

    fn run(&self, line: &str, more: &[&str], code: i32) -> Output {
        let line = line.replace("LOG", self.log().to_str().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_nodedb-node"));
        command.args(line.split_whitespace()).args(more);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        output
    }

    /// What the program prints for people, and what it says is wrong; words have one space between
    /// them.
    pub(crate) fn say(&self, line: &str, code: i32) -> (String, String) {
        let output = self.run(line, &[], code);
        let words = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes);
            text.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        (words(&output.stdout), words(&output.stderr))
    }

    /// The last value that the program prints.
    pub(crate) fn ask(&self, line: &str, code: i32) -> Value {
        let output = self.run(line, &["--json"], code);
        let values = serde_json::Deserializer::from_slice(&output.stdout).into_iter();
        values.map(Result::unwrap).last().unwrap()
    }

    pub(crate) fn ingest(&self, more: &str, file: &Path, code: i32) -> Value {
        let line = format!(
            "ingest --wal LOG --kind vector --tenant 1 --database 2 --vshard 3 --collection v {more} {}",
            file.display()
        );
        self.ask(&line, code)
    }

    /// How far the log goes.
    pub(crate) fn end(&self) -> u64 {
        let inspection = self.ask("inspect --wal LOG", 0);
        inspection["durable_lsn"].as_u64().unwrap()
    }
}
