//! Plays a workload while the disk fails, checks what the log says of it, and goes on.

use nodedb_wal::storage::sim::{Fault, FaultCounts, FaultKind, FaultPlan, ReadFault, SimDisk};
use nodedb_wal::{Error, Log, Lsn};

use crate::ledger::{Answer, Ledger};
use crate::model::{Content, Model, Violation, ensure};
use crate::player::{Door, Player, config};
use crate::sweep::Ending;
use crate::workload::{Step, Workload};

/// What was tried.
#[derive(Clone, Debug, Default)]
pub struct Outcomes {
    /// Errors that stopped the log until it was opened again.
    pub poisoned: u64,
    /// Errors after which the log went on: of space made ready, or of space given back.
    pub went_on: u64,
    /// Errors of opening or closing.
    pub at_the_ends: u64,
    /// Calls refused because the disk was full.
    pub full: u64,
    /// What the disks did, and what the log said.
    pub ledger: Ledger,
}

impl Outcomes {
    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        self.ledger.add(&other.ledger);
        self.poisoned += other.poisoned;
        self.went_on += other.went_on;
        self.at_the_ends += other.at_the_ends;
        self.full += other.full;
    }
}

impl Outcomes {
    /// Notes how it went.
    fn close(&mut self, player: &Player) {
        let is_told = self.poisoned + self.at_the_ends + self.full > 0;
        let answer = if is_told {
            Answer::Failed
        } else {
            Answer::of(Ok(player.verdict))
        };
        let none = FaultCounts::default();
        self.ledger.note(&none, &player.disk.faults(), answer);
    }
}

/// Plays `workload` with operation number `failing` going wrong, to its end; then the power goes.
///
/// # Errors
///
/// A promise is broken.
pub fn fail_once(
    workload: &Workload,
    door: Door,
    failing: u64,
    fault: Fault,
) -> Result<Outcomes, Violation> {
    let disk = SimDisk::new(workload.seed);
    disk.set_io_mode(workload.io_mode);
    let mut faults = workload.faults();
    faults.at.insert(failing, fault);
    disk.set_faults(faults);
    let mut player = Player::new(disk, workload.tail_policy, Model::new(), door);
    let mut outcomes = Outcomes::default();
    let opening = Step::Reopen { clean: false };
    for step in std::iter::once(&opening).chain(&workload.steps) {
        let Some(error) = player.apply(step)? else {
            continue;
        };
        take_in(&mut player, step, &error, &mut outcomes)?;
    }
    player.log = None;
    Ending::DropAll.happen(&player.disk, 0);
    player.must_open()?;
    outcomes.close(&player);
    Ok(outcomes)
}

/// Lets each read fail with which a workload's log is opened and read, one at a time.
///
/// # Errors
///
/// A promise is broken: the error was not told, or told as something else, or a read that was told
/// to have failed gave something wrong.
pub fn fail_reads(workload: &Workload) -> Result<Outcomes, Violation> {
    let (mut player, _) = Player::play(workload, Door::HONEST, |_| {})?;
    player.log = None;
    let mut outcomes = Outcomes::default();
    for read in 0.. {
        let disk = player.disk.fork();
        disk.set_faults(FaultPlan {
            reads_at: [(disk.reads() + read, ReadFault::Error)].into(),
            ..FaultPlan::default()
        });
        let counted = disk.faults();
        let is_struck = |disk: &SimDisk| disk.faults().of(FaultKind::ReadError) > 0;
        let model = player.model.clone();
        let mut opened = Player::new(disk.clone(), workload.tail_policy, model, Door::HONEST);
        let is_told = match Log::open(config(&disk, Door::HONEST, workload.tail_policy)) {
            Ok(log) => reads_until_told(&opened.model, &log)?,
            Err(Error::Io { .. }) => true,
            Err(error) => return Err(Violation::of_error("a failed read is told as", &error)),
        };
        if !is_struck(&disk) {
            return Ok(outcomes);
        }
        opened.must_open()?;
        outcomes.at_the_ends += u64::from(is_told);
        let answer = if is_told {
            Answer::Failed
        } else {
            Answer::CleanEnd
        };
        outcomes.ledger.note(&counted, &disk.faults(), answer);
    }
    Ok(outcomes)
}

/// Reads everything, twice where the first time is told to have failed.
fn reads_until_told(model: &Model, log: &Log) -> Result<bool, Violation> {
    let mut model = model.clone();
    model.ends_at(log.next_lsn().previous())?;
    let first = model.check_open(log);
    let is_told = first.is_err();
    if let Err(violation) = first {
        let is_of_the_disk = violation.0.starts_with("reading: cannot read");
        ensure(is_of_the_disk, || violation.0)?;
        model.check_open(log)?;
    }
    Ok(is_told)
}

/// Checks what may be refused, and how; the log is open again afterwards.
fn take_in(
    player: &mut Player,
    step: &Step,
    error: &Error,
    outcomes: &mut Outcomes,
) -> Result<(), Violation> {
    match error {
        Error::TooLarge { .. } => return Ok(()),
        Error::DiskFull { .. } => {
            outcomes.full += 1;
            if player.log.is_none() {
                return player.must_open();
            }
            // There is room again: the same call succeeds, and so does everything else.
            return must_apply(player, step);
        }
        Error::Poisoned { .. } if player.log.is_some() => {
            outcomes.poisoned += 1;
            must_stay_poisoned(player)?;
            return restart(player);
        }
        Error::Poisoned { .. } | Error::Io { .. } => {}
        other => return Err(Violation::of_error("an I/O error is told as", other)),
    }
    if player.log.is_none() {
        outcomes.at_the_ends += 1;
        return restart(player);
    }
    outcomes.went_on += 1;
    must_apply(player, step)
}

/// Opens the log again, in the same run of the machine. After a failed sync of buffered writes the
/// cache takes for written what is not on disk, and no later sync writes it: opening must not count
/// on that.
fn restart(player: &mut Player) -> Result<(), Violation> {
    player.log = None;
    player.must_open()
}

fn must_apply(player: &mut Player, step: &Step) -> Result<(), Violation> {
    match player.apply(step)? {
        None => Ok(()),
        Some(error) => Err(Violation::of_error("trying once more", &error)),
    }
}

/// Every later call says that the log stopped, and acknowledges nothing.
fn must_stay_poisoned(player: &mut Player) -> Result<(), Violation> {
    let content = std::sync::Arc::new(Content::put(b"too late"));
    let durable = player.log.as_ref().map_or(Lsn::ZERO, Log::durable_lsn);
    let mut calls = vec![
        Step::Append(content.clone()),
        Step::Batch(vec![content]),
        Step::Sync,
        Step::Rotate,
        Step::Truncate { percent: 100 },
    ];
    if player.model.last() > durable.value() {
        calls.push(Step::Commit { back: 0 });
    }
    for call in calls.iter().chain(&calls) {
        let answer = player.apply(call)?;
        ensure(matches!(answer, Some(Error::Poisoned { .. })), || {
            format!("after a failed write {call:?} is answered {answer:?}")
        })?;
    }
    let after = player.log.as_ref().map_or(Lsn::ZERO, Log::durable_lsn);
    ensure(after == durable, || {
        format!("after a failed write the frontier went from {durable} to {after}")
    })
}

/// Plays `workload` on a disk that is full from step `from` on, for `steps` steps; then there is
/// room.
///
/// # Errors
///
/// A promise is broken.
pub fn fill_up(
    workload: &Workload,
    from: usize,
    steps: usize,
    writes_need_space: bool,
) -> Result<Outcomes, Violation> {
    let disk = SimDisk::new(workload.seed);
    disk.set_io_mode(workload.io_mode);
    let mut player = Player::new(disk, workload.tail_policy, Model::new(), Door::HONEST);
    let mut outcomes = Outcomes::default();
    player.must_open()?;
    for (at, step) in workload.steps.iter().enumerate() {
        let is_full = (from..from + steps).contains(&at);
        player.disk.set_faults(FaultPlan {
            capacity_bytes: is_full.then_some(0),
            writes_need_space,
            ..FaultPlan::default()
        });
        if player.log.is_none() && !is_full {
            player.must_open()?;
        }
        match player.apply(step)? {
            None | Some(Error::TooLarge { .. }) => {}
            // The log could not be opened, for want of room.
            Some(Error::Closed) if is_full => {}
            Some(Error::DiskFull { .. }) if is_full => outcomes.full += 1,
            Some(error) => return Err(Violation::of_error("full, or not any more", &error)),
        }
    }
    player.disk.set_faults(FaultPlan::default());
    if player.log.is_none() {
        player.must_open()?;
    }
    must_apply(&mut player, &Step::Sync)?;
    player.log = None;
    Ending::DropAll.happen(&player.disk, 0);
    player.must_open()?;
    outcomes.close(&player);
    Ok(outcomes)
}
