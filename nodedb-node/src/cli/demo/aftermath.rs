//! What is there after a kill: opens the log again, holds it against the ledger, and the filters of
//! replay against the model.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::time::{Duration, Instant};

use nodedb_wal::types::{Epoch, Lsn};
use nodedb_wal::{ReadOptions, Reader, RecordView, Verdict};

use super::checker::{Checker, Findings};
use super::ledger::Ledger;
use super::model::{Fate, Model};
use super::service_checks::ServiceFindings;
use super::wire::Content;
use crate::cli::error::CliError;
use crate::replay::{ReplayPlan, ReplayRecord, ReplaySink, ReplayTransaction, SinkError};
use crate::{NodeConfig, Result, WalManager};

/// What was in the log before the demo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Past {
    pub(super) records: u64,
    pub(super) last: Lsn,
    digest: u64,
}

/// What came back after one kill.
#[derive(Debug)]
pub(super) struct Aftermath {
    pub(super) findings: Findings,
    pub(super) verdict: Verdict,
    pub(super) dropped_records: u64,
    pub(super) recovery: Duration,
    pub(super) segments: usize,
    /// Withheld by tombstones in a full replay.
    pub(super) filtered_tombstone: u64,
    /// Withheld in a replay up to `until_epoch`.
    pub(super) filtered_epoch: u64,
    pub(super) until_epoch: Epoch,
    /// Records that a filter treated otherwise than the model.
    pub(super) filter_errors: u64,
    /// What is there of the services' work.
    pub(super) services: ServiceFindings,
}

impl Past {
    /// Reads what is in `directory`; nothing when there is no such directory.
    pub(super) fn read(directory: &Path) -> std::result::Result<Self, CliError> {
        let mut past = Self::default();
        if !directory.exists() {
            return Ok(past);
        }
        let reader = Reader::open(directory)?;
        past.last = reader.next_lsn().previous();
        let mut records = reader.read(ReadOptions::all())?;
        while let Some(view) = records.next()? {
            past.take(&view);
        }
        Ok(past)
    }

    fn take(&mut self, view: &RecordView<'_>) {
        let mut hasher = DefaultHasher::new();
        (self.digest, view.lsn(), content(view).digest()).hash(&mut hasher);
        self.digest = hasher.finish();
        self.records += 1;
    }
}

fn content<'a>(view: &RecordView<'a>) -> Content<'a> {
    Content::of(&view.header, view.payload)
}

/// Opens the log that a killed writer left and looks at all of it. `draw` gives the epoch up to
/// which the epoch filter is tried, out of those up to the last one, and whether to close the log
/// properly afterwards.
pub(super) fn look(
    config: NodeConfig,
    seed: u64,
    ledger: &Ledger,
    past: Past,
    rng: &mut fastrand::Rng,
) -> std::result::Result<Aftermath, CliError> {
    let started = Instant::now();
    let wal = WalManager::open(config)?;
    let recovery = started.elapsed();
    let (mut findings, model) = read_all(&wal, seed, ledger, past)?;
    let until_epoch = Epoch::new(rng.u64(..=model.last_epoch().value()));
    let plan = ReplayPlan::default();
    let all = try_filters(
        &wal,
        "of everything",
        &plan,
        &model.fates(None),
        &mut findings,
    )?;
    let plan = plan.until_epoch(until_epoch);
    let (what, fates) = (
        format!("up to epoch {until_epoch}"),
        model.fates(Some(until_epoch)),
    );
    let until = try_filters(&wal, &what, &plan, &fates, &mut findings)?;
    let report = wal.recovery();
    let aftermath = Aftermath {
        verdict: report.verdict,
        dropped_records: report.dropped.as_ref().map_or(0, |dropped| dropped.records),
        recovery,
        segments: wal.list_segments()?.len(),
        filtered_tombstone: all.tombstone,
        filtered_epoch: until.epoch,
        until_epoch,
        filter_errors: all.errors + until.errors,
        services: ServiceFindings::default(),
        findings,
    };
    // A log that is dropped without being closed is one more thing to come back from.
    if rng.bool() {
        wal.close()?;
    }
    Ok(aftermath)
}

/// Reads the log without filters: the ledger's side, and the model's.
fn read_all(wal: &WalManager, seed: u64, ledger: &Ledger, past: Past) -> Result<(Findings, Model)> {
    let mut checker = Checker::new(ledger, seed)?;
    let mut model = Model::default();
    let mut found = Past {
        last: past.last,
        ..Past::default()
    };
    let mut records = wal.read(ReadOptions::all())?;
    while let Some(view) = records.next()? {
        model.take(&view.header, view.payload)?;
        if view.lsn() <= past.last {
            found.take(&view);
        } else {
            checker.take(&view.header, view.payload)?;
        }
    }
    let mut findings = checker.finish();
    if found != past {
        findings.lost += past.records.abs_diff(found.records).max(1);
        findings.problem("what was there before the demo has changed".to_owned());
    }
    Ok((findings, model))
}

/// What a replay withheld, and where it did not do as the model says.
struct Filtered {
    tombstone: u64,
    epoch: u64,
    errors: u64,
}

fn try_filters(
    wal: &WalManager,
    what: &str,
    plan: &ReplayPlan,
    fates: &[(Lsn, Fate)],
    findings: &mut Findings,
) -> Result<Filtered> {
    let mut sink = Comparison::new(fates);
    let report = wal.replay(plan, &mut sink)?;
    let mut errors = sink.finish();
    let count = |wanted: Fate| fates.iter().filter(|(_, fate)| *fate == wanted).count() as u64;
    errors += report.skipped.tombstone.abs_diff(count(Fate::Dropped));
    errors += report.skipped.epoch.abs_diff(count(Fate::LaterEpoch));
    errors += report.seen().abs_diff(fates.len() as u64);
    if errors > 0 {
        findings.problem(format!(
            "filters and model disagree {errors} times in a replay {what}"
        ));
    }
    Ok(Filtered {
        tombstone: report.skipped.tombstone,
        epoch: report.skipped.epoch,
        errors,
    })
}

/// Holds what a replay applies against what the model says.
struct Comparison<'m> {
    fates: std::slice::Iter<'m, (Lsn, Fate)>,
    errors: u64,
}

impl<'m> Comparison<'m> {
    fn new(fates: &'m [(Lsn, Fate)]) -> Self {
        Self {
            fates: fates.iter(),
            errors: 0,
        }
    }

    /// How often they disagreed, the records counted that were not applied at all.
    fn finish(self) -> u64 {
        let missing = self.fates.filter(|(_, fate)| *fate == Fate::Applied);
        self.errors + missing.count() as u64
    }
}

impl ReplaySink for Comparison<'_> {
    fn apply(&mut self, record: &ReplayRecord<'_>) -> std::result::Result<(), SinkError> {
        for (lsn, fate) in self.fates.by_ref() {
            if *lsn == record.lsn() {
                self.errors += u64::from(*fate != Fate::Applied);
                return Ok(());
            }
            self.errors += u64::from(*fate == Fate::Applied);
        }
        self.errors += 1;
        Ok(())
    }

    /// The model speaks of records: a transaction is one.
    fn apply_transaction(
        &mut self,
        transaction: &ReplayTransaction<'_>,
    ) -> std::result::Result<(), SinkError> {
        self.apply(&ReplayRecord::new(transaction.header(), &[]))
    }
}

#[cfg(test)]
mod tests {
    use nodedb_wal::format::RecordHeader;
    use nodedb_wal::types::{CollectionTag, RecordFlags, RecordKind, Scope, Timestamp};

    use super::*;

    /// How many disagreements are found when these LSNs are applied, of four of which the second is
    /// dropped and the last is of a later epoch.
    fn errors(applied: &[u64]) -> u64 {
        let fates = [
            (Lsn::new(1), Fate::Applied),
            (Lsn::new(2), Fate::Dropped),
            (Lsn::new(3), Fate::Applied),
            (Lsn::new(4), Fate::LaterEpoch),
        ];
        let mut sink = Comparison::new(&fates);
        for &lsn in applied {
            let header = RecordHeader {
                payload_crc: 0,
                payload_len: 0,
                kind: RecordKind::Noop.code(),
                flags: RecordFlags::NONE,
                lsn: Lsn::new(lsn),
                scope: Scope::default(),
                collection: CollectionTag::NONE,
                epoch: Epoch::NONE,
                timestamp: Timestamp::from_nanos(0),
            };
            sink.apply(&ReplayRecord::new(&header, &[])).unwrap();
        }
        sink.finish()
    }

    #[test]
    fn every_disagreement_with_the_model_is_counted() {
        assert_eq!(errors(&[1, 3]), 0);
        assert_eq!(errors(&[1, 2, 3]), 1);
        assert_eq!(errors(&[1]), 1);
        assert_eq!(errors(&[]), 2);
        assert_eq!(errors(&[1, 3, 4]), 1);
        assert_eq!(errors(&[1, 3, 5]), 1);
        assert_eq!(errors(&[2, 4]), 4);
    }
}
