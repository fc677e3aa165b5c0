//! A Rust file of the tree as the rules see it, and what a rule says about it.

use std::fmt;

use crate::tokens::{Token, tokenize};

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The file, from the root of the repository.
    pub(crate) path: String,
    /// The line, from 1; 0 is the whole file.
    pub(crate) line: usize,
    /// What is wrong, and what to do about it.
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A Rust file.
#[derive(Debug)]
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Token>,
}

impl Source {
    /// # Panics
    ///
    /// When `text` is not Rust: then nothing can be said about it.
    pub(crate) fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            tokens: tokenize(path, text),
        }
    }

    /// Whether the whole file is tests, benches or examples.
    pub(crate) fn is_test_file(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.starts_with("benches/")
            || self.path.ends_with("/tests.rs")
            || ["/tests/", "/benches/", "/examples/"]
                .iter()
                .any(|folder| self.path.contains(folder))
    }

    /// Whether the file is under this folder (which ends in `/`), or is this file.
    pub(crate) fn is_in(&self, home: &str) -> bool {
        if home.ends_with('/') {
            self.path.starts_with(home)
        } else {
            self.path == home
        }
    }

    /// The file's name without its folders.
    pub(crate) fn file_name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    pub(crate) fn violation(&self, line: usize, what: impl Into<String>) -> Violation {
        Violation::new(&self.path, line, what)
    }
}

/// Asserts that a rule finds exactly these lines in a planted text.
#[track_caller]
pub(crate) fn expect_lines(found: &[Violation], lines: &[usize]) {
    let mut found_lines: Vec<usize> = found.iter().map(|violation| violation.line).collect();
    found_lines.sort_unstable();
    assert_eq!(found_lines, lines, "{found:#?}");
}
