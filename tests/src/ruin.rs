//! Damages the disk of a workload at random, or has it lie, and checks what the log makes of it: it
//! says what is damaged, or it opens with everything that anything left on disk vouches for. It never
//! serves what was not written.

use nodedb_wal::format::SegmentHeader;
use nodedb_wal::storage::sim::{Fault, FaultCounts, SimDisk};
use nodedb_wal::{Error, ErrorClass, Log, Lsn, OpenCheck, ReadOptions, TailPolicy};

use crate::ledger::{Answer, Ledger};
use crate::model::{Model, Violation, ensure};
use crate::player::{Door, Player, config};
use crate::random::Random;
use crate::scan::Scan;
use crate::sweep::Ending;
use crate::workload::{Step, Workload};

/// Damages tried on each workload.
const DAMAGES: u64 = 40;

/// What a disk does wrong and does not tell.
const LIES: [Fault; 2] = [Fault::Misdirected, Fault::Lost];

/// Ends `workload` at random operations and damages what is left, in every way.
///
/// # Errors
///
/// The first broken promise, and how many cases it took.
pub fn damage(workload: &Workload, door: Door) -> Result<Ledger, (Violation, u64)> {
    let mut ledger = Ledger::default();
    damage_into(workload, door, &mut ledger).map_err(|violation| (violation, ledger.cycles + 1))?;
    Ok(ledger)
}

fn damage_into(workload: &Workload, door: Door, ledger: &mut Ledger) -> Result<(), Violation> {
    let mut random = Random::new(workload.seed);
    let (whole, _) = Player::play(workload, Door::HONEST, |_| {})?;
    let operations = whole.disk.operations();
    drop(whole);
    for _ in 0..DAMAGES / 4 {
        let at = random.below(operations + operations / 2);
        let (mut player, _) = Player::play(workload, Door::HONEST, |disk| disk.crash_at(at))?;
        player.log = None;
        player.disk.crash_at(u64::MAX);
        let ending = random.pick(Ending::of(workload.tail_policy));
        ending.happen(&player.disk, random.bits());
        for _ in 0..4 {
            let disk = player.disk.fork();
            let counted = disk.faults();
            let what = ruin(&disk, &mut random);
            let case = Ruined {
                disk: &disk,
                model: &player.model,
                tail_policy: workload.tail_policy,
                door,
                vouched: vouched(&disk),
            };
            let answer = case
                .check(random.percent(50))
                .map_err(|violation| Violation(format!("crash at {at}, {what}: {violation}")))?;
            ledger.note(&counted, &disk.faults(), answer);
        }
    }
    Ok(())
}

/// Plays what `workload` does in one life, on a disk that lies once, at each of its operations.
///
/// # Errors
///
/// The first broken promise, and how many cases it took.
pub fn lie(workload: &Workload) -> Result<Ledger, (Violation, u64)> {
    let one_life = |step: &&Step| {
        use Step::{Bystander, Follow, Read, Reopen, SwitchIo};
        !matches!(
            step,
            Bystander | Follow | Read { .. } | Reopen { .. } | SwitchIo
        )
    };
    let steps = workload.steps.iter().filter(one_life).cloned().collect();
    let life = Workload {
        steps,
        weather: Vec::new(),
        ..workload.clone()
    };
    let mut ledger = Ledger::default();
    lie_into(&life, &mut ledger).map_err(|violation| (violation, ledger.cycles + 1))?;
    Ok(ledger)
}

fn lie_into(life: &Workload, ledger: &mut Ledger) -> Result<(), Violation> {
    let (whole, _) = Player::play(life, Door::HONEST, |_| {})?;
    let operations = whole.disk.operations();
    drop(whole);
    for at in 0..operations {
        for fault in LIES {
            let mut faults = life.faults();
            faults.at.insert(at, fault);
            let (mut player, _) = Player::play(life, Door::HONEST, |disk| disk.set_faults(faults))?;
            player.log = None;
            Ending::DropAll.happen(&player.disk, 0);
            let case = Ruined {
                disk: &player.disk,
                model: &player.model,
                tail_policy: life.tail_policy,
                door: Door::HONEST,
                vouched: vouched(&player.disk),
            };
            let answer = case
                .check(at % 2 == 0)
                .map_err(|violation| Violation(format!("{fault:?} at {at}: {violation}")))?;
            ledger.note(&FaultCounts::default(), &player.disk.faults(), answer);
        }
    }
    Ok(())
}

/// A disk that is not what was written.
struct Ruined<'a> {
    disk: &'a SimDisk,
    model: &'a Model,
    tail_policy: TailPolicy,
    door: Door,
    /// Records up to here must be there, or be told to be damaged.
    vouched: u64,
}

impl Ruined<'_> {
    fn check(&self, is_thorough: bool) -> Result<Answer, Violation> {
        let open_check = if is_thorough {
            OpenCheck::Everything
        } else {
            OpenCheck::LastSegment
        };
        let settings = config(self.disk, self.door, self.tail_policy).open_check(open_check);
        match Log::open(settings) {
            Ok(log) => {
                self.check_opened(&log, is_thorough)?;
                Ok(Answer::of(Ok(log.recovery().verdict)))
            }
            Err(error) => {
                self.check_told(&error)?;
                Ok(Answer::of(Err(&error)))
            }
        }
    }

    fn check_opened(&self, log: &Log, is_thorough: bool) -> Result<(), Violation> {
        let last = log.next_lsn().value() - 1;
        let vouched = self.vouched;
        ensure(last >= vouched, || {
            let found = log.recovery();
            let files = segments(self.disk);
            format!(
                "opened up to {last} without a word; {vouched} was durable: {found:?} {files:?}"
            )
        })?;
        let mut model = self.model.clone();
        model.forget_acknowledged();
        model.ends_at(Lsn::new(last))?;
        let mut records = log
            .read(ReadOptions::all())
            .map_err(|error| Violation::of_error("reading", &error))?;
        let mut expected = log.start_lsn().value();
        loop {
            match records.next() {
                Ok(Some(found)) => {
                    let lsn = found.lsn().value();
                    ensure(lsn == expected, || format!("read {lsn}, not {expected}"))?;
                    model.is(&found)?;
                    expected += 1;
                }
                Ok(None) => {
                    return ensure(expected == last + 1, || {
                        format!("reading ended before {expected}, the last is {last}")
                    });
                }
                Err(error) => {
                    ensure(!is_thorough, || format!("found whole, and then {error}"))?;
                    return self.check_told(&error);
                }
            }
        }
    }

    /// Damage is told as damage, and damage to acknowledged records is to such.
    fn check_told(&self, error: &Error) -> Result<(), Violation> {
        if error.class() != ErrorClass::Corruption {
            return Err(Violation::of_error("damage is told as", error));
        }
        let Error::Damaged { lsns, .. } = error else {
            return Ok(());
        };
        // What was durable may not have been acknowledged when the power went.
        ensure(lsns.first.value() <= self.model.last(), || {
            format!("{lsns} are told to be damaged and never were")
        })
    }
}

fn segments(disk: &SimDisk) -> Vec<String> {
    let names = disk.names().into_iter();
    names.filter(|name| name.starts_with("wal-0")).collect()
}

/// The last record that anything on the disk says was durable. A file of another log says nothing
/// about this one.
fn vouched(disk: &SimDisk) -> u64 {
    let all: Vec<Vec<u8>> = segments(disk)
        .iter()
        .filter_map(|name| disk.read_file(name).ok())
        .collect();
    let id = |bytes: &Vec<u8>| {
        let block = bytes.first_chunk()?;
        Some(SegmentHeader::decode_block(block).ok()?.log_id)
    };
    let mut ids: Vec<u128> = all.iter().filter_map(id).collect();
    ids.sort_unstable();
    let own = ids.get(ids.len() / 2).copied();
    let own = all.iter().filter(|bytes| id(bytes) == own);
    own.map(|bytes| Scan::vouched(bytes)).max().unwrap_or(0)
}

/// Damages one file; what was done.
fn ruin(disk: &SimDisk, random: &mut Random) -> String {
    let names = segments(disk);
    let Some(name) = names.get(random.index(names.len())) else {
        return "nothing to damage".to_owned();
    };
    let bytes = disk.read_file(name).unwrap_or_default();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0) as u64;
    // Most of the time something is hit that was written.
    let offset = match random.below(4) {
        0 => random.below(bytes.len() as u64),
        _ => random.below(used.min(bytes.len() as u64 - 1) + 1),
    };
    let sector = offset / 512;
    let done = match random.below(9) {
        0 | 1 => disk.flip_bit(name, offset, u8::try_from(random.below(8)).unwrap_or(0)),
        2 => disk.zero_sector(name, sector),
        3 => disk.patch(name, sector * 512, &random.bytes(512)),
        4 | 5 => {
            let versions = disk.stale_versions(name, sector).unwrap_or(0);
            disk.make_stale(name, sector, random.index(versions))
        }
        6 => disk.truncate_file(name, offset),
        7 => disk.remove_file(name),
        _ => foreign(disk, &names, random),
    };
    format!("{name} at {offset}: {done:?}")
}

/// A file of another log takes the place of one of at least three.
fn foreign(disk: &SimDisk, names: &[String], random: &mut Random) -> std::io::Result<()> {
    if names.len() < 3 {
        return Ok(());
    }
    let workload = Workload::draw(random.bits(), TailPolicy::Rewrite);
    let Ok((other, _)) = Player::play(&workload, Door::HONEST, |_| {}) else {
        return Ok(());
    };
    let common = names
        .iter()
        .find(|name| disk.names().contains(name) && other.disk.file_id(name).is_some());
    match common {
        Some(name) => disk.copy_file_from(&other.disk, name),
        None => Ok(()),
    }
}
