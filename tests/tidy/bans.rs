//! Words that may stand in some places only, or nowhere.

use crate::paths::paths;
use crate::source::{Source, Violation};
use crate::tokens::{Token, behind_group, matches_at};

const STORAGE: &str = "nodedb-wal/src/storage/";
const CLI: &str = "nodedb-node/src/cli/";

/// Checks one file against every ban.
pub(crate) fn check(source: &Source) -> Vec<Violation> {
    let mut violations = Vec::new();
    for at in 0..source.tokens.len() {
        let token = &source.tokens[at];
        if let Some(what) = banned_at(source, at) {
            violations.push(source.violation(token.line, what));
        }
    }
    violations.extend(check_files(source));
    violations
}

fn banned_at(source: &Source, at: usize) -> Option<&'static str> {
    let tokens = &source.tokens;
    let is_macro = |names: &[&str]| {
        names.iter().any(|name| tokens[at].is(name)) && matches_at(tokens, at + 1, &["!"])
    };
    let is_test = source.is_test_file() || tokens[at].in_test;
    if tokens[at].is("unsafe") && !source.is_in(STORAGE) {
        return Some("`unsafe` stands only in storage/");
    }
    if matches_at(tokens, at, &["#", "[", "ignore"]) {
        return Some("no `#[ignore]`: a test runs, or says why it skips");
    }
    if is_macro(&["todo", "unimplemented"]) {
        return Some("not finished");
    }
    if is_bare_matches(tokens, at) {
        return Some("a bare `matches!(..);` checks nothing: wrap it in `assert!`");
    }
    if is_test && matches_at(tokens, at, &["thread", "::", "sleep"]) {
        return Some("a test does not sleep to wait for things");
    }
    let is_lifetime = at > 0 && tokens[at - 1].is("'");
    if tokens[at].is("static") && !is_lifetime && !is_test && is_of_every_log(source) {
        return Some("a static is shared by all logs of a process: one core's with another's");
    }
    let may_print = is_test || source.is_in(CLI);
    if !may_print && is_macro(&["println", "eprintln", "print", "eprint", "dbg"]) {
        return Some("only the command line prints");
    }
    None
}

/// Whether what the file holds once is there for every log. The storage has zeros to write, which
/// nobody changes.
fn is_of_every_log(source: &Source) -> bool {
    source.is_in("nodedb-wal/src/")
        && !source.is_in(STORAGE)
        && !source.is_in("nodedb-wal/src/sync/")
}

/// `matches!(..)` as a statement of its own.
fn is_bare_matches(tokens: &[Token], at: usize) -> bool {
    if !matches_at(tokens, at, &["matches", "!"]) || tokens.len() <= at + 2 {
        return false;
    }
    let starts_statement = at == 0 || [";", "{", "}"].iter().any(|text| tokens[at - 1].is(text));
    let behind = behind_group(tokens, at + 2);
    starts_statement && matches_at(tokens, behind, &[";"])
}

/// Only `storage/` and the command line touch files; tests may.
fn check_files(source: &Source) -> Vec<Violation> {
    if source.is_in(STORAGE) || source.is_in(CLI) || source.is_test_file() {
        return Vec::new();
    }
    paths(source)
        .iter()
        .filter(|path| !path.in_test)
        .filter(|path| {
            path.starts_with(&["std", "fs"])
                || path.starts_with(&["std", "os", "unix", "fs"])
                || path.starts_with(&["fs"])
                || path.starts_with(&["File"])
                || path.starts_with(&["OpenOptions"])
        })
        .map(|path| source.violation(path.line, "only storage/ and the command line touch files"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    fn check_one(path: &str, text: &str) -> Vec<Violation> {
        check(&Source::new(path, text))
    }

    #[test]
    fn unsafe_outside_storage_is_found() {
        let text = "fn f() { unsafe { g() } }\n#[expect(unsafe_code)]\nfn h() {}";
        expect_lines(&check_one("nodedb-wal/src/log/mod.rs", text), &[1]);
        expect_lines(&check_one("tests/it/main.rs", text), &[1]);
        expect_lines(&check_one("nodedb-wal/src/storage/aligned.rs", text), &[]);
    }

    #[test]
    fn tests_that_check_nothing_are_found() {
        let text = "#[test]\n#[ignore]\nfn f() {\nmatches!(a, B);\nassert!(matches!(a, B));\n\
                    let x = matches!(a, B);\nmatches!(a, B)\n}";
        expect_lines(&check_one("tests/it/main.rs", text), &[2, 4]);
        let reason = "#[test]\n#[ignore = \"slow\"]\nfn f() {}";
        expect_lines(&check_one("tests/it/main.rs", reason), &[2]);
    }

    #[test]
    fn sleeping_tests_are_found() {
        let text = "fn f() { std::thread::sleep(d); }\n#[cfg(test)]\nmod t { fn g() { thread::sleep(d) } }";
        expect_lines(&check_one("nodedb-wal/src/log/mod.rs", text), &[3]);
        expect_lines(&check_one("tests/it/main.rs", text), &[1, 3]);
    }

    #[test]
    fn what_is_not_finished_is_found() {
        let text = "fn f() { todo!() }\nfn g() { unimplemented!(\"x\") }\n// todo!()";
        expect_lines(&check_one("nodedb-wal/src/log/mod.rs", text), &[1, 2]);
    }

    #[test]
    fn what_all_logs_of_a_process_would_share_is_found() {
        let text = "static A: AtomicU64 = x;\nfn f(a: &'static str) -> &'static str { a }\n\
                    #[cfg(test)]\nmod t { static B: u8 = 0; }";
        expect_lines(&check_one("nodedb-wal/src/log/append.rs", text), &[1]);
        expect_lines(&check_one("nodedb-node/src/cli/text.rs", text), &[]);
        expect_lines(&check_one("nodedb-wal/src/storage/os/file.rs", text), &[]);
    }

    #[test]
    fn printing_outside_the_command_line_is_found() {
        let text = "fn f() { println!(); eprintln!() }";
        expect_lines(&check_one("nodedb-node/src/manager/mod.rs", text), &[1, 1]);
        expect_lines(&check_one("nodedb-node/src/cli/mod.rs", text), &[]);
    }

    #[test]
    fn touching_files_outside_storage_is_found() {
        let text = "use std::fs::File;\nfn f() { File::open(p); std::fs::remove_file(p) }\n\
                    use std::{fs, io};\n#[cfg(test)]\nmod t { use std::fs; }";
        expect_lines(
            &check_one("nodedb-wal/src/segment/walk.rs", text),
            &[1, 2, 2, 3],
        );
        expect_lines(&check_one("nodedb-wal/src/storage/os/file.rs", text), &[]);
        expect_lines(&check_one("tests/it/main.rs", text), &[]);
    }
}
