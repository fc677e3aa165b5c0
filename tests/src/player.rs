//! Plays a workload on a log on a simulated disk, and keeps the model beside it.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::storage::{IoMode, Storage};
use nodedb_wal::{
    Commit, Config, DurableLsn, Error, Log, Lsn, LsnRange, OpenCheck, ReadOptions, Reader, Records,
    TailPolicy, TenantId, Verdict,
};

use crate::model::{Content, Model, Violation, ensure};
use crate::workload::{Step, Workload};

/// What stands between the log and the disk.
#[derive(Clone, Copy, Debug)]
pub struct Door(pub fn(Arc<dyn Storage>) -> Arc<dyn Storage>);

impl Door {
    /// Nothing.
    pub const HONEST: Self = Self(|storage| storage);
}

/// The segments of every log that is played with.
pub const SEGMENT_BYTES: u64 = 64 * 1024;

/// The largest batch they take.
pub const BATCH_BYTES_MAX: u64 = 3 << 20;

/// The settings of a small log on `disk`.
#[must_use]
pub fn config(disk: &SimDisk, door: Door, tail_policy: TailPolicy) -> Config {
    Config::on((door.0)(disk.storage()))
        .segment_bytes(SEGMENT_BYTES)
        .buffer_bytes(8192)
        .batch_bytes_max(BATCH_BYTES_MAX)
        .tail_policy(tail_policy)
}

/// A log being used.
#[derive(Debug)]
pub struct Player {
    /// The disk it lives on.
    pub disk: SimDisk,
    /// What it has been told and has answered.
    pub model: Model,
    /// Its setting.
    pub tail_policy: TailPolicy,
    /// Its setting.
    pub open_check: OpenCheck,
    /// `None` where it could not be opened.
    pub log: Option<Log>,
    /// What the last opening made of the end.
    pub verdict: Verdict,
    /// The stream that [`Step::Follow`] reads on, and the LSN it comes to next.
    follower: Option<(Records, u64)>,
    door: Door,
}

impl Player {
    /// Nobody uses the disk yet.
    #[must_use]
    pub fn new(disk: SimDisk, tail_policy: TailPolicy, model: Model, door: Door) -> Self {
        Self {
            disk,
            model,
            tail_policy,
            open_check: OpenCheck::LastSegment,
            log: None,
            verdict: Verdict::CleanEnd,
            follower: None,
            door,
        }
    }

    /// Plays a whole life on a fresh disk, or up to the first error.
    ///
    /// # Errors
    ///
    /// A promise is broken.
    pub fn play(
        workload: &Workload,
        door: Door,
        prepare: impl FnOnce(&SimDisk),
    ) -> Result<(Self, Option<Error>), Violation> {
        let disk = SimDisk::new(workload.seed);
        disk.set_io_mode(workload.io_mode);
        disk.set_faults(workload.faults());
        prepare(&disk);
        let mut player = Self::new(disk, workload.tail_policy, Model::new(), door);
        let mut failed = player.open()?;
        for step in &workload.steps {
            if failed.is_some() {
                break;
            }
            failed = player
                .apply(step)?
                // A call that cannot be served as it is changes nothing.
                .filter(|error| !matches!(error, Error::TooLarge { .. }));
        }
        Ok((player, failed))
    }

    /// Opens the log and checks all of it; the error with which that failed, if it did.
    ///
    /// # Errors
    ///
    /// A promise is broken.
    pub fn open(&mut self) -> Result<Option<Error>, Violation> {
        let config = config(&self.disk, self.door, self.tail_policy);
        self.follower = None;
        match Log::open(config.open_check(self.open_check)) {
            Ok(log) => {
                self.verdict = log.recovery().verdict;
                self.model.check_opened(&log)?;
                self.log = Some(log);
                Ok(None)
            }
            Err(error) => Ok(Some(error)),
        }
    }

    /// As [`Self::open`], where the log must open.
    ///
    /// # Errors
    ///
    /// A promise is broken, or the log did not open.
    pub fn must_open(&mut self) -> Result<(), Violation> {
        match self.open()? {
            None => Ok(()),
            Some(error) => Err(Violation::of_error("opening", &error)),
        }
    }

    /// Has the past checked whole and sealed: nothing may be wrong with it.
    ///
    /// # Errors
    ///
    /// Something is.
    pub fn finish_recovery(&self) -> Result<(), Violation> {
        let finished = self.log.as_ref().map(Log::finish_recovery);
        finished
            .unwrap_or(Ok(()))
            .map_err(|error| Violation::of_error("sealing the past", &error))
    }

    /// Does one step; the error with which the log refused it, if it did.
    ///
    /// # Errors
    ///
    /// A promise is broken.
    pub fn apply(&mut self, step: &Step) -> Result<Option<Error>, Violation> {
        if let Step::Reopen { clean } = step {
            return self.reopen(*clean, self.disk.io_mode());
        }
        if matches!(step, Step::SwitchIo) {
            let other = match self.disk.io_mode() {
                IoMode::Direct => IoMode::Buffered,
                IoMode::Buffered => IoMode::Direct,
            };
            return self.reopen(true, other);
        }
        let Some(log) = self.log.take() else {
            return Ok(Some(Error::Closed));
        };
        let refused = self.apply_to(&log, step);
        let durable = log.durable_lsn();
        self.log = Some(log);
        let refused = refused?;
        // What the log calls durable, readers see.
        self.model.acknowledge(durable)?;
        Ok(refused)
    }

    fn apply_to(&mut self, log: &Log, step: &Step) -> Result<Option<Error>, Violation> {
        let model = &mut self.model;
        let back_from_last = |back: u64| Lsn::new(model.last().saturating_sub(back));
        let refused = match step {
            Step::Append(content) => {
                let appended = log.append(&content.record());
                let lsns = appended.map(|lsn| LsnRange {
                    first: lsn,
                    last: lsn,
                });
                append(model, std::slice::from_ref(content), lsns)?
            }
            Step::Batch(contents) => {
                let records: Vec<_> = contents.iter().map(|content| content.record()).collect();
                append(model, contents, log.append_batch(&records))?
            }
            Step::Commit { back } => {
                let lsn = back_from_last(*back);
                commit(model, lsn, log.commit(lsn).map(DurableLsn::lsn))?
            }
            Step::CommitAsync { back } => {
                let lsn = back_from_last(*back);
                commit(model, lsn, poll_once(log.commit_async(lsn))?)?
            }
            Step::Sync => {
                let lsn = back_from_last(0);
                commit(model, lsn, log.sync().map(DurableLsn::lsn))?
            }
            Step::Rotate => {
                let lsn = back_from_last(0);
                commit(model, lsn, log.rotate().map(|()| lsn))?
            }
            Step::Idle => log.witness().err(),
            Step::Truncate { percent } => {
                let before = Lsn::new((model.last() * percent / 100).max(1));
                truncate(model, before, log)?
            }
            Step::Read { percent, tenant } => read(model, *percent, *tenant, log)?,
            Step::Follow => self.follow(log)?,
            Step::Bystander => self.look_on()?,
            Step::Reopen { .. } | Step::SwitchIo => None,
        };
        let (next, last) = (log.next_lsn(), self.model.last());
        ensure(next.value() == last + 1, || {
            format!("after {step} the next LSN is {next}, not {}", last + 1)
        })?;
        Ok(refused)
    }

    /// Reads on with the stream of the step before, or a new one.
    fn follow(&mut self, log: &Log) -> Result<Option<Error>, Violation> {
        let reading = |error| Violation::of_error("following", &error);
        let start = log.start_lsn().value();
        // A stream whose place was truncated away is over.
        let kept = self.follower.take().filter(|(_, next)| *next >= start);
        let (mut records, first) = match kept {
            Some(follower) => follower,
            None => (log.read(ReadOptions::all()).map_err(reading)?, start),
        };
        let last = log.durable_lsn().value();
        self.model.matches(&mut records, first, last)?;
        self.follower = Some((records, (last + 1).max(first)));
        Ok(None)
    }

    /// Somebody else reads: a part of what is there, from its start on.
    fn look_on(&self) -> Result<Option<Error>, Violation> {
        let reader = match Reader::open_on((self.door.0)(self.disk.storage())) {
            Ok(reader) => reader,
            Err(error) => return Err(Violation::of_error("reading beside the writer", &error)),
        };
        let mut records = reader
            .read(ReadOptions::all())
            .map_err(|error| Violation::of_error("reading beside the writer", &error))?;
        let (first, last) = (reader.start_lsn().value(), reader.next_lsn().value() - 1);
        self.model.matches(&mut records, first, last)?;
        Ok(None)
    }

    fn reopen(&mut self, clean: bool, io_mode: IoMode) -> Result<Option<Error>, Violation> {
        self.follower = None;
        if let Some(log) = self.log.take()
            && clean
        {
            match log.close() {
                Ok(()) => self.model.acknowledge(Lsn::new(self.model.last()))?,
                Err(error) => return Ok(Some(error)),
            }
        }
        self.disk.set_io_mode(io_mode);
        self.open()
    }

    /// Appends `contents` and commits them.
    ///
    /// # Errors
    ///
    /// A promise is broken, or the log refused.
    pub fn must_commit(&mut self, contents: &[Arc<Content>]) -> Result<(), Violation> {
        let steps = [Step::Batch(contents.to_vec()), Step::Commit { back: 0 }];
        for step in &steps {
            if let Some(error) = self.apply(step)? {
                return Err(Violation::of_error("appending", &error));
            }
        }
        Ok(())
    }
}

fn append(
    model: &mut Model,
    contents: &[Arc<Content>],
    answer: nodedb_wal::Result<LsnRange>,
) -> Result<Option<Error>, Violation> {
    match answer {
        Ok(lsns) => model.appended(contents, lsns).map(|()| None),
        Err(error) => Ok(Some(error)),
    }
}

fn commit(
    model: &mut Model,
    lsn: Lsn,
    answer: nodedb_wal::Result<Lsn>,
) -> Result<Option<Error>, Violation> {
    match answer {
        Ok(durable) => {
            ensure(durable >= lsn, || format!("commit of {lsn} says {durable}"))?;
            model.acknowledge(durable)?;
            Ok(None)
        }
        Err(error) => Ok(Some(error)),
    }
}

fn truncate(model: &mut Model, before: Lsn, log: &Log) -> Result<Option<Error>, Violation> {
    model.may_truncate(before);
    match log.truncate_before(before) {
        Ok(truncated) => model.starts_at(truncated.start_lsn).map(|()| None),
        Err(error) => Ok(Some(error)),
    }
}

fn read(model: &Model, percent: u64, tenant: u64, log: &Log) -> Result<Option<Error>, Violation> {
    let (start, last) = (log.start_lsn().value(), log.durable_lsn().value());
    let from = (model.last() * percent / 100).max(start);
    let tenant = TenantId::new(tenant);
    let options = ReadOptions::from(Lsn::new(from)).tenant(tenant);
    let mut records = log
        .read(options)
        .map_err(|error| Violation::of_error("reading", &error))?;
    let is_wanted = |content: &Content| content.scope.tenant == tenant;
    model.matches_where(&mut records, from, last, is_wanted)?;
    Ok(None)
}

/// Without threads a future is ready when it is asked.
fn poll_once(commit: Commit) -> Result<nodedb_wal::Result<Lsn>, Violation> {
    let mut context = Context::from_waker(Waker::noop());
    match std::pin::pin!(commit).poll(&mut context) {
        Poll::Ready(answer) => Ok(answer.map(DurableLsn::lsn)),
        Poll::Pending => Err(Violation("a commit waits for nobody".to_owned())),
    }
}
