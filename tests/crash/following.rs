//! A follower beside a writer whose power goes: what it delivered is there afterwards, in every case.
//!
//! It looks after each step of a workload. Then the power goes, or the process is killed first and the
//! follower looks once more, at what the system's cache shows of writes that never came to the disk,
//! before the power goes.

use nodedb_tests::model::{Content, Model, Violation, ensure};
use nodedb_tests::parallel::each;
use nodedb_tests::player::{Door, Player, config};
use nodedb_tests::sweep::Ending;
use nodedb_tests::workload::Workload;
use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::{
    Error, Follower, Log, Lsn, ReadOptions, Record, RecordKind, Scope, TailPolicy, Tailed,
};

use crate::settings::seeds;

/// Workloads of each policy that everybody runs.
const SEEDS: u64 = 12;

/// Whoever follows, and how far it has come.
#[derive(Clone, Copy)]
struct Eye {
    next: u64,
    delivered: u64,
}

impl Eye {
    const NEW: Self = Self {
        next: 1,
        delivered: 0,
    };

    /// Delivers what there is; each record must be the one of `model`.
    fn look(
        &mut self,
        follower: &mut Option<Follower>,
        disk: &SimDisk,
        model: &Model,
    ) -> Result<(), Violation> {
        let mut is_in_batch = false;
        loop {
            let found = match follower {
                Some(follower) => follower.try_next().map(|tailed| match tailed {
                    Tailed::Record(record) => Some((
                        record.lsn().value(),
                        record.header.batch_continues(),
                        model.is(&record),
                    )),
                    Tailed::NotYet | Tailed::End => None,
                }),
                None => {
                    let options = ReadOptions::from(Lsn::new(self.next));
                    Follower::open_on(disk.storage(), options).map(|opened| {
                        *follower = Some(opened);
                        Some((0, false, Ok(())))
                    })
                }
            };
            match found {
                Ok(Some((0, ..))) => {}
                Ok(Some((lsn, continues, is_right))) => {
                    is_right?;
                    ensure(lsn == self.next, || {
                        format!("{lsn} after {}", self.next - 1)
                    })?;
                    (self.next, is_in_batch) = (lsn + 1, continues);
                    self.delivered += 1;
                }
                Ok(None) => return ensure(!is_in_batch, || "half a batch".to_owned()),
                Err(_) if !disk.is_powered() => return Ok(()),
                Err(Error::Truncated { start, .. }) if start.value() > self.next => {
                    self.next = start.value();
                    *follower = None;
                }
                Err(error) => return Err(Violation::of_error("following", &error)),
            }
        }
    }
}

/// Plays until the power goes at operation `at`.
fn play(workload: &Workload, at: u64) -> Result<(Player, Eye), Violation> {
    let disk = SimDisk::new(workload.seed);
    disk.set_io_mode(workload.io_mode);
    disk.set_faults(workload.faults());
    disk.crash_at(at);
    let (mut eye, mut follower) = (Eye::NEW, None);
    let mut player = Player::new(
        disk.clone(),
        workload.tail_policy,
        Model::new(),
        Door::HONEST,
    );
    eye.look(&mut follower, &disk, &player.model)?;
    let mut failed = player.open()?;
    for step in &workload.steps {
        if failed.is_some() {
            break;
        }
        failed = player
            .apply(step)?
            .filter(|error| !matches!(error, Error::TooLarge { .. }));
        eye.look(&mut follower, &disk, &player.model)?;
        let durable = player.log.as_ref().map(|log| log.durable_lsn().value());
        ensure(
            durable.is_none_or(|durable| eye.next <= durable + 1),
            || format!("{} was delivered, {durable:?} is durable", eye.next - 1),
        )?;
    }
    player.log = None;
    Ok((player, eye))
}

/// What is left after `ending` holds what was delivered, and the follower goes on there.
fn check(
    disk: &SimDisk,
    workload: &Workload,
    model: Model,
    mut eye: Eye,
    ending: Ending,
) -> Result<(), Violation> {
    ending.happen(disk, workload.seed);
    disk.crash_at(u64::MAX);
    let mut player = Player::new(disk.clone(), workload.tail_policy, model, Door::HONEST);
    player.must_open()?;
    let last = player.log.as_ref().map(|log| log.durable_lsn().value());
    ensure(last.is_some_and(|last| last + 1 >= eye.next), || {
        format!("{} was delivered and {last:?} is left", eye.next - 1)
    })?;
    let mut follower = None;
    eye.look(&mut follower, disk, &player.model)?;
    player.must_commit(&[Content::put(b"a second life").into()])?;
    let log = player.log.as_ref();
    log.map_or(Ok(false), Log::witness)
        .map_err(|error| Violation::of_error("vouching", &error))?;
    eye.look(&mut follower, disk, &player.model)?;
    ensure(eye.next == player.model.last() + 1, || {
        format!(
            "{} is durable and {} came",
            player.model.last(),
            eye.next - 1
        )
    })
}

/// What was tried of one workload.
#[derive(Default)]
struct Tried {
    cuts: u64,
    delivered: u64,
    /// Cuts after which the system's cache showed more than what was delivered.
    held_back: u64,
}

fn crash_everywhere(workload: &Workload) -> Result<Tried, Violation> {
    let operations = play(workload, u64::MAX)?.0.disk.operations();
    let mut tried = Tried::default();
    for at in 0..=operations {
        let (player, eye) = play(workload, at)?;
        for ending in [Ending::DropAll, Ending::KeepAll, Ending::Torn] {
            let cut = |what: &str, violation| {
                Violation(format!("operation {at}, {what} {ending:?}: {violation}"))
            };
            let disk = player.disk.fork();
            check(&disk, workload, player.model.clone(), eye, ending)
                .map_err(|violation| cut("", violation))?;
            let disk = player.disk.fork();
            Ending::Killed.happen(&disk, 0);
            disk.crash_at(u64::MAX);
            let mut eye = eye;
            eye.look(&mut None, &disk, &player.model)
                .map_err(|violation| cut("killed, then", violation))?;
            tried.delivered += eye.delivered;
            tried.held_back += u64::from(eye.next <= player.model.last());
            check(&disk, workload, player.model.clone(), eye, ending)
                .map_err(|violation| cut("killed, then", violation))?;
            tried.cuts += 2;
        }
    }
    Ok(tried)
}

fn sweep(tail_policy: TailPolicy) {
    let mut all = Tried::default();
    let crash = |seed| {
        let workload = Workload::draw(seed, tail_policy);
        crash_everywhere(&workload).map_err(|violation| {
            format!(
                "{tail_policy:?}: {violation}\n\
                 CRASH_SEED={seed} CRASH_SEEDS=1 cargo test -p nodedb-tests --test crash following"
            )
        })
    };
    let done = each(seeds(SEEDS), crash, |more: Tried| {
        all.cuts += more.cuts;
        all.delivered += more.delivered;
        all.held_back += more.held_back;
    });
    done.unwrap_or_else(|failure| panic!("{failure}"));
    println!(
        "{tail_policy:?}: {} power cuts, {} records delivered before them, {} times some were held back",
        all.cuts, all.delivered, all.held_back
    );
    assert!(all.held_back > 0 && all.delivered > 0);
}

#[test]
fn what_a_follower_delivered_is_there_after_a_power_cut_with_blocks_that_are_rewritten() {
    sweep(TailPolicy::Rewrite);
}

#[test]
fn what_a_follower_delivered_is_there_after_a_power_cut_with_blocks_that_are_padded() {
    sweep(TailPolicy::Pad);
}

#[test]
fn a_tail_delivers_what_is_durable_and_then_says_that_the_log_is_poisoned() {
    let disk = SimDisk::new(1);
    let log = Log::open(config(&disk, Door::HONEST, TailPolicy::Rewrite)).unwrap();
    let mut tail = log.tail(ReadOptions::all()).unwrap();
    let put = |payload| log.append(&Record::raw(RecordKind::Put, Scope::default(), payload));
    log.commit(put(b"durable").unwrap()).unwrap();
    disk.set_faults(FaultPlan {
        at: [(disk.operations(), Fault::Error)].into(),
        ..FaultPlan::default()
    });
    assert!(log.commit(put(b"not durable").unwrap()).is_err());
    let Tailed::Record(record) = tail.try_next().unwrap() else {
        panic!("it is durable");
    };
    assert_eq!(record.payload, b"durable");
    for _ in 0..2 {
        let error = tail.next().unwrap_err();
        assert!(matches!(error, Error::Poisoned { .. }), "{error}");
    }
}
