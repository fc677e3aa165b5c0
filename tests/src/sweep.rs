//! Crashes a workload at an operation, lets something survive, recovers, lives on, and checks every
//! step against the model.

use std::fmt;
use std::sync::Arc;

use nodedb_wal::storage::sim::{CrashPlan, FaultCounts, SimDisk, Survivors};
use nodedb_wal::{OpenCheck, Reader, TailPolicy};

use crate::ledger::{Answer, Ledger};
use crate::model::{Model, Violation, ensure};
use crate::player::{Door, Player};
use crate::random::Random;
use crate::workload::{Step, Workload, draw_content};

/// How a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The power goes, and everything written survives.
    KeepAll,
    /// The power goes, and nothing survives that was not durable.
    DropAll,
    /// Whole sectors survive or not.
    Sectors,
    /// Sectors tear.
    Torn,
    /// Sectors being written become anything.
    Garbage,
    /// The process is killed; the power stays on.
    Killed,
}

impl Ending {
    /// Those that a log of this policy promises to survive: rewriting a block asks of the disk that
    /// bytes written again as they were stay as they were.
    #[must_use]
    pub fn of(tail_policy: TailPolicy) -> &'static [Self] {
        use Ending::{DropAll, Garbage, KeepAll, Killed, Sectors, Torn};
        match tail_policy {
            TailPolicy::Rewrite => &[KeepAll, DropAll, Sectors, Torn, Sectors, Killed],
            TailPolicy::Pad => &[KeepAll, DropAll, Sectors, Torn, Garbage, Killed],
        }
    }

    /// Ends a run on `disk` and lets the next begin.
    pub fn happen(self, disk: &SimDisk, seed: u64) {
        match self {
            Self::KeepAll => disk.crash_exactly(&disk.unsynced()),
            Self::DropAll => disk.crash_exactly(&Survivors::default()),
            Self::Sectors => disk.crash(&CrashPlan::atomic_sectors(seed)),
            Self::Torn => disk.crash(&CrashPlan::torn_sectors(seed)),
            Self::Garbage => disk.crash(&CrashPlan::garbage_sectors(seed)),
            Self::Killed => return disk.kill_process(),
        }
        disk.restart();
    }
}

/// What was tried.
#[derive(Clone, Debug, Default)]
pub struct Tried {
    /// Lives, each with every crash point.
    pub workloads: u64,
    /// Records found, each compared byte for byte.
    pub records: u64,
    /// What the disks did, and what the log said.
    pub ledger: Ledger,
}

impl Tried {
    /// Adds what another sweep tried.
    pub fn add(&mut self, other: &Self) {
        self.workloads += other.workloads;
        self.records += other.records;
        self.ledger.add(&other.ledger);
    }
}

/// A broken promise, and where.
#[derive(Clone, Debug)]
pub struct Failure {
    /// How many ends of a run were tried until then.
    pub cycles: u64,
    /// The operation at which the power went; `None` before it did.
    pub operation: Option<u64>,
    /// What happened.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Some(operation) => write!(f, "crash at operation {operation}: {}", self.violation),
            None => write!(f, "without a crash: {}", self.violation),
        }
    }
}

/// Which crash points of a workload are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Points {
    /// Every one.
    All,
    /// This one.
    One(u64),
}

/// Crashes `workload` at each of its operations, in every way.
///
/// # Errors
///
/// The first broken promise, and where.
pub fn crash_everywhere(workload: &Workload, door: Door, points: Points) -> Result<Tried, Failure> {
    let before_any = |violation| Failure {
        cycles: 0,
        operation: None,
        violation,
    };
    let (whole, failed) = Player::play(workload, door, |_| {}).map_err(before_any)?;
    if let Some(error) = failed {
        let violation = Violation::of_error("playing", &error);
        return Err(before_any(violation));
    }
    let all = match points {
        Points::All => 0..whole.disk.operations() + 1,
        Points::One(at) => at..at + 1,
    };
    drop(whole);
    let mut tried = Tried {
        workloads: 1,
        ..Tried::default()
    };
    for at in all {
        let crashed = crash_at(workload, door, at, &mut tried);
        crashed.map_err(|violation| Failure {
            cycles: tried.ledger.cycles + 1,
            operation: Some(at),
            violation,
        })?;
    }
    Ok(tried)
}

fn crash_at(workload: &Workload, door: Door, at: u64, tried: &mut Tried) -> Result<(), Violation> {
    let (mut player, failed) = Player::play(workload, door, |disk| disk.crash_at(at))?;
    ensure(failed.is_some() != player.disk.is_powered(), || {
        format!("the power went at {at} and the log said {failed:?}")
    })?;
    player.log = None;
    for (place, ending) in Ending::of(workload.tail_policy).iter().enumerate() {
        let seed = workload.seed ^ (at << 8) ^ place as u64;
        let disk = player.disk.fork();
        let after = Aftermath {
            disk,
            model: player.model.clone(),
            workload,
            door,
            random: Random::new(seed),
        };
        // The faults before the power went are counted once.
        let counted = if place == 0 {
            FaultCounts::default()
        } else {
            player.disk.faults()
        };
        after
            .live_on(*ending, &counted, tried)
            .map_err(|violation| Violation(format!("{ending:?} ({place}): {violation}")))?;
    }
    Ok(())
}

/// A disk after the end of a run.
struct Aftermath<'a> {
    disk: SimDisk,
    model: Model,
    workload: &'a Workload,
    door: Door,
    random: Random,
}

impl Aftermath<'_> {
    fn live_on(
        mut self,
        ending: Ending,
        counted: &FaultCounts,
        tried: &mut Tried,
    ) -> Result<(), Violation> {
        ending.happen(&self.disk, self.random.bits());
        let mut player = Player::new(
            self.disk.clone(),
            self.workload.tail_policy,
            self.model.clone(),
            self.door,
        );
        use OpenCheck::{Everything, LastSegment, LastWrites};
        player.open_check = self
            .random
            .pick(&[LastWrites, LastWrites, LastSegment, Everything]);
        if self.random.percent(60) {
            let during = self.random.below(14);
            self.disk.crash_at(self.disk.operations() + during);
        }
        // The recovery may be cut off in turn; then what it said so far was to nobody.
        if let Some(error) = player.open()? {
            if self.disk.is_powered() {
                return Err(Violation::of_error("opening", &error));
            }
            let ending = self.random.pick(Ending::of(self.workload.tail_policy));
            ending.happen(&self.disk, self.random.bits());
            tried.ledger.in_recovery += 1;
            player.must_open().map_err(|violation| {
                Violation(format!("after a crash in recovery: {violation}"))
            })?;
        }
        self.disk.crash_at(u64::MAX);
        let found = self.disk.faults();
        tried
            .ledger
            .note(counted, &found, Answer::of(Ok(player.verdict)));
        tried.records += player.model.last();
        if self.random.percent(40) {
            // What was found is durable, whoever wrote it.
            player.log = None;
            Ending::DropAll.happen(&self.disk, 0);
            player
                .must_open()
                .map_err(|violation| Violation(format!("what was found is gone: {violation}")))?;
            let answer = Answer::of(Ok(player.verdict));
            tried.ledger.note(&found, &self.disk.faults(), answer);
        }
        if self.random.percent(30) {
            player.finish_recovery()?;
        }
        self.second_life(&mut player)
    }

    fn second_life(&mut self, player: &mut Player) -> Result<(), Violation> {
        let contents: Vec<Arc<_>> = (0..1 + self.random.index(3))
            .map(|_| draw_content(&mut self.random, 0))
            .collect();
        player.must_commit(&contents)?;
        if self.random.percent(30) {
            player.apply(&Step::Rotate)?;
        }
        let clean = self.random.percent(50);
        if let Some(error) = player.apply(&Step::Reopen { clean })? {
            return Err(Violation::of_error("opening a second time", &error));
        }
        player.log = None;
        let reader = Reader::open_on(self.disk.storage())
            .map_err(|error| Violation::of_error("opening for reading", &error))?;
        let report = reader
            .verify(&mut |_, _| {})
            .map_err(|error| Violation::of_error("verifying", &error))?;
        ensure(report.findings.is_empty(), || {
            format!("verify finds {:?}", report.findings)
        })
    }
}
