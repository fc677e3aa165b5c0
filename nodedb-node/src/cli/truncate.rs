//! `truncate`: drops whole segments of old records, up to the lowest hold or up to an LSN that no
//! hold needs.

use std::path::PathBuf;

use clap::Args;
use nodedb_wal::types::Lsn;
use nodedb_wal::{Error, Reader, Truncated};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::text;
use super::values::lsn;
use crate::{Node, NodeConfig, Truncation, WalManager};

#[derive(Debug, Args)]
pub(super) struct TruncateArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// Drop segments whose records are all before this LSN. Refused when a hold needs one of them.
    #[arg(long, value_name = "LSN", value_parser = lsn, required_unless_present = "to_holds")]
    before: Option<Lsn>,
    /// Drop the segments that no hold needs.
    #[arg(long, conflicts_with = "before")]
    to_holds: bool,
}

#[derive(Debug, Serialize)]
struct Outgone {
    wal: PathBuf,
    /// The LSN that was asked for.
    before: Option<u64>,
    /// The hold that keeps the rest.
    held_by: Option<String>,
    segments_dropped: usize,
    bytes_dropped: u64,
    start_lsn: u64,
    next_lsn: u64,
}

/// What went, who keeps the rest, and the LSN of the next record when it began.
type Went = (Truncated, Option<String>, Lsn);

pub(super) fn run(args: &TruncateArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    // Opening to write would make a directory that is not there.
    let start = Reader::open(&args.wal)?.start_lsn();
    let config = NodeConfig::new(&args.wal);
    let went = match args.before {
        None => to_holds(config)?,
        // A log that never had a catalog and lost its beginning can have none: it has no holds.
        Some(before) if start > Lsn::FIRST && !config.catalog_path().exists() => {
            without_catalog(config, before)?
        }
        Some(before) => up_to(config, before)?,
    };
    output.answer(&Outgone::new(args, went))?;
    Ok(Outcome::Fine)
}

fn to_holds(config: NodeConfig) -> Result<Went, CliError> {
    let node = Node::open(config)?;
    let next = node.wal().next_lsn();
    let done = node.truncate_to_holds();
    let closed = node.close();
    let done = done?;
    closed?;
    match done {
        Truncation::Done { truncated, held_by } => Ok((truncated, Some(held_by), next)),
        Truncation::Unknown { hold } => Err(CliError::Refused(format!(
            "nothing can go while the hold {hold} has not said what it needs"
        ))),
        Truncation::NoHold => Err(CliError::Refused(
            "there is no hold, so nobody has said that anything may go".to_owned(),
        )),
    }
}

fn up_to(config: NodeConfig, before: Lsn) -> Result<Went, CliError> {
    let node = Node::open(config)?;
    let next = node.wal().next_lsn();
    // A refusal is no reason to leave the log as after a crash.
    let truncated = node.truncate_before(before);
    let closed = node.close();
    let truncated = truncated?;
    closed?;
    Ok((truncated, None, next))
}

fn without_catalog(config: NodeConfig, before: Lsn) -> Result<Went, CliError> {
    let wal = WalManager::open(config)?;
    let next = wal.next_lsn();
    if before > next {
        return Err(Error::NotAppended { lsn: before, next }.into());
    }
    let truncated = wal.truncate_before(before)?;
    wal.close()?;
    Ok((truncated, None, next))
}

impl Outgone {
    fn new(args: &TruncateArgs, (truncated, held_by, next): Went) -> Self {
        Self {
            wal: args.wal.clone(),
            before: args.before.map(Lsn::value),
            held_by,
            segments_dropped: truncated.segments,
            bytes_dropped: truncated.bytes,
            start_lsn: truncated.start_lsn.value(),
            next_lsn: next.value(),
        }
    }
}

impl Answer for Outgone {
    fn text(&self) -> String {
        let held_by = self.held_by.clone();
        let held_by = held_by.map(|hold| ("the rest is held by", hold));
        let facts = [
            ("directory", self.wal.display().to_string()),
            ("segments dropped", self.segments_dropped.to_string()),
            ("bytes dropped", text::size(self.bytes_dropped)),
            ("oldest LSN", self.start_lsn.to_string()),
            ("next LSN", self.next_lsn.to_string()),
        ];
        text::facts(facts.into_iter().chain(held_by))
    }
}
