//! `audit`: the control records there ever were, one a line. `audit verify`: whether they are what
//! was written.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, Timestamp};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::audit_verify::{self, AuditVerifyArgs};
use super::error::CliError;
use super::place::{Look, Place};
use super::text;
use super::values::{database, kind, lsn, tenant, time};
use crate::audit::{AuditFilter, AuditTrail};
use crate::control::AuditEntry;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(super) struct AuditArgs {
    #[command(subcommand)]
    what: Option<AuditCommand>,
    #[command(flatten)]
    list: ListArgs,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Check the trail: its chain, the log against the catalog, and the seals.
    Verify(AuditVerifyArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    /// The log's directory. A subcommand has its own.
    #[arg(long, value_name = "DIR", required = true)]
    wal: Option<PathBuf>,
    /// The catalog, if it is not `catalog.redb` in the log's directory.
    #[arg(long, value_name = "FILE")]
    catalog: Option<PathBuf>,
    /// Only entries behind this record: the `next` of an earlier call.
    #[arg(long, value_name = "LSN", value_parser = lsn)]
    after: Option<Lsn>,
    /// Stop after this many entries.
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Only entries of this kind; may be given several times.
    #[arg(long = "kind", value_name = "KIND", value_parser = kind)]
    kinds: Vec<RecordKind>,
    /// Only entries of this tenant.
    #[arg(long, value_parser = tenant)]
    tenant: Option<TenantId>,
    /// Only entries of databases of this id.
    #[arg(long, value_parser = database)]
    database: Option<DatabaseId>,
    /// Only entries that name this collection.
    #[arg(long)]
    collection: Option<String>,
    /// Only entries written then or later.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<Timestamp>,
    /// Only entries written then or earlier.
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
}

/// One entry, as it is printed.
#[derive(Debug, Serialize)]
struct Line {
    lsn: u64,
    timestamp: String,
    kind: String,
    tenant: u64,
    database: u64,
    vshard: u32,
    epoch: u64,
    collection: Option<String>,
    /// The payload in words.
    says: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    purge: Option<PurgeLine>,
    payload_hex: String,
    number: Option<u64>,
    digest: Option<String>,
}

#[derive(Debug, Serialize)]
struct PurgeLine {
    engine: String,
    cutoff: String,
    purged: u64,
}

/// The last line.
#[derive(Debug, Serialize)]
struct End {
    /// What to give `--after` next time.
    next: u64,
    entries: u64,
    /// Entries of older records are not shown.
    start_lsn: u64,
    catalog: &'static str,
    bytes_read: u64,
    log_bytes: u64,
}

pub(super) fn run(args: &AuditArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    match &args.what {
        Some(AuditCommand::Verify(args)) => audit_verify::run(args, output),
        None => list(&args.list, output),
    }
}

fn list(args: &ListArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let look = args.place().open()?;
    let after = args.after.unwrap_or(Lsn::ZERO);
    let mut trail = AuditTrail::open(look.catalog.as_ref(), &look.reader, args.filter(), after)?;
    let limit = args.limit.unwrap_or(u64::MAX);
    let (mut entries, mut next) = (0, after);
    let mut is_cut = limit == 0;
    while !is_cut && let Some(entry) = trail.next()? {
        next = entry.record.header.lsn;
        output.line(&Line::new(&entry))?;
        entries += 1;
        is_cut = entries == limit;
    }
    if !is_cut {
        next = next.max(trail.last());
    }
    output.line(&End::new(&look, &trail, entries, next))?;
    Ok(Outcome::Fine)
}

impl ListArgs {
    fn place(&self) -> Place {
        Place {
            wal: self.wal.clone().unwrap_or_default(),
            catalog: self.catalog.clone(),
        }
    }

    fn filter(&self) -> AuditFilter {
        AuditFilter {
            tenant: self.tenant,
            database: self.database,
            collection: self.collection.clone(),
            kinds: self.kinds.clone(),
            times: self.times(),
        }
    }

    fn times(&self) -> Option<RangeInclusive<Timestamp>> {
        (self.from.is_some() || self.until.is_some()).then(|| {
            let from = self.from.unwrap_or(Timestamp::MIN);
            from..=self.until.unwrap_or(Timestamp::MAX)
        })
    }
}

impl Line {
    fn new(entry: &AuditEntry) -> Self {
        let (header, payload) = (&entry.record.header, &entry.record.payload);
        let link = entry.link.as_ref();
        Self {
            lsn: header.lsn.value(),
            timestamp: text::time(header.timestamp),
            kind: header.kind.to_string(),
            tenant: header.scope.tenant.value(),
            database: header.scope.database.value(),
            vshard: header.scope.vshard.value(),
            epoch: header.epoch.value(),
            collection: payload.collection().map(str::to_owned),
            says: payload.to_string(),
            purge: PurgeLine::of(payload),
            payload_hex: text::hex(&entry.record.stored),
            number: link.map(|link| link.number),
            digest: link.map(|link| link.digest.to_string()),
        }
    }
}

impl PurgeLine {
    fn of(payload: &AnyPayload) -> Option<Self> {
        let AnyPayload::TemporalPurge(purge) = payload else {
            return None;
        };
        Some(Self {
            engine: purge.engine.clone(),
            cutoff: text::time(purge.cutoff),
            purged: purge.purged,
        })
    }
}

impl Answer for Line {
    fn text(&self) -> String {
        let scope = format!("{}/{}/{}", self.tenant, self.database, self.vshard);
        // The payload in words begins with the kind.
        format!(
            "{:>10}  {:<30}  {scope:<11} {}",
            self.lsn, self.timestamp, self.says
        )
    }
}

impl End {
    fn new(look: &Look, trail: &AuditTrail<'_>, entries: u64, next: Lsn) -> Self {
        Self {
            next: next.value(),
            entries,
            start_lsn: trail.start().value(),
            catalog: look.catalog_is,
            bytes_read: look.bytes_read(trail.bytes_read()),
            log_bytes: look.reader.total_size_bytes(),
        }
    }
}

impl Answer for End {
    fn text(&self) -> String {
        format!(
            "{} entries since LSN {}, catalog {}, read {} of {} of the log; go on with --after {}",
            text::count(self.entries),
            self.start_lsn,
            self.catalog,
            text::size(self.bytes_read),
            text::size(self.log_bytes),
            self.next,
        )
    }
}
