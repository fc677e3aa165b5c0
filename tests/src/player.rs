//! Plays a workload on a log on a simulated disk, and keeps the model beside it.

use std::sync::Arc;

use nodedb_wal::storage::Storage;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Config, DurableLsn, Error, Log, Lsn, LsnRange, OpenCheck, TailPolicy};

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

/// The settings of a small log on `disk`.
#[must_use]
pub fn config(disk: &SimDisk, door: Door, tail_policy: TailPolicy) -> Config {
    Config::on((door.0)(disk.storage()))
        .segment_bytes(SEGMENT_BYTES)
        .buffer_bytes(8192)
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
        match Log::open(config.open_check(self.open_check)) {
            Ok(log) => {
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

    /// Does one step; the error with which the log refused it, if it did.
    ///
    /// # Errors
    ///
    /// A promise is broken.
    pub fn apply(&mut self, step: &Step) -> Result<Option<Error>, Violation> {
        if let Step::Reopen { clean } = step {
            return self.reopen(*clean);
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
        let refused = match step {
            Step::Append(content) => match log.append(&content.record()) {
                Ok(lsn) => {
                    let lsns = LsnRange {
                        first: lsn,
                        last: lsn,
                    };
                    model.appended(std::slice::from_ref(content), lsns)?;
                    None
                }
                Err(error) => Some(error),
            },
            Step::Batch(contents) => {
                let records: Vec<_> = contents.iter().map(|content| content.record()).collect();
                match log.append_batch(&records) {
                    Ok(lsns) => {
                        model.appended(contents, lsns)?;
                        None
                    }
                    Err(error) => Some(error),
                }
            }
            Step::Commit { back } => {
                let lsn = Lsn::new(model.last().saturating_sub(*back));
                commit(model, lsn, || log.commit(lsn).map(DurableLsn::lsn))?
            }
            Step::Sync => {
                let lsn = Lsn::new(model.last());
                commit(model, lsn, || log.sync().map(DurableLsn::lsn))?
            }
            Step::Rotate => {
                let lsn = Lsn::new(model.last());
                commit(model, lsn, || log.rotate().map(|()| lsn))?
            }
            Step::Truncate { percent } => {
                let before = Lsn::new((model.last() * percent / 100).max(1));
                model.may_truncate(before);
                match log.truncate_before(before) {
                    Ok(truncated) => {
                        model.starts_at(truncated.start_lsn)?;
                        None
                    }
                    Err(error) => Some(error),
                }
            }
            Step::Reopen { .. } => None,
        };
        ensure(log.next_lsn().value() == model.last() + 1, || {
            let next = log.next_lsn();
            format!(
                "after {step:?} the next LSN is {next}, not {}",
                model.last() + 1
            )
        })?;
        Ok(refused)
    }

    fn reopen(&mut self, clean: bool) -> Result<Option<Error>, Violation> {
        if let Some(log) = self.log.take()
            && clean
        {
            match log.close() {
                Ok(()) => self.model.acknowledge(Lsn::new(self.model.last()))?,
                Err(error) => return Ok(Some(error)),
            }
        }
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

fn commit(
    model: &mut Model,
    lsn: Lsn,
    call: impl FnOnce() -> nodedb_wal::Result<Lsn>,
) -> Result<Option<Error>, Violation> {
    match call() {
        Ok(durable) => {
            ensure(durable >= lsn, || format!("commit of {lsn} says {durable}"))?;
            model.acknowledge(durable)?;
            Ok(None)
        }
        Err(error) => Ok(Some(error)),
    }
}
