//! What can go wrong in a command, and the one place where that becomes an exit code.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

use nodedb_wal::ErrorClass;
use nodedb_wal::types::LsnRange;
use serde::Serialize;

use super::answer::{Answer, Outcome};
use super::ingest::formats::FormatError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CliError {
    /// The arguments make no command; or help was asked for. What clap says is the whole of it, so
    /// it is no source.
    #[error("{}", usage_text(.0))]
    Usage(clap::Error),
    /// The command cannot be carried out as it was given.
    #[error("{0}")]
    Refused(String),
    /// An input file is not what it should be.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// An input file is not what it should be, and a part of it was appended.
    #[error("the input cannot be read to its end; its records {appended} were appended and stay")]
    StoppedIngest {
        appended: LsnRange,
        source: FormatError,
    },
    /// The tenant's budget is used up, and a part of the input was appended.
    #[error("the input was not appended to its end; its records {appended} were and stay")]
    StoppedByBudget {
        appended: LsnRange,
        source: crate::Error,
    },
    /// The log could not be read or written.
    #[error(transparent)]
    Log(#[from] nodedb_wal::Error),
    #[error(transparent)]
    Node(#[from] crate::Error),
    /// A file that is not of a log, or a process, could not be used.
    #[error("cannot {operation} {}", .path.display())]
    Io {
        operation: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// Whoever started the program has had enough.
    #[error("interrupted")]
    Interrupted,
    /// The writer of a demo ended before it was killed.
    #[error("the writer ended by itself, {0}")]
    Writer(ExitStatus),
    /// A workload of a benchmark, in a process of its own, failed; what it said is the cause.
    #[error("measuring {work} failed, {status}: {said}")]
    Measuring {
        work: String,
        status: ExitStatus,
        said: String,
    },
    /// Standard output cannot be written.
    #[error("cannot write to standard output")]
    Output(#[from] io::Error),
}

impl CliError {
    fn class(&self) -> ErrorClass {
        match self {
            Self::Usage(_)
            | Self::Refused(_)
            | Self::Interrupted
            | Self::Format(_)
            | Self::StoppedIngest { .. }
            | Self::StoppedByBudget { .. } => ErrorClass::Refused,
            Self::Log(source) => source.class(),
            Self::Node(source) => source.class(),
            Self::Writer(status) | Self::Measuring { status, .. } => match status.code() {
                Some(2) => ErrorClass::Corruption,
                Some(3) => ErrorClass::Io,
                _ => ErrorClass::Refused,
            },
            Self::Io { .. } | Self::Output(_) => ErrorClass::Io,
        }
    }

    /// Whether there is nothing to complain about: help was asked for, or whoever read standard
    /// output has seen enough.
    pub(super) fn is_fine(&self) -> bool {
        match self {
            Self::Usage(usage) => !usage.use_stderr(),
            Self::Output(source) => source.kind() == io::ErrorKind::BrokenPipe,
            _ => false,
        }
    }
}

impl From<clap::Error> for CliError {
    fn from(error: clap::Error) -> Self {
        Self::Usage(error)
    }
}

/// The exit code of the program.
pub(super) fn exit_code(result: &Result<Outcome, CliError>) -> u8 {
    let class = match result {
        Ok(Outcome::Fine) => return 0,
        Ok(Outcome::Damaged) => ErrorClass::Corruption,
        Err(error) if error.is_fine() => return 0,
        Err(error) => error.class(),
    };
    match class {
        ErrorClass::Refused => 1,
        ErrorClass::Corruption => 2,
        ErrorClass::Io => 3,
    }
}

/// An error as it is printed, with everything that led to it.
#[derive(Debug, Serialize)]
pub(super) struct Failure {
    error: String,
    causes: Vec<String>,
    exit_code: u8,
}

impl Failure {
    pub(super) fn new(error: &CliError, exit_code: u8) -> Self {
        let chain = std::iter::successors(error.source(), |cause| (*cause).source());
        Self {
            error: error.to_string(),
            causes: chain.map(ToString::to_string).collect(),
            exit_code,
        }
    }
}

impl Answer for Failure {
    fn text(&self) -> String {
        let mut text = format!("error: {}", self.error);
        for cause in &self.causes {
            text += "\n  because: ";
            text += cause;
        }
        text
    }
}

/// What clap says, without the word it starts with.
fn usage_text(error: &clap::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use nodedb_wal::types::{Lsn, RecordKind};

    use super::*;
    use crate::cli::args::Cli;

    fn log_error(error: nodedb_wal::Error) -> Result<Outcome, CliError> {
        Err(error.into())
    }

    fn usage(line: &str) -> Result<Outcome, CliError> {
        match Cli::try_parse_from(line.split_whitespace()) {
            Ok(_) => Ok(Outcome::Fine),
            Err(error) => Err(error.into()),
        }
    }

    fn io_error() -> io::Error {
        io::Error::from(io::ErrorKind::NotFound)
    }

    #[test]
    fn each_class_of_error_has_its_exit_code() {
        let check = |result: Result<Outcome, CliError>, code: u8| {
            assert_eq!(exit_code(&result), code, "{result:?}");
        };
        check(Ok(Outcome::Fine), 0);
        check(Ok(Outcome::Damaged), 2);
        check(usage("nodedb-node --help"), 0);
        check(usage("nodedb-node --version"), 0);
        check(usage("nodedb-node verify"), 1);
        check(usage("nodedb-node no-such-command"), 1);
        check(Err(CliError::Refused("no".to_owned())), 1);
        check(Err(FormatError::new("f", 3, "no").into()), 1);
        check(Err(io_error().into()), 3);
        check(Err(io::Error::from(io::ErrorKind::BrokenPipe).into()), 0);
        check(log_error(nodedb_wal::Error::Closed), 1);
        let (path, lsn) = (PathBuf::from("d"), Lsn::FIRST);
        check(
            log_error(nodedb_wal::Error::Locked {
                directory: path.clone(),
            }),
            1,
        );
        let lsns = LsnRange {
            first: lsn,
            last: lsn,
        };
        let damaged = nodedb_wal::Error::Damaged {
            path: path.clone(),
            offset: 0,
            lsns,
        };
        check(log_error(damaged), 2);
        let source = io_error();
        check(
            log_error(nodedb_wal::Error::Io {
                operation: "open",
                path,
                source,
            }),
            3,
        );
        let sink = crate::Error::Sink {
            lsn,
            source: "full".into(),
        };
        check(Err(sink.into()), 1);
        check(
            Err(crate::Error::UndecodableControl {
                lsn,
                kind: RecordKind::CollectionTombstoned,
                source: None,
            }
            .into()),
            2,
        );
    }

    #[test]
    fn the_whole_chain_of_causes_is_printed() {
        let error = CliError::Log(nodedb_wal::Error::Io {
            operation: "open",
            path: PathBuf::from("d"),
            source: io_error(),
        });
        let failure = Failure::new(&error, 3);
        let lines: Vec<String> = failure.text().lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[0], "error: cannot open d");
        assert_eq!(failure.causes.len(), 1);
        let usage = usage("nodedb-node verify").unwrap_err();
        assert_eq!(Failure::new(&usage, 1).causes, Vec::<String>::new());
    }
}
