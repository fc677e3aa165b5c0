//! The command: files in, records out, a commit for every so many.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use indicatif::ProgressBar;
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{DatabaseId, Epoch, Scope, TenantId, VshardId};
use serde::Serialize;

use super::appender::{Appender, Marks, Opened};
use super::feed::{InputKind, Item, feed};
use super::{cores, input};
use crate::cli::answer::{Answer, Outcome, Output};
use crate::cli::error::CliError;
use crate::cli::progress;
use crate::cli::stats::LogStats;
use crate::cli::text::{self, Column};
use crate::cli::values::{calvin_epoch, database, tenant, vshard};
use crate::tenants::Budget;

#[derive(Debug, Args)]
pub(in crate::cli) struct IngestArgs {
    /// The log's directory; it is made if it is not there.
    #[arg(long, value_name = "DIR")]
    pub(super) wal: PathBuf,
    /// What the files hold.
    #[arg(long, value_enum)]
    kind: InputKind,
    /// The tenant the records belong to.
    #[arg(long, value_parser = tenant)]
    tenant: TenantId,
    /// The tenant's database.
    #[arg(long, value_parser = database)]
    database: DatabaseId,
    /// The vshard.
    #[arg(long, value_parser = vshard)]
    vshard: VshardId,
    /// The collection.
    #[arg(long)]
    collection: String,
    /// Commit after this many records.
    #[arg(long, value_name = "N", default_value = "1024",
          value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    pub(super) batch: u64,
    /// Assign surrogates to the keys of rows and vectors, before these are committed.
    #[arg(long, conflicts_with = "cores")]
    surrogates: bool,
    /// Apply each batch as a Calvin transaction of this epoch, from position 0 on, and seal the
    /// epoch at the end.
    #[arg(long, value_name = "EPOCH", value_parser = calvin_epoch, conflicts_with = "cores")]
    calvin: Option<Epoch>,
    /// Into one log per core, for this many cores: records are dealt out by turns, and every core
    /// commits its own.
    #[arg(long, value_name = "N",
          value_parser = RangedU64ValueParser::<u32>::new().range(1..=4_096))]
    cores: Option<u32>,
    /// Append no more than so many bytes a second, headers included: waits where the tenant would be
    /// over that.
    #[arg(long, value_name = "BYTES", conflicts_with = "cores",
          value_parser = RangedU64ValueParser::<u64>::new().range(1..))]
    bytes_per_second: Option<u64>,
    /// Append no more once the log holds so many bytes of the tenant, headers included; only
    /// truncation makes room.
    #[arg(long, value_name = "BYTES", conflicts_with = "cores")]
    retained_max: Option<u64>,
    /// Print what the log says of its work too: writes, waits, stalls. JSON has it anyway.
    #[arg(long)]
    stats: bool,
    /// Files, plain or gzip; `-` is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<String>,
}

impl IngestArgs {
    /// Whose records they are.
    pub(super) fn scope(&self) -> Scope {
        Scope::new(self.tenant, self.database, self.vshard)
    }
}

#[derive(Debug, Serialize)]
struct Ingestion {
    wal: PathBuf,
    first_lsn: Option<u64>,
    last_lsn: Option<u64>,
    durable_lsn: u64,
    records: u64,
    payload_bytes: u64,
    commits: u64,
    surrogates: u64,
    seconds: f64,
    records_per_second: f64,
    bytes_per_second: f64,
    files: Vec<FileCount>,
    log: LogStats,
    /// Whether the text shows `log`.
    #[serde(skip)]
    shows_log: bool,
}

/// What came of one file.
#[derive(Debug, Default, Serialize)]
pub(super) struct FileCount {
    file: String,
    records: u64,
    /// Rows, lines, vectors or transactions in those records.
    rows: u64,
    /// Rows that become no record, such as reads of a block I/O trace.
    rows_passed_over: u64,
    payload_bytes: u64,
}

pub(in crate::cli) fn run(args: &IngestArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    if let Some(cores) = args.cores {
        return cores::run(args, cores, output);
    }
    let started = Instant::now();
    // A file that cannot be read should not leave a new log behind.
    input::check(&args.files)?;
    let needs_node = args.surrogates || args.calvin.is_some();
    let opened = Opened::open(&args.wal, needs_node, args.budget())?;
    let bar = progress::bytes(input::total_bytes(&args.files), "reading");
    let mut appender = Appender::new(&opened, args.scope(), args.marks(), args.batch);
    let files = args
        .files
        .iter()
        .map(|file| ingest_file(&mut |payload| appender.append(payload), args, file, &bar))
        .collect::<Result<Vec<_>, _>>();
    // What was read before a mistake in the input stays, so it is made durable either way.
    appender.finish(files.is_ok())?;
    bar.finish_and_clear();
    let ingested = files
        .map_err(|error| appender.stopped(error))
        .map(|files| Ingestion::new(args, &appender, files, started.elapsed()));
    opened.close()?;
    output.answer(&ingested?)?;
    Ok(Outcome::Fine)
}

/// Feeds a file's records to `append`, which says how many bytes each took.
pub(super) fn ingest_file(
    append: &mut dyn FnMut(&AnyPayload) -> Result<u64, CliError>,
    args: &IngestArgs,
    file: &str,
    bar: &ProgressBar,
) -> Result<FileCount, CliError> {
    let mut count = FileCount {
        file: file.to_owned(),
        ..FileCount::default()
    };
    let input = input::open(file, bar)?;
    feed(args.kind, input, &args.collection, &mut |item: Item| {
        match &item.payload {
            Some(payload) => {
                count.payload_bytes += append(payload)?;
                count.records += 1;
                count.rows += item.rows;
            }
            None => count.rows_passed_over += item.rows,
        }
        Ok::<(), CliError>(())
    })?;
    Ok(count)
}

impl IngestArgs {
    /// What the tenant may, if that is limited.
    fn budget(&self) -> Option<(TenantId, Budget)> {
        let budget = Budget {
            bytes_per_second: self.bytes_per_second,
            retained_bytes: self.retained_max,
            ..Budget::default()
        };
        (budget != Budget::default()).then_some((self.tenant, budget))
    }

    fn marks(&self) -> Marks<'_> {
        Marks {
            collection: &self.collection,
            surrogates: self.surrogates,
            calvin: self.calvin,
        }
    }
}

impl Ingestion {
    fn new(
        args: &IngestArgs,
        appender: &Appender<'_>,
        files: Vec<FileCount>,
        duration: Duration,
    ) -> Self {
        let records = files.iter().map(|file| file.records).sum();
        Self {
            wal: args.wal.clone(),
            first_lsn: appender.lsns.map(|lsns| lsns.first.value()),
            last_lsn: appender.lsns.map(|lsns| lsns.last.value()),
            durable_lsn: appender.wal().durable_lsn().value(),
            records,
            payload_bytes: appender.payload_bytes,
            commits: appender.commits,
            surrogates: appender.surrogates,
            seconds: duration.as_secs_f64(),
            records_per_second: text::per_second(records, duration),
            bytes_per_second: text::per_second(appender.payload_bytes, duration),
            files,
            log: LogStats::new(&appender.wal().stats()),
            shows_log: args.stats,
        }
    }
}

impl Answer for Ingestion {
    fn text(&self) -> String {
        use Column::{Left, Right};
        let files = text::table(
            &[
                Left("file"),
                Right("records"),
                Right("rows"),
                Right("passed over"),
                Right("payload"),
            ],
            self.files.iter().map(|file| {
                [
                    file.file.clone(),
                    text::count(file.records),
                    text::count(file.rows),
                    text::count(file.rows_passed_over),
                    text::size(file.payload_bytes),
                ]
            }),
        );
        let lsns = match (self.first_lsn, self.last_lsn) {
            (Some(first), Some(last)) => format!("{first}..={last}"),
            _ => "none".to_owned(),
        };
        let surrogates =
            (self.surrogates > 0).then(|| ("surrogates", text::count(self.surrogates)));
        let facts = [
            ("directory", self.wal.display().to_string()),
            ("LSNs", lsns),
            ("records", text::count(self.records)),
            ("payload", text::size(self.payload_bytes)),
            ("commits", text::count(self.commits)),
            ("time", format!("{:.3} s", self.seconds)),
            (
                "rate",
                format!(
                    "{:.0} records/s, {:.1} MiB/s",
                    self.records_per_second,
                    self.bytes_per_second / 1_048_576.0
                ),
            ),
        ];
        let facts = text::facts(facts.into_iter().chain(surrogates));
        let log = self.shows_log.then(|| self.log.text());
        let parts = [Some(facts), Some(files), log];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }
}
