//! `consumers`: who reads the log, how far each has come and how far it is behind; and adding or
//! dropping one by hand.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use nodedb_wal::Reader;
use nodedb_wal::payload::WhenOver;
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, VshardId};

use super::answer::{Outcome, Output};
use super::consumer_rows::Listing;
use super::error::CliError;
use super::look::look;
use super::values::{database, kind, lsn, tenant, vshard};
use crate::consumers::{ConsumerFilter, ConsumerSpec, LagLimit, StartAt};
use crate::{Node, NodeConfig};

#[derive(Debug, Args)]
pub(super) struct ConsumersArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the consumers and how far each has come. So does naming no action.
    List,
    /// Show how far each is behind, and what it may be.
    Lag,
    /// Add a consumer: what it has not acknowledged is held from then on.
    Add(AddArgs),
    /// Drop a consumer: what only it needed may go.
    Drop { name: String },
}

#[derive(Debug, Args)]
struct AddArgs {
    name: String,
    /// Start with this record; with the oldest one unless said otherwise.
    #[arg(long, value_name = "LSN", value_parser = lsn, conflicts_with = "next")]
    from: Option<Lsn>,
    /// Start with the next record that is appended.
    #[arg(long)]
    next: bool,
    /// Divide its records by vshard into so many partitions.
    #[arg(long, value_name = "N", default_value_t = 1)]
    partitions: u32,
    /// Only records of this kind; may be given several times.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: Vec<RecordKind>,
    /// Only records of this tenant.
    #[arg(long, value_name = "ID", value_parser = tenant)]
    tenant: Option<TenantId>,
    /// Only records of this database.
    #[arg(long, value_name = "ID", value_parser = database)]
    database: Option<DatabaseId>,
    /// Only records of this vshard.
    #[arg(long, value_name = "ID", value_parser = vshard)]
    vshard: Option<VshardId>,
    /// Only records of this collection.
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
    /// It may be so many records behind.
    #[arg(long, value_name = "N")]
    records_max: Option<u64>,
    /// It may be so many bytes of log behind.
    #[arg(long, value_name = "BYTES")]
    bytes_max: Option<u64>,
    /// It may be so many seconds behind.
    #[arg(long, value_name = "SECONDS")]
    seconds_max: Option<u64>,
    /// Drop it when it is further behind, instead of reporting it.
    #[arg(long)]
    drop_when_over: bool,
}

pub(super) fn run(args: &ConsumersArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let with_lag = match &args.action {
        None | Some(Action::List) => false,
        Some(Action::Lag) => true,
        Some(Action::Add(add)) => {
            change(&args.wal, |node| {
                Ok(node.add_consumer(&add.spec()).map(drop)?)
            })?;
            false
        }
        Some(Action::Drop { name }) => {
            change(&args.wal, |node| match node.drop_consumer(name)? {
                true => Ok(()),
                false => Err(CliError::Refused(format!("there is no consumer {name}"))),
            })?;
            false
        }
    };
    let (reader, catalog) = look(&args.wal, None)?;
    let state = catalog.control_state()?;
    output.answer(&Listing::of(&args.wal, &reader, &state, with_lag)?)?;
    Ok(Outcome::Fine)
}

/// Opens the node that is there, and closes it after the change, refused or not.
fn change(
    wal: &Path,
    carry_out: impl FnOnce(&Node) -> Result<(), CliError>,
) -> Result<(), CliError> {
    // Opening to write would make a directory that is not there.
    Reader::open(wal)?;
    let node = Node::open(NodeConfig::new(wal))?;
    let changed = carry_out(&node);
    let closed = node.close();
    changed?;
    Ok(closed?)
}

impl AddArgs {
    fn spec(&self) -> ConsumerSpec {
        ConsumerSpec {
            name: self.name.clone(),
            start: match (self.from, self.next) {
                (Some(lsn), _) => StartAt::Lsn(lsn),
                (None, true) => StartAt::Next,
                (None, false) => StartAt::Oldest,
            },
            partitions: self.partitions,
            filter: ConsumerFilter {
                kinds: self.kind.clone(),
                tenant: self.tenant,
                database: self.database,
                vshard: self.vshard,
                collection: self.collection.clone(),
            },
            limit: LagLimit {
                records: self.records_max,
                bytes: self.bytes_max,
                seconds: self.seconds_max,
                when_over: match self.drop_when_over {
                    true => WhenOver::Drop,
                    false => WhenOver::Report,
                },
            },
        }
    }
}
