//! What a file looks like: its length, its first line, and what a facade may hold.

use crate::source::{Source, Violation};
use crate::tokens::{Token, behind_group, matches_at};

const LINES_MAX: usize = 400;
const TEST_LINES_MAX: usize = 450;

/// A file has one subject.
pub(crate) fn check_length(source: &Source) -> Vec<Violation> {
    let max = if source.is_test_file() {
        TEST_LINES_MAX
    } else {
        LINES_MAX
    };
    let lines = source.text.lines().count();
    if lines <= max {
        return Vec::new();
    }
    vec![source.violation(0, format!("{lines} lines, over {max}: split it by subject"))]
}

/// A file says at once what it is.
pub(crate) fn check_head(source: &Source) -> Vec<Violation> {
    if source.text.starts_with("//! ") {
        return Vec::new();
    }
    vec![source.violation(
        1,
        "open the file with `//!`: what it is, and what it must not do",
    )]
}

/// `lib.rs` and `mod.rs` hold documentation, attributes, `mod` and `use`, and nothing else.
pub(crate) fn check_facade(source: &Source) -> Vec<Violation> {
    if !["lib.rs", "mod.rs"].contains(&source.file_name()) {
        return Vec::new();
    }
    let tokens = &source.tokens;
    let mut at = 0;
    while at < tokens.len() {
        match behind_name(tokens, at) {
            Some(behind) => at = behind,
            None => {
                let what = "a facade holds only docs, `mod name;` and `use`: move this to a file";
                return vec![source.violation(tokens[at].line, what)];
            }
        }
    }
    Vec::new()
}

/// Behind the attribute, `mod name;` or `use ..;` that starts at `at`; `None` for anything else.
fn behind_name(tokens: &[Token], at: usize) -> Option<usize> {
    if matches_at(tokens, at, &["#", "["]) {
        return Some(behind_group(tokens, at + 1));
    }
    if matches_at(tokens, at, &["#", "!", "["]) {
        return Some(behind_group(tokens, at + 2));
    }
    let mut word = at;
    if matches_at(tokens, at, &["pub", "("]) {
        word = behind_group(tokens, at + 1);
    } else if tokens[at].is("pub") {
        word = at + 1;
    }
    if matches_at(tokens, word, &["mod"]) {
        return matches_at(tokens, word + 2, &[";"]).then_some(word + 3);
    }
    if matches_at(tokens, word, &["use"]) {
        let end = tokens[word..].iter().position(|token| token.is(";"))?;
        return Some(word + end + 1);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::expect_lines;

    #[test]
    fn a_long_file_is_found() {
        let long = |lines: usize| format!("//! x\n{}", "// y\n".repeat(lines - 1));
        let check = |path, lines| check_length(&Source::new(path, &long(lines)));
        expect_lines(&check("nodedb-wal/src/a.rs", LINES_MAX), &[]);
        expect_lines(&check("nodedb-wal/src/a.rs", LINES_MAX + 1), &[0]);
        expect_lines(&check("tests/it/a.rs", LINES_MAX + 1), &[]);
        expect_lines(&check("tests/it/a.rs", TEST_LINES_MAX + 1), &[0]);
    }

    #[test]
    fn a_file_without_a_head_is_found() {
        expect_lines(&check_head(&Source::new("a.rs", "//! What.\n")), &[]);
        expect_lines(&check_head(&Source::new("a.rs", "use a;\n//! x")), &[1]);
        expect_lines(&check_head(&Source::new("a.rs", "// What.")), &[1]);
    }

    #[test]
    fn code_in_a_facade_is_found() {
        let fine = "//! x\n#![deny(y)]\nmod a;\n#[cfg(t)]\npub(crate) mod b;\n\
                    pub use a::{B, c::D};\n/// z\npub mod e;";
        let check = |path, text: &str| check_facade(&Source::new(path, text));
        expect_lines(&check("a/src/lib.rs", fine), &[]);
        expect_lines(&check("a/src/b/mod.rs", "mod a;\nfn f() {}"), &[2]);
        expect_lines(&check("a/src/b/mod.rs", "pub trait A {}"), &[1]);
        expect_lines(&check("a/src/lib.rs", "mod a { fn f() {} }"), &[1]);
        expect_lines(&check("a/src/b/c.rs", "fn f() {}"), &[]);
    }
}
