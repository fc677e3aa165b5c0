//! The same files into one log per core: each writer on a thread of its own takes its share of the
//! records, and a consistent cut ends it.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};
use std::time::Instant;

use nodedb_wal::Config;
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::percore::{CoreLogs, CoreWriter, CoresConfig, Cut};
use nodedb_wal::types::{CollectionTag, Record, RecordKind, Scope};
use serde::Serialize;

use super::command::{FileCount, IngestArgs, ingest_file};
use super::input;
use crate::cli::answer::{Answer, Outcome, Output};
use crate::cli::error::CliError;
use crate::cli::progress;
use crate::cli::text::{self, Column};

/// Records that may wait for a writer.
const WAITING_MAX: usize = 1_024;

/// A record on its way to a writer.
struct Sent {
    kind: RecordKind,
    tag: CollectionTag,
    payload: Vec<u8>,
}

/// What became of it.
#[derive(Debug, Serialize)]
struct CoresIngestion {
    wal: PathBuf,
    epoch: u64,
    records: u64,
    payload_bytes: u64,
    seconds: f64,
    records_per_second: f64,
    bytes_per_second: f64,
    cores: Vec<CoreCount>,
    files: Vec<FileCount>,
}

#[derive(Debug, Serialize)]
struct CoreCount {
    core: u32,
    records: u64,
    /// The core's last record of the cut that ended it.
    position: u64,
}

pub(super) fn run(
    args: &IngestArgs,
    cores: u32,
    output: &mut Output<'_>,
) -> Result<Outcome, CliError> {
    let started = Instant::now();
    input::check(&args.files)?;
    let config = CoresConfig::new(Config::new(&args.wal), cores);
    let (mut logs, mut writers) = CoreLogs::open(config)?;
    let bar = progress::bytes(input::total_bytes(&args.files), "reading");
    let mut payload_bytes = 0;
    let (files, counts) = thread::scope(|scope| {
        let (senders, threads): (Vec<_>, Vec<_>) = writers
            .iter_mut()
            .map(|writer| begin(scope, writer, args))
            .unzip();
        let mut turns = senders.iter().cycle();
        let mut append = |payload: &AnyPayload| {
            let bytes = send(payload, turns.next())?;
            payload_bytes += bytes;
            Ok(bytes)
        };
        let files: Result<Vec<FileCount>, CliError> = args
            .files
            .iter()
            .map(|file| ingest_file(&mut append, args, file, &bar))
            .collect();
        drop(senders);
        let counts: Result<Vec<u64>, CliError> = threads.into_iter().map(join).collect();
        (files, counts)
    });
    bar.finish_and_clear();
    // A writer's own error tells more than that nobody took its records.
    let counts = counts?;
    let files = files?;
    let cut = logs.checkpoint(&mut writers, &[])?;
    logs.close(writers)?;
    let duration = started.elapsed();
    let records = counts.iter().sum();
    output.answer(&CoresIngestion {
        wal: args.wal.clone(),
        epoch: cut.epoch.value(),
        records,
        payload_bytes,
        seconds: duration.as_secs_f64(),
        records_per_second: text::per_second(records, duration),
        bytes_per_second: text::per_second(payload_bytes, duration),
        cores: core_counts(&counts, &cut),
        files,
    })?;
    Ok(Outcome::Fine)
}

type Begun<'scope> = (
    SyncSender<Sent>,
    ScopedJoinHandle<'scope, Result<u64, CliError>>,
);

fn begin<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    writer: &'scope mut CoreWriter,
    args: &IngestArgs,
) -> Begun<'scope> {
    let (sender, sent) = sync_channel(WAITING_MAX);
    let (whose, batch) = (args.scope(), args.batch);
    let thread = scope.spawn(move || take(writer, &sent, whose, batch));
    (sender, thread)
}

/// Appends what comes and syncs it batch by batch; how many records that were.
fn take(
    writer: &mut CoreWriter,
    sent: &Receiver<Sent>,
    scope: Scope,
    batch: u64,
) -> Result<u64, CliError> {
    let mut records = 0_u64;
    while let Ok(Sent { kind, tag, payload }) = sent.recv() {
        writer.append(&Record::typed(kind, scope, tag, &payload))?;
        records += 1;
        if records.is_multiple_of(batch) {
            writer.sync()?;
        }
    }
    writer.sync()?;
    Ok(records)
}

/// Sends a record on its way; how many bytes its payload takes.
fn send(payload: &AnyPayload, writer: Option<&SyncSender<Sent>>) -> Result<u64, CliError> {
    let mut bytes = Vec::new();
    payload.encode(&mut bytes).map_err(crate::Error::from)?;
    let len = bytes.len() as u64;
    let tag = payload.collection();
    let sent = writer.map(|writer| {
        writer.send(Sent {
            kind: payload.kind(),
            tag: tag.map_or(CollectionTag::NONE, CollectionTag::of),
            payload: bytes,
        })
    });
    match sent {
        Some(Ok(())) => Ok(len),
        _ => Err(CliError::Refused(
            "a core's writer has stopped taking records".to_owned(),
        )),
    }
}

fn join(thread: ScopedJoinHandle<'_, Result<u64, CliError>>) -> Result<u64, CliError> {
    match thread.join() {
        Ok(records) => records,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

fn core_counts(counts: &[u64], cut: &Cut) -> Vec<CoreCount> {
    let count = |core: u32| usize::try_from(core).ok().and_then(|at| counts.get(at));
    let cores = cut.positions.iter().map(|&(core, position)| CoreCount {
        core,
        records: count(core).copied().unwrap_or_default(),
        position: position.value(),
    });
    cores.collect()
}

impl Answer for CoresIngestion {
    fn text(&self) -> String {
        use Column::Right;
        let cores = text::table(
            &[Right("core"), Right("records"), Right("position")],
            self.cores.iter().map(|core| {
                [
                    core.core.to_string(),
                    text::count(core.records),
                    core.position.to_string(),
                ]
            }),
        );
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("epoch", self.epoch.to_string()),
            ("records", text::count(self.records)),
            ("payload", text::size(self.payload_bytes)),
            ("took", format!("{:.3} s", self.seconds)),
            (
                "records per second",
                format!("{:.0}", self.records_per_second),
            ),
        ]);
        format!("{facts}\n\n{cores}")
    }
}
