//! `replay`: replays a log into nothing and prints the account of every record.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use nodedb_wal::Reader;
use nodedb_wal::types::{DatabaseId, Epoch, KindCode, Lsn, LsnRange, TenantId, VshardId};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::error::CliError;
use super::progress;
use super::text::{self, Column};
use super::values::{database, epoch, lsn, tenant, vshard};
use crate::replay::{
    EngineFamily, KindTally, Replay, ReplayPlan, ReplayProgress, ReplayRecord, ReplayReport,
    ReplaySink, ScopeFilter, SinkError, Skipped, Workers,
};

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// Start here; without it, at the oldest record there is.
    #[arg(long, value_name = "LSN", value_parser = lsn)]
    from: Option<Lsn>,
    /// Start behind the engines' checkpoints, each engine behind its own; one without a checkpoint at
    /// the oldest record there is.
    #[arg(long, conflicts_with = "from")]
    from_checkpoint: bool,
    /// Only records of this engine, and control records; may be given several times.
    #[arg(long = "engine", value_name = "ENGINE", value_parser = engine)]
    engines: Vec<EngineFamily>,
    /// End here.
    #[arg(long, value_name = "LSN", value_parser = lsn)]
    until: Option<Lsn>,
    /// Only records of this tenant.
    #[arg(long, value_parser = tenant)]
    tenant: Option<TenantId>,
    /// Only records of databases with this number.
    #[arg(long, value_parser = database)]
    database: Option<DatabaseId>,
    /// Only records of this vshard.
    #[arg(long, value_parser = vshard)]
    vshard: Option<VshardId>,
    /// Only records outside every epoch or of epochs up to this one.
    #[arg(long, value_name = "EPOCH", value_parser = epoch)]
    until_epoch: Option<Epoch>,
    /// Withhold writes of Calvin transactions that were not applied to their end.
    #[arg(long)]
    calvin_gate: bool,
    /// Replay into this many sinks at once, divided by vshard.
    #[arg(long, value_name = "N", default_value = "1")]
    workers: NonZeroUsize,
}

fn engine(text: &str) -> Result<EngineFamily, String> {
    EngineFamily::from_name(text).ok_or_else(|| {
        let names = EngineFamily::ALL.map(EngineFamily::name).join(", ");
        format!("the engines are {names}")
    })
}

#[derive(Debug, Serialize)]
struct Account {
    wal: PathBuf,
    log: Option<Range>,
    seen: u64,
    applied: u64,
    applied_bytes: u64,
    applied_lsns: Option<Range>,
    skipped: SkippedCounts,
    operations_applied: u64,
    operations_skipped: SkippedCounts,
    tombstones: u64,
    workers: usize,
    queued_bytes_max: u64,
    known_bytes_read: u64,
    bytes_read: u64,
    segments_read: u64,
    segments_skipped: u64,
    seconds: f64,
    kinds: Vec<Kind>,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Range {
    first_lsn: u64,
    last_lsn: u64,
}

#[derive(Debug, Serialize)]
struct SkippedCounts {
    total: u64,
    before_start: u64,
    after_end: u64,
    unknown_optional: u64,
    outside_plan: u64,
    before_checkpoint: u64,
    epoch: u64,
    aborted: u64,
    calvin: u64,
    tombstone: u64,
    flushed: u64,
}

#[derive(Debug, Serialize)]
struct Kind {
    kind: String,
    applied: u64,
    skipped: u64,
    applied_bytes: u64,
}

/// Takes everything and keeps nothing.
struct Nothing;

impl ReplaySink for Nothing {
    fn apply(&mut self, _: &ReplayRecord<'_>) -> Result<(), SinkError> {
        Ok(())
    }
}

pub(super) fn run(args: &ReplayArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let reader = Reader::open(&args.wal)?;
    let bar = progress::replaying();
    let mut tell = |progress: &ReplayProgress| {
        bar.set_length(progress.total());
        bar.set_position(progress.done());
        bar.set_message(pace(progress));
    };
    let plan = args.plan();
    let replay = Replay::new(&reader, &plan).on_progress(&mut tell);
    let report = if args.workers.get() == 1 {
        replay.run(&mut Nothing)
    } else {
        let mut sinks: Vec<_> = (0..args.workers.get()).map(|_| Nothing).collect();
        replay.run_partitioned(&mut sinks, Workers::new())
    };
    bar.finish_and_clear();
    output.answer(&Account::new(args, &report?))?;
    Ok(Outcome::Fine)
}

/// How fast it goes and how long it will still take.
fn pace(progress: &ReplayProgress) -> String {
    let rate = progress.records_per_second();
    let rate = rate.map_or(String::new(), |rate| format!("{rate:.0} records/s"));
    let left = progress.eta().map_or(String::new(), |left| {
        format!(", {:.0} s left", left.as_secs_f64().ceil())
    });
    format!("{rate}{left}")
}

impl ReplayArgs {
    fn plan(&self) -> ReplayPlan {
        let start = match self.from_checkpoint {
            true => ReplayPlan::from_checkpoints(),
            false => ReplayPlan::from(self.from.unwrap_or(Lsn::ZERO)),
        };
        let mut plan = start.scope(ScopeFilter {
            tenant: self.tenant,
            database: self.database,
            vshard: self.vshard,
        });
        if !self.engines.is_empty() {
            plan = plan.engines(&self.engines);
        }
        if let Some(last) = self.until {
            plan = plan.until(last);
        }
        if let Some(epoch) = self.until_epoch {
            plan = plan.until_epoch(epoch);
        }
        if self.calvin_gate {
            plan = plan.calvin_gate();
        }
        plan
    }
}

impl From<Skipped> for SkippedCounts {
    fn from(skipped: Skipped) -> Self {
        Self {
            total: skipped.total(),
            before_start: skipped.before_start,
            after_end: skipped.after_end,
            unknown_optional: skipped.unknown_optional,
            outside_plan: skipped.outside_plan,
            before_checkpoint: skipped.before_checkpoint,
            epoch: skipped.epoch,
            aborted: skipped.aborted,
            calvin: skipped.calvin,
            tombstone: skipped.tombstone,
            flushed: skipped.flushed,
        }
    }
}

impl Account {
    fn new(args: &ReplayArgs, report: &ReplayReport) -> Self {
        Self {
            wal: args.wal.clone(),
            log: report.range.map(Range::new),
            seen: report.seen(),
            applied: report.applied,
            applied_bytes: report.applied_bytes,
            applied_lsns: report.applied_range.map(Range::new),
            skipped: report.skipped.into(),
            operations_applied: report.operations.applied,
            operations_skipped: report.operations.skipped.into(),
            tombstones: report.tombstones,
            workers: args.workers.get(),
            queued_bytes_max: report.queued_bytes_max,
            known_bytes_read: report.known_bytes_read,
            bytes_read: report.bytes_read,
            segments_read: report.segments_read,
            segments_skipped: report.segments_skipped,
            seconds: report.duration.as_secs_f64(),
            kinds: report.kinds.iter().map(Kind::new).collect(),
        }
    }

    fn facts(&self) -> String {
        let range = |range: Option<Range>| {
            range.map_or("none".to_owned(), |r| {
                format!("{}..={}", r.first_lsn, r.last_lsn)
            })
        };
        let skipped = &self.skipped;
        let (read, passed) = (self.segments_read, self.segments_skipped);
        text::facts([
            ("directory", self.wal.display().to_string()),
            ("log", range(self.log)),
            ("records", text::count(self.seen)),
            ("applied", text::count(self.applied)),
            ("applied LSNs", range(self.applied_lsns)),
            ("applied bytes", text::size(self.applied_bytes)),
            ("skipped", text::count(skipped.total)),
            ("  before the start", text::count(skipped.before_start)),
            ("  after the end", text::count(skipped.after_end)),
            ("  unknown, optional", text::count(skipped.unknown_optional)),
            ("  outside the plan", text::count(skipped.outside_plan)),
            (
                "  before a checkpoint",
                text::count(skipped.before_checkpoint),
            ),
            ("  later epoch", text::count(skipped.epoch)),
            ("  aborted", text::count(skipped.aborted)),
            ("  not marked by Calvin", text::count(skipped.calvin)),
            ("  dropped collection", text::count(skipped.tombstone)),
            ("  flushed array", text::count(skipped.flushed)),
            (
                "operations applied",
                format!(
                    "{} ({} withheld)",
                    text::count(self.operations_applied),
                    text::count(self.operations_skipped.total)
                ),
            ),
            ("tombstones", text::count(self.tombstones)),
            ("segments", format!("{read} read, {passed} passed over")),
            (
                "read",
                format!(
                    "{} in {:.3} s, {} of it to know what to skip",
                    text::size(self.bytes_read),
                    self.seconds,
                    text::size(self.known_bytes_read)
                ),
            ),
        ])
    }
}

impl Range {
    fn new(range: LsnRange) -> Self {
        Self {
            first_lsn: range.first.value(),
            last_lsn: range.last.value(),
        }
    }
}

impl Kind {
    fn new((kind, tally): (&KindCode, &KindTally)) -> Self {
        Self {
            kind: kind.to_string(),
            applied: tally.applied,
            skipped: tally.skipped,
            applied_bytes: tally.applied_bytes,
        }
    }
}

impl Answer for Account {
    fn text(&self) -> String {
        use Column::{Left, Right};
        let kinds = text::table(
            &[
                Left("kind"),
                Right("applied"),
                Right("skipped"),
                Right("bytes applied"),
            ],
            self.kinds.iter().map(|kind| {
                [
                    kind.kind.clone(),
                    text::count(kind.applied),
                    text::count(kind.skipped),
                    text::size(kind.applied_bytes),
                ]
            }),
        );
        format!("{}\n\n{kinds}", self.facts())
    }
}
