//! The writer: opens the log, appends from many threads, and tells its parent what it means to do
//! and what is durable. It goes on until it is killed, or until nobody listens.

use std::io::{self, Write};

use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{Lsn, LsnRange};
use parking_lot::Mutex;

use super::WorkerArgs;
use super::args::Io;
use super::services;
use super::wire::Message;
use super::workload::{Operation, OperationId, Planned};
use crate::cli::answer::Outcome;
use crate::cli::error::CliError;
use crate::cli::text;
use crate::{Batch, NodeConfig, Result, WalManager};

/// Segments of a demo: small, so that a short round fills several.
const SEGMENT_BYTES: u64 = 4 << 20;

/// A tombstone purges up to this many records before the one that would come next.
const PURGE_DISTANCE: u64 = 16;

/// The settings of a demo's log, the writer's and the parent's.
pub(super) fn config(directory: &std::path::Path, io: Io) -> NodeConfig {
    NodeConfig::new(directory).with_log(|log| log.segment_bytes(SEGMENT_BYTES).io_mode(io.mode()))
}

/// Writes until it is killed.
pub(in crate::cli) fn work(args: &WorkerArgs) -> std::result::Result<Outcome, CliError> {
    let wal = WalManager::open(config(&args.dir, args.io))?;
    let parent = Parent {
        pipe: Mutex::new(io::stdout()),
    };
    parent.tell(&Message::Ready.line())?;
    let ended = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.threads)
            .map(|thread| {
                let (wal, parent) = (&wal, &parent);
                let first = OperationId {
                    seed: args.seed,
                    round: args.round,
                    thread,
                    sequence: 0,
                };
                scope.spawn(move || Writer::new(wal, parent).run(first))
            })
            .collect();
        let services = scope.spawn(|| {
            let served = services::serve(&args.dir, args.io, |served| {
                Ok(parent.tell(&Message::Served(served).line())?)
            });
            // The others go on: the parent takes a line it does not understand for a problem.
            if let Err(error) = &served {
                parent.tell(&format!("the services failed: {}\n", text::chain(error)))?;
            }
            served
        });
        let threads = threads.into_iter().chain([services]);
        let ends = threads.map(std::thread::ScopedJoinHandle::join);
        ends.filter_map(std::result::Result::ok).collect::<Vec<_>>()
    });
    match ended.into_iter().find_map(std::result::Result::err) {
        // The parent is gone: there is nobody to write for.
        Some(error) if error.is_fine() => Ok(Outcome::Fine),
        Some(error) => Err(error),
        None => Err(CliError::Refused("a writing thread panicked".to_owned())),
    }
}

/// The pipe to the parent. A line is written whole, so that only the last one can be cut.
struct Parent {
    pipe: Mutex<io::Stdout>,
}

impl Parent {
    fn tell(&self, lines: &str) -> io::Result<()> {
        let mut pipe = self.pipe.lock();
        pipe.write_all(lines.as_bytes())?;
        pipe.flush()
    }
}

/// One writing thread.
struct Writer<'w> {
    wal: &'w WalManager,
    parent: &'w Parent,
    /// What was appended and is not yet known to be durable: messages to be told then.
    pending: String,
    last: Lsn,
}

impl<'w> Writer<'w> {
    fn new(wal: &'w WalManager, parent: &'w Parent) -> Self {
        Self {
            wal,
            parent,
            pending: String::new(),
            last: Lsn::ZERO,
        }
    }

    fn run(mut self, first: OperationId) -> std::result::Result<(), CliError> {
        let mut id = first;
        loop {
            let (operation, purge_lsn) = self.operation(id)?;
            let intent = Message::Intent {
                thread: id.thread,
                sequence: id.sequence,
                purge_lsn,
            };
            self.parent.tell(&intent.line())?;
            let lsns = append(self.wal, &operation)?;
            self.note(&operation, lsns);
            if operation.commits {
                self.commit()?;
            }
            id = id.next();
        }
    }

    /// The operation, and what its tombstones purge up to, if it has any: near the end of the log,
    /// so that records on both sides of it are being written.
    fn operation(&self, id: OperationId) -> Result<(Operation, Lsn)> {
        let operation = id.operation(Lsn::ZERO)?;
        if !operation.drops_collections() {
            return Ok((operation, Lsn::ZERO));
        }
        let next = self.wal.next_lsn().value();
        let distance = id.sequence % PURGE_DISTANCE;
        let purge_lsn = Lsn::new(next.saturating_sub(distance).max(1));
        Ok((id.operation(purge_lsn)?, purge_lsn))
    }

    fn note(&mut self, operation: &Operation, lsns: LsnRange) {
        for (lsn, content) in (lsns.first.value()..).zip(operation.contents()) {
            let acknowledged = Message::Acknowledged {
                lsn: Lsn::new(lsn),
                digest: content.digest(),
            };
            self.pending += &acknowledged.line();
        }
        self.last = lsns.last;
    }

    /// Only now may anybody hear of the records.
    fn commit(&mut self) -> std::result::Result<(), CliError> {
        self.wal.commit(self.last)?;
        self.pending += &Message::Committed.line();
        self.parent.tell(&self.pending)?;
        self.pending.clear();
        Ok(())
    }
}

fn append(wal: &WalManager, operation: &Operation) -> Result<LsnRange> {
    if let [single] = operation.records.as_slice() {
        let lsn = append_one(wal, single)?;
        return Ok(LsnRange {
            first: lsn,
            last: lsn,
        });
    }
    let mut batch = Batch::new();
    for record in &operation.records {
        batch.push_record(&record.record());
    }
    wal.append_batch(&batch)
}

/// Appends one record through the door of its kind.
fn append_one(wal: &WalManager, record: &Planned) -> Result<Lsn> {
    let at = wal.in_epoch(record.epoch);
    let scope = record.scope;
    let (t, v, d) = (scope.tenant, scope.vshard, scope.database);
    match &record.payload {
        Some(AnyPayload::Put(p)) => at.append_put(t, v, d, p),
        Some(AnyPayload::Delete(p)) => at.append_delete(t, v, d, p),
        Some(AnyPayload::VectorPut(p)) => at.append_vector_put(t, v, d, p),
        Some(AnyPayload::VectorDelete(p)) => at.append_vector_delete(t, v, d, p),
        Some(AnyPayload::VectorParams(p)) => at.append_vector_params(t, v, d, p),
        Some(AnyPayload::CrdtDelta(p)) => at.append_crdt_delta(t, v, d, p),
        Some(AnyPayload::TimeseriesBatch(p)) => at.append_timeseries_batch(t, v, d, p),
        Some(AnyPayload::LogBatch(p)) => at.append_log_batch(t, v, d, p),
        Some(AnyPayload::ArrayPut(p)) => at.append_array_put(t, v, d, p),
        Some(AnyPayload::ArrayDelete(p)) => at.append_array_delete(t, v, d, p),
        Some(AnyPayload::ArrayFlush(p)) => at.append_array_flush(t, v, d, p),
        Some(AnyPayload::Transaction(p)) => at.append_transaction(t, v, d, p),
        Some(AnyPayload::SurrogateAlloc(p)) => at.append_surrogate_alloc(t, v, d, p),
        Some(AnyPayload::SurrogateBind(p)) => at.append_surrogate_bind(t, v, d, p),
        Some(AnyPayload::CommitOffsets(p)) => at.append_commit_offsets(t, v, d, p),
        Some(AnyPayload::EpochBarrier(p)) => at.append_epoch_barrier(t, v, d, p),
        Some(AnyPayload::WriteAborted(p)) => at.append_write_aborted(t, v, d, p),
        Some(AnyPayload::Checkpoint(p)) => at.append_checkpoint(t, v, d, p),
        Some(AnyPayload::CollectionTombstoned(p)) => at.append_collection_tombstone(t, v, d, p),
        Some(AnyPayload::TimeAnchor(p)) => at.append_time_anchor(t, v, d, p),
        Some(AnyPayload::TemporalPurge(p)) => at.append_temporal_purge(t, v, d, p),
        Some(AnyPayload::CalvinApplied(p)) => at.append_calvin_applied(t, v, d, p),
        Some(AnyPayload::CalvinSeal(p)) => at.append_calvin_seal(t, v, d, p),
        Some(AnyPayload::Hold(p)) => at.append_hold(t, v, d, p),
        Some(AnyPayload::AuditSeal(p)) => at.append_audit_seal(t, v, d, p),
        Some(AnyPayload::ConsumerAdded(p)) => at.append_consumer_added(t, v, d, p),
        Some(AnyPayload::ConsumerDropped(p)) => at.append_consumer_dropped(t, v, d, p),
        Some(AnyPayload::ConsumerCursors(p)) => at.append_consumer_cursors(t, v, d, p),
        _ => wal.append_record(&record.record()),
    }
}
