//! `truncate`: drops whole segments of old records.

use std::path::PathBuf;

use clap::Args;
use nodedb_wal::types::Lsn;
use nodedb_wal::{Error, Reader, Truncated};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::args::lsn;
use super::error::CliError;
use super::text;
use crate::{NodeConfig, WalManager};

#[derive(Debug, Args)]
pub(super) struct TruncateArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// Drop segments whose records are all before this LSN.
    #[arg(long, value_name = "LSN", value_parser = lsn)]
    before: Lsn,
}

#[derive(Debug, Serialize)]
struct Truncation {
    wal: PathBuf,
    before: u64,
    segments_dropped: usize,
    bytes_dropped: u64,
    start_lsn: u64,
    next_lsn: u64,
}

pub(super) fn run(args: &TruncateArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    // Opening to write would make a directory that is not there.
    Reader::open(&args.wal)?;
    let wal = WalManager::open(NodeConfig::new(&args.wal))?;
    let next = wal.next_lsn();
    if args.before > next {
        let lsn = args.before;
        return Err(Error::NotAppended { lsn, next }.into());
    }
    let truncated = wal.truncate_before(args.before)?;
    wal.close()?;
    output.answer(&Truncation::new(args, next, &truncated))?;
    Ok(Outcome::Fine)
}

impl Truncation {
    fn new(args: &TruncateArgs, next: Lsn, truncated: &Truncated) -> Self {
        Self {
            wal: args.wal.clone(),
            before: args.before.value(),
            segments_dropped: truncated.segments,
            bytes_dropped: truncated.bytes,
            start_lsn: truncated.start_lsn.value(),
            next_lsn: next.value(),
        }
    }
}

impl Answer for Truncation {
    fn text(&self) -> String {
        text::facts([
            ("directory", self.wal.display().to_string()),
            ("segments dropped", self.segments_dropped.to_string()),
            ("bytes dropped", text::size(self.bytes_dropped)),
            ("oldest LSN", self.start_lsn.to_string()),
            ("next LSN", self.next_lsn.to_string()),
        ])
    }
}
