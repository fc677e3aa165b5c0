//! The program `nodedb-node`, run to its end, in a process that may be short of something.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Output, Stdio};

pub(crate) fn program<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    limits: &str,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_real-child"));
    command
        .args(arguments)
        .env("REAL_LIMITS", limits)
        .stdin(Stdio::null());
    command
}

/// Runs a command on the log in `directory`; gives back its exit code and all it printed.
pub(crate) fn run(command: &str, directory: &Path, limits: &str) -> (i32, String) {
    let mut words = command.split(' ');
    let mut arguments: Vec<OsString> = vec![words.next().unwrap_or_default().into()];
    arguments.extend(["--wal".into(), directory.as_os_str().to_owned()]);
    arguments.extend(words.map(Into::into));
    finish(&mut program(arguments, limits))
}

pub(crate) fn finish(command: &mut Command) -> (i32, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    let code = status.code();
    (code.unwrap_or_else(|| panic!("{status}: {text}")), text)
}
