//! `checkpoint`: how far each engine's own files reach; and saying so for one by hand.

use std::path::{Path, PathBuf};

use clap::Args;
use nodedb_wal::Reader;
use nodedb_wal::types::Lsn;
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::look::look;
use super::text::{self, Column};
use super::values::lsn;
use crate::{Node, NodeConfig};

#[derive(Debug, Args)]
pub(super) struct CheckpointArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// The engine that has everything up to --lsn in its own durable files. Without it, the
    /// checkpoints there are.
    #[arg(long, value_name = "NAME", requires = "lsn")]
    engine: Option<String>,
    /// The last record the engine no longer needs.
    #[arg(long, value_name = "LSN", value_parser = lsn, requires = "engine")]
    lsn: Option<Lsn>,
}

#[derive(Debug, Serialize)]
struct Checkpoints {
    wal: PathBuf,
    durable_lsn: u64,
    checkpoints: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    engine: String,
    lsn: u64,
    /// Records behind it: what replay for the engine goes over.
    behind: u64,
}

pub(super) fn run(args: &CheckpointArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    if let (Some(engine), Some(lsn)) = (&args.engine, args.lsn) {
        // Opening to write would make a directory that is not there.
        Reader::open(&args.wal)?;
        let node = Node::open(NodeConfig::new(&args.wal))?;
        node.checkpoint(engine, lsn)?;
        node.close()?;
    }
    output.answer(&Checkpoints::of(&args.wal)?)?;
    Ok(Outcome::Fine)
}

impl Checkpoints {
    fn of(directory: &Path) -> Result<Self, CliError> {
        let (reader, catalog) = look(directory, None)?;
        let durable_lsn = reader.next_lsn().previous().value();
        let rows = catalog.checkpoints()?.into_iter().map(|(engine, lsn)| Row {
            engine,
            lsn: lsn.value(),
            behind: durable_lsn.saturating_sub(lsn.value()),
        });
        Ok(Self {
            wal: directory.to_owned(),
            durable_lsn,
            checkpoints: rows.collect(),
        })
    }
}

impl Answer for Checkpoints {
    fn text(&self) -> String {
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("durable LSN", self.durable_lsn.to_string()),
        ]);
        if self.checkpoints.is_empty() {
            return format!("{facts}\n\n No engine has made a checkpoint.");
        }
        let columns = [
            Column::Left("engine"),
            Column::Right("up to LSN"),
            Column::Right("records behind it"),
        ];
        let rows = self.checkpoints.iter().map(|row| {
            [
                row.engine.clone(),
                row.lsn.to_string(),
                text::count(row.behind),
            ]
        });
        format!("{facts}\n\n{}", text::table(&columns, rows))
    }
}
