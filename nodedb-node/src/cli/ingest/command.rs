//! The command: files in, records out, a commit for every so many.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use indicatif::ProgressBar;
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{CollectionTag, DatabaseId, LsnRange, Record, Scope, TenantId, VshardId};
use serde::Serialize;

use super::feed::{InputKind, Item, feed};
use super::{cores, input};
use crate::cli::answer::{Answer, Outcome, Output};
use crate::cli::args::{database, tenant, vshard};
use crate::cli::error::CliError;
use crate::cli::progress;
use crate::cli::stats::LogStats;
use crate::cli::text::{self, Column};
use crate::{NodeConfig, WalManager};

/// Payload bytes after which a batch is committed, however few records it has.
const BATCH_BYTES: u64 = 8 << 20;

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
    /// Into one log per core, for this many cores: records are dealt out by turns, and every core
    /// commits its own.
    #[arg(long, value_name = "N",
          value_parser = RangedU64ValueParser::<u32>::new().range(1..=4_096))]
    cores: Option<u32>,
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
    let wal = WalManager::open(NodeConfig::new(&args.wal))?;
    let bar = progress::bytes(input::total_bytes(&args.files), "reading");
    let mut appender = Appender::new(&wal, args);
    let files = args
        .files
        .iter()
        .map(|file| ingest_file(&mut |payload| appender.append(payload), args, file, &bar))
        .collect::<Result<Vec<_>, _>>();
    // What was read before a mistake in the input stays, so it is made durable either way.
    appender.commit()?;
    bar.finish_and_clear();
    let ingested = files
        .map_err(|error| appender.stopped(error))
        .map(|files| Ingestion::new(args, &appender, files, started.elapsed()));
    wal.close()?;
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

/// Appends records and commits them batch by batch.
struct Appender<'w> {
    wal: &'w WalManager,
    scope: Scope,
    batch_records: u64,
    buffer: Vec<u8>,
    lsns: Option<LsnRange>,
    payload_bytes: u64,
    commits: u64,
    pending_records: u64,
    pending_bytes: u64,
}

impl<'w> Appender<'w> {
    fn new(wal: &'w WalManager, args: &IngestArgs) -> Self {
        Self {
            wal,
            scope: args.scope(),
            batch_records: args.batch,
            buffer: Vec::new(),
            lsns: None,
            payload_bytes: 0,
            commits: 0,
            pending_records: 0,
            pending_bytes: 0,
        }
    }

    /// Appends a record; how many bytes its payload takes.
    fn append(&mut self, payload: &AnyPayload) -> Result<u64, CliError> {
        self.buffer.clear();
        payload
            .encode(&mut self.buffer)
            .map_err(crate::Error::from)?;
        let tag = payload
            .collection()
            .map_or(CollectionTag::NONE, CollectionTag::of);
        let record = Record::typed(payload.kind(), self.scope, tag, &self.buffer);
        let lsn = self.wal.append_record(&record)?;
        let first = self.lsns.map_or(lsn, |lsns| lsns.first);
        self.lsns = Some(LsnRange { first, last: lsn });
        let bytes = self.buffer.len() as u64;
        self.payload_bytes += bytes;
        self.pending_records += 1;
        self.pending_bytes += bytes;
        if self.pending_records >= self.batch_records || self.pending_bytes >= BATCH_BYTES {
            self.commit()?;
        }
        Ok(bytes)
    }

    fn commit(&mut self) -> Result<(), CliError> {
        if let Some(lsns) = self.lsns.filter(|_| self.pending_records > 0) {
            self.wal.commit(lsns.last)?;
            self.commits += 1;
            self.pending_records = 0;
            self.pending_bytes = 0;
        }
        Ok(())
    }

    /// The error, with what was appended before it.
    fn stopped(&self, error: CliError) -> CliError {
        match (error, self.lsns) {
            (CliError::Format(source), Some(appended)) => {
                CliError::StoppedIngest { appended, source }
            }
            (error, _) => error,
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
            durable_lsn: appender.wal.durable_lsn().value(),
            records,
            payload_bytes: appender.payload_bytes,
            commits: appender.commits,
            seconds: duration.as_secs_f64(),
            records_per_second: text::per_second(records, duration),
            bytes_per_second: text::per_second(appender.payload_bytes, duration),
            files,
            log: LogStats::new(&appender.wal.stats()),
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
        let facts = text::facts([
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
        ]);
        let log = self.shows_log.then(|| self.log.text());
        let parts = [Some(facts), Some(files), log];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }
}
