//! What is wrong with an input file.

use std::error::Error;

/// An input file is not what it should be.
#[derive(Debug, thiserror::Error)]
#[error("{file}, line {line}: {problem}")]
pub struct FormatError {
    file: String,
    line: u64,
    problem: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl FormatError {
    /// `problem` was found on this line, counted from 1.
    #[must_use]
    pub fn new(file: &str, line: u64, problem: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            problem: problem.into(),
            source: None,
        }
    }

    /// The same problem, and what led to it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The line, counted from 1.
    #[must_use]
    pub const fn line(&self) -> u64 {
        self.line
    }
}
