//! The node's services under the knife: a thread of the writer that checkpoints, holds, drops
//! collections, purges and has old segments dropped, on a log of its own beside the writers'; and
//! what must be there of it after each kill.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use nodedb_wal::payload::{CollectionTombstoned, Put, TemporalPurge};
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, Timestamp, VshardId};
use nodedb_wal::{Config, ReadOptions};

use super::args::Io;
use crate::cli::error::CliError;
use crate::control::ControlState;
use crate::{Keeper, Node, NodeConfig, Result};

const T: TenantId = TenantId::new(1);
const V: VshardId = VshardId::new(1);
const D: DatabaseId = DatabaseId::new(1);

const ENGINE: &str = "kv";
const HOLD: &str = "consumer";

/// What the thread said was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// A row was durable at this LSN.
    Row,
    /// The engine's checkpoint is at this LSN, or further.
    Checkpoint,
    /// The hold is at this LSN, or further.
    Hold,
    /// A collection was dropped by the record at this LSN.
    Tombstone,
    /// Old versions were purged by the record at this LSN.
    Purge,
}

impl Served {
    const ALL: [(Self, &str); 5] = [
        (Self::Row, "r"),
        (Self::Checkpoint, "c"),
        (Self::Hold, "h"),
        (Self::Tombstone, "t"),
        (Self::Purge, "p"),
    ];

    pub(super) fn code(self) -> &'static str {
        let found = Self::ALL.iter().find(|(served, _)| *served == self);
        found.map_or("", |(_, code)| code)
    }

    pub(super) fn from_code(text: &str) -> Option<Self> {
        let found = Self::ALL.iter().find(|(_, code)| *code == text);
        found.map(|(served, _)| *served)
    }
}

/// Where the services' log is.
fn config(directory: &Path, io: Io) -> NodeConfig {
    let log = Config::new(directory.join("services"));
    let log = log.segment_bytes(256 << 10).io_mode(io.mode());
    NodeConfig::from(log).retained_bytes_max(Some(4 << 20))
}

/// Uses the services until it is killed, or until `tell` fails, and tells what was done once it is
/// durable.
pub(super) fn serve(
    directory: &Path,
    io: Io,
    tell: impl Fn(Served, Lsn) -> std::result::Result<(), CliError>,
) -> std::result::Result<(), CliError> {
    let node = Arc::new(Node::open(config(directory, io))?);
    let _keeper = Keeper::start(&node)?;
    let wal = node.wal();
    for step in 0_u64.. {
        let row = wal.append::<Put>(T, V, D, row(step).as_slice())?;
        wal.commit(row)?;
        tell(Served::Row, row)?;
        if step % 8 == 3 {
            node.checkpoint(ENGINE, row)?;
            tell(Served::Checkpoint, row)?;
        }
        if step % 8 == 7 {
            node.set_hold(HOLD, row)?;
            tell(Served::Hold, row)?;
        }
        if step % 16 == 5 {
            let lsn = drop_collection(&node, step, row)?;
            tell(Served::Tombstone, lsn)?;
            let lsn = purge(&node, step)?;
            tell(Served::Purge, lsn)?;
        }
        if step % 32 == 9 {
            wal.rotate()?;
        }
    }
    Ok(())
}

fn row(step: u64) -> Vec<u8> {
    let mut row = step.to_le_bytes().to_vec();
    row.resize(
        usize::try_from(64 + step % 900).unwrap_or(64),
        step.to_le_bytes()[0],
    );
    row
}

fn drop_collection(node: &Node, step: u64, row: Lsn) -> Result<Lsn> {
    let dropped = CollectionTombstoned {
        collection: format!("c{}", step % 1000),
        purge_lsn: row,
    };
    let lsn = node.wal().append_collection_tombstone(T, V, D, &dropped)?;
    node.wal().commit(lsn)?;
    Ok(lsn)
}

fn purge(node: &Node, step: u64) -> Result<Lsn> {
    let purge = TemporalPurge {
        collection: format!("c{}", step % 1000),
        engine: ENGINE.to_owned(),
        cutoff: Timestamp::from_nanos(step.cast_signed()),
        purged: step,
    };
    let lsn = node.wal().append_temporal_purge(T, V, D, &purge)?;
    node.wal().commit(lsn)?;
    Ok(lsn)
}

/// What the thread has said so far, in all rounds.
#[derive(Clone, Debug, Default)]
pub(super) struct ServiceLedger {
    checkpoint: Lsn,
    hold: Lsn,
    /// Records, each of which must be there as long as its segment is.
    records: Vec<(Served, Lsn)>,
}

impl ServiceLedger {
    pub(super) fn note(&mut self, served: Served, lsn: Lsn) {
        match served {
            Served::Checkpoint => self.checkpoint = self.checkpoint.max(lsn),
            Served::Hold => self.hold = self.hold.max(lsn),
            Served::Row | Served::Tombstone | Served::Purge => self.records.push((served, lsn)),
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
        acknowledged: ledger.records.len() as u64,
        start: node.wal().start_lsn(),
        problems: Vec::new(),
    };
    findings.check_holds(&node, ledger)?;
    findings.check_records(&node, ledger)?;
    findings.check_usage(&node)?;
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
        let expected = ledger.records.iter().filter(|(_, lsn)| *lsn >= start);
        let mut expected = expected.copied().peekable();
        let mut records = node.wal().read(ReadOptions::all())?;
        while let Some(record) = records.next()? {
            let (lsn, kind) = (record.lsn(), record.header.kind.known());
            if kind == Some(RecordKind::Put) {
                self.expect(is_row(record.payload), || {
                    format!("record {lsn} is no row that was written")
                });
            }
            if let Some((served, _)) = expected.next_if(|(_, next)| *next == lsn) {
                let wanted = match served {
                    Served::Tombstone => RecordKind::CollectionTombstoned,
                    Served::Purge => RecordKind::TemporalPurge,
                    _ => RecordKind::Put,
                };
                self.expect(kind == Some(wanted), || {
                    format!("record {lsn} was acknowledged as {served:?} and is {kind:?}")
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
}

fn is_row(payload: &[u8]) -> bool {
    let step = payload
        .first_chunk()
        .map(|bytes| u64::from_le_bytes(*bytes));
    step.is_some_and(|step| row(step) == payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node after some steps, and what was said of them.
    fn served(directory: &Path, steps: u64) -> ServiceLedger {
        let ledger = parking_lot::Mutex::new(ServiceLedger::default());
        let left = std::cell::Cell::new(steps);
        let ended = serve(directory, Io::Direct, |served, lsn| {
            ledger.lock().note(served, lsn);
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
        for (served, problems) in [(Served::Row, 1), (Served::Checkpoint, 2), (Served::Hold, 3)] {
            ledger.note(served, next);
            assert_eq!(look(&ledger).problems.len(), problems, "{served:?}");
        }
    }
}
