//! `replay`: replays a log into nothing and prints the account of every record.

use std::path::PathBuf;

use clap::Args;
use nodedb_wal::Reader;
use nodedb_wal::types::{DatabaseId, Epoch, KindCode, Lsn, LsnRange, TenantId, VshardId};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::args::{database, epoch, lsn, tenant, vshard};
use super::error::CliError;
use super::progress;
use super::text::{self, Column};
use crate::replay::{
    KindTally, ReplayPlan, ReplayRecord, ReplayReport, ReplaySink, ScopeFilter, SinkError, replay,
};

#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// Start here; without it, at the oldest record there is.
    #[arg(long, value_name = "LSN", value_parser = lsn)]
    from: Option<Lsn>,
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
    tombstones: u64,
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
    outside_plan: u64,
    unknown_optional: u64,
    epoch: u64,
    tombstone: u64,
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
    let bar = progress::counted(0, "replaying");
    let report = replay(&reader, &args.plan(), &mut Nothing, &mut |progress| {
        bar.set_length(progress.last.value() - progress.first.value() + 1);
        bar.set_position(progress.at.value() - progress.first.value() + 1);
    });
    bar.finish_and_clear();
    output.answer(&Account::new(args, &report?))?;
    Ok(Outcome::Fine)
}

impl ReplayArgs {
    fn plan(&self) -> ReplayPlan {
        let plan = ReplayPlan::from(self.from.unwrap_or(Lsn::ZERO)).scope(ScopeFilter {
            tenant: self.tenant,
            database: self.database,
            vshard: self.vshard,
        });
        match self.until_epoch {
            Some(epoch) => plan.until_epoch(epoch),
            None => plan,
        }
    }
}

impl Account {
    fn new(args: &ReplayArgs, report: &ReplayReport) -> Self {
        let skipped = report.skipped;
        Self {
            wal: args.wal.clone(),
            log: report.range.map(Range::new),
            seen: report.seen(),
            applied: report.applied,
            applied_bytes: report.applied_bytes,
            applied_lsns: report.applied_range.map(Range::new),
            skipped: SkippedCounts {
                total: skipped.total(),
                before_start: skipped.before_start,
                outside_plan: skipped.outside_plan,
                unknown_optional: skipped.unknown_optional,
                epoch: skipped.epoch,
                tombstone: skipped.tombstone,
            },
            tombstones: report.tombstones,
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
            ("  outside the plan", text::count(skipped.outside_plan)),
            ("  unknown, optional", text::count(skipped.unknown_optional)),
            ("  later epoch", text::count(skipped.epoch)),
            ("  dropped collection", text::count(skipped.tombstone)),
            ("tombstones", text::count(self.tombstones)),
            ("segments", format!("{read} read, {passed} passed over")),
            (
                "read",
                format!("{} in {:.3} s", text::size(self.bytes_read), self.seconds),
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
