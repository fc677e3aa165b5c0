//! `holds`: who needs old records, and what that costs; and placing or dropping a hold by hand.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use nodedb_wal::Reader;
use nodedb_wal::types::Lsn;
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::look::look;
use super::text::{self, Column};
use super::values::lsn;
use crate::control::{Pin, pins};
use crate::{Node, NodeConfig};

#[derive(Debug, Args)]
pub(super) struct HoldsArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// How many bytes the log's files should take at most: says how far they are above it, and who
    /// keeps most.
    #[arg(long, value_name = "BYTES")]
    bytes_max: Option<u64>,
    #[command(subcommand)]
    change: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Place a hold, or move it: it needs this record and every later one.
    Set {
        name: String,
        #[arg(value_name = "LSN", value_parser = lsn)]
        needs: Lsn,
    },
    /// Place a hold that has not said yet what it needs: nothing goes until it does.
    Declare { name: String },
    /// Drop a hold.
    Release { name: String },
}

#[derive(Debug, Serialize)]
struct Listing {
    wal: PathBuf,
    start_lsn: u64,
    durable_lsn: u64,
    file_bytes: u64,
    /// How many there should be at most; nothing when nobody asked.
    bytes_max: Option<u64>,
    /// How many are above that.
    over_bytes: u64,
    holds: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    hold: String,
    /// Nothing while it has not said.
    needs_lsn: Option<u64>,
    since: String,
    pinned_bytes: u64,
    /// What would go if this hold did.
    pinned_alone_bytes: u64,
}

pub(super) fn run(args: &HoldsArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    if let Some(change) = &args.change {
        // Opening to write would make a directory that is not there.
        Reader::open(&args.wal)?;
        let node = Node::open(NodeConfig::new(&args.wal))?;
        carry_out(&node, change)?;
        node.close()?;
    }
    output.answer(&Listing::of(&args.wal, args.bytes_max)?)?;
    Ok(Outcome::Fine)
}

fn carry_out(node: &Node, change: &Change) -> Result<(), CliError> {
    match change {
        Change::Set { name, needs } => Ok(node.set_hold(name, *needs)?),
        Change::Declare { name } => Ok(node.declare_hold(name).map(drop)?),
        Change::Release { name } => match node.release_hold(name)? {
            true => Ok(()),
            false => Err(CliError::Refused(format!("there is no hold {name}"))),
        },
    }
}

impl Listing {
    fn of(directory: &Path, bytes_max: Option<u64>) -> Result<Self, CliError> {
        let (reader, catalog) = look(directory, None)?;
        let pins = pins(&catalog.holds()?, &reader.extents());
        let file_bytes = reader.total_size_bytes();
        Ok(Self {
            wal: directory.to_owned(),
            start_lsn: reader.start_lsn().value(),
            durable_lsn: reader.next_lsn().previous().value(),
            file_bytes,
            bytes_max,
            over_bytes: bytes_max.map_or(0, |max| file_bytes.saturating_sub(max)),
            holds: pins.into_iter().map(Row::new).collect(),
        })
    }
}

impl Row {
    fn new(pin: Pin) -> Self {
        Self {
            hold: pin.hold,
            needs_lsn: pin.needs.map(Lsn::value),
            since: text::time(pin.since),
            pinned_bytes: pin.bytes,
            pinned_alone_bytes: pin.alone_bytes,
        }
    }
}

impl Listing {
    /// How far the log is above what it should take, and who keeps most.
    fn over(&self) -> Option<(&'static str, String)> {
        self.bytes_max?;
        let over = text::size(self.over_bytes);
        // The one that keeps most comes first.
        let keeps = self.holds.first().filter(|_| self.over_bytes > 0);
        let text = match keeps {
            Some(row) => {
                let (hold, since) = (&row.hold, &row.since);
                let kept = text::size(row.pinned_bytes);
                format!("{over}: {hold} keeps {kept} since {since}")
            }
            None => over,
        };
        Some(("over the limit", text))
    }
}

impl Answer for Listing {
    fn text(&self) -> String {
        let facts = [
            ("directory", self.wal.display().to_string()),
            ("LSNs", format!("{}..={}", self.start_lsn, self.durable_lsn)),
            ("files", text::size(self.file_bytes)),
        ];
        let facts = text::facts(facts.into_iter().chain(self.over()));
        if self.holds.is_empty() {
            return format!("{facts}\n\n There is no hold: nobody has said that anything may go.");
        }
        let columns = [
            Column::Left("hold"),
            Column::Right("needs LSN"),
            Column::Right("keeps"),
            Column::Right("alone"),
            Column::Left("since"),
        ];
        let rows = self.holds.iter().map(|row| {
            let needs = row.needs_lsn.map(|lsn| lsn.to_string());
            [
                row.hold.clone(),
                needs.unwrap_or_else(|| "has not said".to_owned()),
                text::size(row.pinned_bytes),
                text::size(row.pinned_alone_bytes),
                row.since.clone(),
            ]
        });
        format!("{facts}\n\n{}", text::table(&columns, rows))
    }
}
