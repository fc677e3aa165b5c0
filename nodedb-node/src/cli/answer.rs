//! Where a command's answer goes: text for people, JSON for programs.

use std::io::Write;

use serde::Serialize;

use super::error::CliError;

/// What a command found out.
pub(super) trait Answer: Serialize {
    /// The answer for people, without a newline at the end.
    fn text(&self) -> String;
}

/// How a command that could be carried out ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing is wrong.
    Fine,
    /// The log is damaged, or lost or invented something, or two replicas differ; the answer says what.
    Damaged,
}

/// Standard output, and which of the two forms is wanted.
pub(super) struct Output<'w> {
    json: bool,
    out: &'w mut dyn Write,
}

impl<'w> Output<'w> {
    pub(super) fn new(json: bool, out: &'w mut dyn Write) -> Self {
        Self { json, out }
    }

    /// Prints an answer: a text, or one JSON object over several lines.
    pub(super) fn answer(&mut self, answer: &impl Answer) -> Result<(), CliError> {
        if self.json {
            serde_json::to_writer_pretty(&mut *self.out, answer).map_err(std::io::Error::from)?;
            writeln!(self.out)?;
        } else {
            writeln!(self.out, "{}", answer.text())?;
        }
        Ok(())
    }

    /// Prints one answer of many: a line of text, or a JSON object on a line of its own.
    pub(super) fn line(&mut self, answer: &impl Answer) -> Result<(), CliError> {
        if self.json {
            serde_json::to_writer(&mut *self.out, answer).map_err(std::io::Error::from)?;
            writeln!(self.out)?;
        } else {
            writeln!(self.out, "{}", answer.text())?;
        }
        Ok(())
    }

    pub(super) fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.out.flush()?)
    }
}
