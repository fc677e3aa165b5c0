//! The log beside the model: everything that a run of the log does to its disk must be a step that the
//! model has, in the state that it has come to; and what a crash leaves, one of the model's outcomes.

use nodedb_tests::player::SEGMENT_BYTES;
use nodedb_tests::random::Random;
use nodedb_tests::sweep::Ending;
use nodedb_tests::watched::Watch;
use nodedb_tests::workload::{Step, Workload};
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Config, Error, Log, TailPolicy};

use crate::shadow::{Answer, Shadow};
use crate::state::{Bug, Lsn};

/// Workloads of each policy that everybody runs; how many crashes of each.
const WORKLOADS: u64 = 60;
const CRASHES: u64 = 12;

/// The model counts records in eight bits.
const RECORDS_MAX: u64 = 230;

/// What was compared.
#[derive(Debug, Default)]
struct Compared {
    runs: u64,
    steps: u64,
    crashes: u64,
}

/// A log on a watched disk, and its shadow.
struct Run {
    disk: SimDisk,
    watch: Watch,
    tail_policy: TailPolicy,
    log: Option<Log>,
    shadow: Shadow,
}

impl Run {
    fn open(&mut self) -> Result<Result<(), Error>, String> {
        let storage = self.watch.over(self.disk.storage());
        let config = Config::on(storage)
            .segment_bytes(SEGMENT_BYTES)
            // What the model has no steps for is for `tests/crash`: several writes that one sync makes
            // durable, batches in parts, and those in a segment of their own. No buffer fills up here.
            .buffer_bytes(1 << 20)
            .batch_bytes_max(SEGMENT_BYTES / 2)
            .tail_policy(self.tail_policy);
        let opened = Log::open(config);
        let seen = self.watch.take_seen();
        match opened {
            Ok(log) => {
                let next = lsn(log.next_lsn());
                self.log = Some(log);
                self.shadow.opened(&seen, next).map(Ok)
            }
            Err(error) => {
                self.shadow.half_opened(&seen);
                Ok(Err(error))
            }
        }
    }

    /// One step of a workload; the error of the log, if it failed.
    fn apply(&mut self, step: &Step) -> Result<Result<(), Error>, String> {
        let Some(log) = &self.log else {
            return Ok(Err(Error::Closed));
        };
        let back =
            |back: u64| nodedb_wal::Lsn::new(log.next_lsn().value().saturating_sub(back + 1));
        let commit = |up_to| log.commit(up_to).map(|at| Answer::Durable(lsn(at.lsn())));
        let answer = match step {
            Step::Append(content) => log.append(&content.record()).map(|_| Answer::Appended(1)),
            Step::Batch(contents) => {
                let records: Vec<_> = contents.iter().map(|content| content.record()).collect();
                let count = Lsn::try_from(records.len()).unwrap();
                log.append_batch(&records).map(|_| Answer::Appended(count))
            }
            Step::Commit { back: n } | Step::CommitAsync { back: n } => commit(back(*n)),
            Step::Sync => commit(back(0)),
            Step::Idle => log.witness().map(|_| Answer::Nothing),
            Step::Rotate => log.rotate().map(|()| Answer::Nothing),
            Step::Truncate { percent } => {
                let before = (log.next_lsn().value() * percent / 100).max(1);
                let truncated = log.truncate_before(nodedb_wal::Lsn::new(before));
                truncated.map(|_| Answer::Nothing)
            }
            Step::Reopen { clean } => return self.reopen(*clean),
            Step::SwitchIo => return self.reopen(true),
            Step::Read { .. } | Step::Follow | Step::Bystander => Ok(Answer::Nothing),
        };
        self.shadow.take_in(self.watch.take_seen())?;
        match answer {
            Ok(answer) => self.shadow.answered(answer).map(Ok),
            Err(error @ (Error::TooLarge { .. } | Error::EmptyBatch)) => {
                drop(error);
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    fn reopen(&mut self, clean: bool) -> Result<Result<(), Error>, String> {
        let closed = match self.log.take() {
            Some(log) if clean => log.close(),
            _ => Ok(()),
        };
        self.shadow.take_in(self.watch.take_seen())?;
        if let Err(error) = closed {
            return Ok(Err(error));
        }
        self.shadow.ended();
        self.open()
    }
}

fn lsn(lsn: nodedb_wal::Lsn) -> Lsn {
    Lsn::try_from(lsn.value()).unwrap()
}

/// Plays a workload, the power going in the operation `crash` where there is one; how many operations
/// there were.
fn play(
    workload: &Workload,
    bug: Bug,
    crash: Option<u64>,
    compared: &mut Compared,
) -> Result<u64, String> {
    let disk = SimDisk::new(workload.seed);
    disk.set_io_mode(workload.io_mode);
    let mut run = Run {
        disk,
        watch: Watch::default(),
        tail_policy: workload.tail_policy,
        log: None,
        shadow: Shadow::new(bug),
    };
    run.open()?.unwrap();
    if let Some(operation) = crash {
        run.disk.crash_at(operation);
    }
    for step in &workload.steps {
        let next = run.log.as_ref().map_or(0, |log| log.next_lsn().value());
        if next > RECORDS_MAX {
            break;
        }
        compared.steps += 1;
        let done = run.apply(step).map_err(|what| format!("{step}: {what}"))?;
        if let Err(error) = done {
            if run.disk.is_powered() {
                return Err(format!("{step}: {error}"));
            }
            let mut random = Random::new(workload.seed ^ run.disk.operations());
            let ending = random.pick(Ending::of(workload.tail_policy));
            run.log = None;
            run.shadow.ended();
            ending.happen(&run.disk, random.bits());
            run.disk.crash_at(u64::MAX);
            compared.crashes += 1;
            let opened = run
                .open()
                .map_err(|what| format!("after {ending:?}: {what}"))?;
            opened.map_err(|error| format!("after {ending:?}: {error}"))?;
        }
    }
    compared.runs += 1;
    Ok(run.disk.operations())
}

fn check(bug: Bug) -> Result<Compared, String> {
    let mut compared = Compared::default();
    for tail_policy in [TailPolicy::Rewrite, TailPolicy::Pad] {
        for seed in 1..=WORKLOADS {
            let mut workload = Workload::draw(seed, tail_policy);
            workload.weather.clear();
            let told = |what: String| format!("workload {seed}, {tail_policy:?}: {what}");
            let operations = play(&workload, bug, None, &mut compared).map_err(told)?;
            for crash in 0..CRASHES {
                // Behind the first opening, which takes a handful.
                let at = 10 + (operations.saturating_sub(10)) * crash / CRASHES;
                let told = |what: String| told(format!("crash at {at}: {what}"));
                play(&workload, bug, Some(at), &mut compared).map_err(told)?;
            }
        }
    }
    Ok(compared)
}

#[test]
fn what_the_log_does_are_steps_of_the_model() {
    println!("{:?}", check(Bug::None).unwrap());
}

/// The comparison must be able to fail: with a model that is wrong, it does.
#[test]
fn a_model_of_another_log_is_found_out() {
    for bug in [
        Bug::ClaimsItself,
        Bug::DividesBatch,
        Bug::GoesOnInOldSegment,
    ] {
        let found = check(bug).unwrap_err();
        println!("{bug:?}: {found}");
    }
}
