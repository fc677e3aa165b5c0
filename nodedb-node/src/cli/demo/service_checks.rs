//! What must be there of the services' work after each kill.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use nodedb_wal::ReadOptions;
use nodedb_wal::payload::AnyPayload;
use nodedb_wal::types::{Lsn, RecordKind};

use super::args::Io;
use super::services::{
    CONSUMER, ENGINE, HOLD, KEYED, LANE, Served, calvin_position, config, is_row, primary_key,
};
use crate::audit::AuditFilter;
use crate::control::{ConsumerState, ControlState};
use crate::surrogate::Surrogate;
use crate::{Node, Result};

/// What the thread has said so far, in all rounds.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceLedger {
    checkpoint: Lsn,
    hold: Lsn,
    consumed: Lsn,
    /// Records, each of which must be there as long as its segment is, by their LSN.
    records: Vec<(Lsn, RecordKind)>,
    purges: Vec<Lsn>,
    /// The surrogate of each key.
    surrogates: BTreeMap<u64, u32>,
    /// Calvin transactions that were applied: those of all numbers before this.
    applied: u64,
    /// What cannot be right whatever the log holds.
    nonsense: Vec<String>,
}

impl ServiceLedger {
    pub(super) fn note(&mut self, served: Served) {
        match served {
            Served::Checkpoint(lsn) => self.checkpoint = self.checkpoint.max(lsn),
            Served::Hold(lsn) => self.hold = self.hold.max(lsn),
            Served::Acknowledged(lsn) => self.consumed = self.consumed.max(lsn),
            Served::Row(lsn) => self.records.push((lsn, RecordKind::Put)),
            Served::Tombstone(lsn) => self.records.push((lsn, RecordKind::CollectionTombstoned)),
            Served::Purge(lsn) => {
                self.records.push((lsn, RecordKind::TemporalPurge));
                self.purges.push(lsn);
            }
            Served::Surrogate(key, surrogate) => {
                let first = *self.surrogates.entry(key).or_insert(surrogate);
                if first != surrogate {
                    let text = format!("key {key} had surrogate {first} and got {surrogate}");
                    self.nonsense.push(text);
                }
            }
            Served::Calvin(number, lsn) => {
                if number < self.applied {
                    let text = format!("Calvin transaction {number} was applied twice");
                    self.nonsense.push(text);
                }
                self.records.push((lsn, RecordKind::CalvinApplied));
                self.applied = number + 1;
            }
        }
    }
}

/// What is there after a kill.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceFindings {
    /// Acknowledged records that were looked for.
    pub(super) acknowledged: u64,
    /// The oldest record that is left.
    pub(super) start: Lsn,
    pub(super) problems: Vec<String>,
}

/// Opens the node that a killed writer left and holds it against what was said.
pub(super) fn look(directory: &Path, io: Io, ledger: &ServiceLedger) -> Result<ServiceFindings> {
    let config = config(directory, io);
    let home: PathBuf = config.directory().to_owned();
    if !home.exists() {
        return Ok(ServiceFindings::default());
    }
    let node = Node::open(config)?;
    let mut findings = ServiceFindings {
        acknowledged: (ledger.records.len() + ledger.surrogates.len()) as u64,
        start: node.wal().start_lsn(),
        problems: ledger.nonsense.clone(),
    };
    findings.check_holds(&node, ledger)?;
    findings.check_records(&node, ledger)?;
    findings.check_usage(&node)?;
    findings.check_surrogates(&node, ledger)?;
    findings.check_calvin(&node, ledger)?;
    findings.check_trail(&node, ledger)?;
    node.close()?;
    Ok(findings)
}

impl ServiceFindings {
    fn expect(&mut self, is_so: bool, problem: impl FnOnce() -> String) {
        if !is_so {
            self.problems.push(format!("services: {}", problem()));
        }
    }

    /// Holds and checkpoints are where they were said to be, or further, and nothing they need is
    /// gone.
    fn check_holds(&mut self, node: &Node, ledger: &ServiceLedger) -> Result<()> {
        let state: ControlState = node.control_state()?;
        let checkpoint = state.checkpoints.get(ENGINE).copied().unwrap_or_default();
        let said = ledger.checkpoint;
        self.expect(checkpoint >= said, || {
            format!("the checkpoint was acknowledged at {said} and is at {checkpoint}")
        });
        let hold = state.holds.find(HOLD).and_then(|hold| hold.needs);
        let (hold, said) = (hold.unwrap_or_default(), ledger.hold);
        self.expect(hold >= said, || {
            format!("the hold was acknowledged at {said} and is at {hold}")
        });
        let consumer = state.consumers.find(CONSUMER);
        let consumed = consumer.map_or(Lsn::ZERO, ConsumerState::acknowledged_by_all);
        let said = ledger.consumed;
        self.expect(consumed >= said, || {
            format!("the consumer had acknowledged {said} and is at {consumed}")
        });
        if let Some((name, needs)) = state.holds.lowest() {
            let start = self.start;
            self.expect(start <= needs.max(Lsn::FIRST), || {
                format!("{name} needs record {needs}, and the log starts at {start}")
            });
        }
        Ok(())
    }

    /// Every acknowledged record is there whose segment is, and is what was written.
    fn check_records(&mut self, node: &Node, ledger: &ServiceLedger) -> Result<()> {
        let start = self.start;
        let expected = ledger.records.iter().filter(|(lsn, _)| *lsn >= start);
        let mut expected = expected.copied().peekable();
        let mut records = node.wal().read(ReadOptions::all())?;
        while let Some(record) = records.next()? {
            let (lsn, kind) = (record.lsn(), record.header.kind.known());
            if kind == Some(RecordKind::Put) {
                self.expect(is_row(record.payload), || {
                    format!("record {lsn} is no row that was written")
                });
            }
            if let Some((_, wanted)) = expected.next_if(|(next, _)| *next == lsn) {
                self.expect(kind == Some(wanted), || {
                    format!("record {lsn} was acknowledged as {wanted:?} and is {kind:?}")
                });
            }
        }
        let missing = expected.count();
        self.expect(missing == 0, || {
            format!("{missing} acknowledged records are not there")
        });
        Ok(())
    }

    /// Every record that was ever written is counted as somebody's, once.
    fn check_usage(&mut self, node: &Node) -> Result<()> {
        let usage = node.usage()?;
        let rows = usage.scopes.iter().map(|row| row.written.records);
        let counted = rows.sum::<u64>() + usage.others.0.records + usage.unknown_records;
        let written = node.wal().next_lsn().previous().value();
        self.expect(counted == written, || {
            format!("{written} records were written and {counted} are counted")
        });
        Ok(())
    }

    /// Each key has the surrogate it was said to have, which is no other key's.
    fn check_surrogates(&mut self, node: &Node, ledger: &ServiceLedger) -> Result<()> {
        let mut keys = BTreeMap::new();
        for (&key, &surrogate) in &ledger.surrogates {
            let found = node.surrogates().find(KEYED, &primary_key(key))?;
            let found = found.map(Surrogate::value);
            self.expect(found == Some(surrogate), || {
                format!("key {key} was said to have surrogate {surrogate} and has {found:?}")
            });
            let other = keys.insert(surrogate, key);
            self.expect(other.is_none(), || {
                format!("keys {key} and {other:?} have one surrogate, {surrogate}")
            });
        }
        Ok(())
    }

    /// Every transaction that was said to be applied is, and none is marked twice.
    fn check_calvin(&mut self, node: &Node, ledger: &ServiceLedger) -> Result<()> {
        let progress = node.control_state()?.calvin;
        for number in 0..ledger.applied {
            let at = calvin_position(number);
            self.expect(progress.is_applied(LANE, at), || {
                format!("Calvin transaction {number} was acknowledged and is not applied")
            });
        }
        let mut marked = BTreeMap::new();
        let marks = ReadOptions::all().kinds(&[RecordKind::CalvinApplied]);
        let mut records = node.wal().read(marks.control_only())?;
        while let Some(record) = records.next()? {
            let (lsn, payload) = (record.lsn(), record.payload);
            let Ok(AnyPayload::CalvinApplied(mark)) =
                AnyPayload::decode(RecordKind::CalvinApplied, payload)
            else {
                self.expect(false, || format!("record {lsn} is no Calvin mark"));
                continue;
            };
            let before = marked.insert((mark.vshard, mark.epoch, mark.position), lsn);
            self.expect(before.is_none(), || {
                format!("record {lsn} marks what {before:?} had marked")
            });
        }
        Ok(())
    }

    /// The audit trail is whole, and has every purge, also those whose segments are gone.
    fn check_trail(&mut self, node: &Node, ledger: &ServiceLedger) -> Result<()> {
        let finding = node.verify_audit()?.finding;
        self.expect(finding.is_none(), || {
            format!("the audit trail is wrong: {finding:?}")
        });
        let listed = node.purges(AuditFilter::default(), Lsn::ZERO, usize::MAX)?;
        let listed: BTreeSet<Lsn> = listed.purges.iter().map(|purge| purge.lsn).collect();
        let missing = ledger.purges.iter().filter(|lsn| !listed.contains(lsn));
        let missing = missing.count();
        self.expect(missing == 0, || {
            format!("{missing} acknowledged purges are not in the audit trail")
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::services::serve;
    use crate::cli::error::CliError;

    /// A node after some steps, and what was said of them.
    fn served(directory: &Path, steps: u64) -> ServiceLedger {
        let ledger = parking_lot::Mutex::new(ServiceLedger::default());
        let left = std::cell::Cell::new(steps);
        let ended = serve(directory, Io::Direct, |served| {
            ledger.lock().note(served);
            left.set(left.get().saturating_sub(1));
            match left.get() {
                0 => Err(CliError::Refused("enough".to_owned())),
                _ => Ok(()),
            }
        });
        assert!(matches!(ended, Err(CliError::Refused(_))), "{ended:?}");
        ledger.into_inner()
    }

    #[test]
    fn what_was_done_is_found_and_what_was_not_is_missed() {
        let directory = tempfile::tempdir().unwrap();
        let mut ledger = served(directory.path(), 200);
        let look = |ledger: &ServiceLedger| look(directory.path(), Io::Direct, ledger).unwrap();
        let findings = look(&ledger);
        assert_eq!(findings.problems, Vec::<String>::new());
        assert!(findings.acknowledged > 100);
        let next = Lsn::new(100_000);
        let wrong = [
            Served::Row(next),
            Served::Checkpoint(next),
            Served::Hold(next),
            Served::Surrogate(100_000, 1),
            Served::Calvin(findings.acknowledged, next),
            Served::Purge(next),
        ];
        for served in wrong {
            let mut ledger = ledger.clone();
            ledger.note(served);
            assert!(!look(&ledger).problems.is_empty(), "{served:?}");
        }
        ledger.note(Served::Calvin(0, next));
        assert!(look(&ledger).problems[0].contains("twice"));
    }
}
