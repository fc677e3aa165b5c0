//! The repository's files, and a copy of them to be changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::table::Table;

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub(crate) fn table() -> Table {
    let text = read(&root().join("tests/protections/cases.txt"));
    Table::parse(&text).unwrap_or_else(|fault| panic!("{fault}"))
}

/// Every file of the tree that is not a product of a build.
pub(crate) fn files() -> Vec<String> {
    let mut files = Vec::new();
    walk(&root(), "", &mut files);
    files
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if ["target", ".git"].contains(&name.as_str()) {
            continue;
        }
        let path = format!("{prefix}{name}");
        // What fuzzing grows, while it grows.
        if ["tests/fuzz/corpus", "tests/fuzz/artifacts"].contains(&path.as_str()) {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            walk(&entry.path(), &format!("{path}/"), files);
        } else {
            files.push(path);
        }
    }
}

/// A copy of the tree, with products of builds of its own beside it.
pub(crate) struct Copy {
    tree: PathBuf,
    target: PathBuf,
}

impl Copy {
    pub(crate) fn make() -> Self {
        let home = root().join("target/protections");
        let copy = Self {
            tree: home.join("tree"),
            target: home.join("target"),
        };
        let files = files();
        for path in &files {
            copy.write(path, &fs::read(root().join(path)).unwrap());
        }
        // What an earlier copy had and the tree has no more: a test that moved would be there twice.
        let mut copied = Vec::new();
        walk(&copy.tree, "", &mut copied);
        for path in copied.iter().filter(|path| !files.contains(path)) {
            fs::remove_file(copy.path(path)).unwrap();
        }
        copy
    }

    /// Where a file is.
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.tree.join(file)
    }

    /// Writes a file that is not like that already: what did not change is not built again.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let to = self.path(path);
        if fs::read(&to).is_ok_and(|there| there == bytes) {
            return;
        }
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, bytes).unwrap();
    }

    /// Builds what `cargo test` with these arguments would run; the program, and what it prints otherwise.
    pub(crate) fn build(&self, arguments: &[String]) -> Result<PathBuf, String> {
        let built = Command::new("cargo")
            .args(["test", "--no-run"])
            .args(arguments)
            .env("CARGO_TARGET_DIR", &self.target)
            .current_dir(&self.tree)
            .output();
        let built = built.unwrap();
        let told = String::from_utf8_lossy(&built.stderr).into_owned();
        let executable = told.lines().find(|line| line.contains("Executable "));
        let path = executable.and_then(|line| line.rsplit_once('(')?.1.strip_suffix(')'));
        match path {
            Some(path) if built.status.success() => Ok(self.tree.join(path)),
            _ => Err(told),
        }
    }

    /// Runs one test of a program of `package`, which ends after so many seconds.
    pub(crate) fn run(&self, package: &str, program: &Path, test: &str, seconds: u64) -> Output {
        let folder = package
            .strip_prefix("nodedb-")
            .filter(|name| *name == "tests");
        let home = self.tree.join(folder.unwrap_or(package));
        Command::new("timeout")
            .args(["--kill-after=5", &seconds.to_string()])
            .arg(program)
            .args([test, "--nocapture"])
            .env("CARGO_MANIFEST_DIR", &home)
            .env("RUST_BACKTRACE", "0")
            .current_dir(home)
            .output()
            .unwrap()
    }
}
