//! The writer of one core: its owner appends, and nobody else.

use std::path::PathBuf;
use std::sync::Arc;

use super::cut::Barrier;
use super::sources::Sources;
use super::sync::Syncs;
use crate::error::{CoreFault, Error, Result};
use crate::log::{DurableLsn, Log};
use crate::payload::{CommitOffsets, EpochBarrier, Payload};
use crate::types::{Epoch, Lsn, LsnRange, Record, RecordKind, Scope};

/// Writes one core's log. It is owned: `Send`, and every call that appends takes `&mut self`. It
/// shares no lock and no atomic number with the writer of another core.
///
/// A core's sequence is the LSN of its log: dense, from 1, and it never starts again. Each record gets
/// the core's epoch, and a timestamp that is not before that of the record in front, whatever the
/// clock does.
///
/// Dropping a writer loses what was not synced, as a crash would.
#[derive(Debug)]
pub struct CoreWriter {
    core: u32,
    /// Shared with [`CoreLogs`](super::CoreLogs), which syncs, truncates and reads.
    pub(super) log: Arc<Log>,
    epoch: Epoch,
    /// The barrier of `epoch`, once it was written: the core takes no more records of it.
    ended: Option<Lsn>,
    /// What was committed on this core since it was opened.
    committed: Sources,
    buffer: Vec<u8>,
    pub(super) syncs: Syncs,
}

impl CoreWriter {
    pub(super) fn new(core: u32, log: Arc<Log>, epoch: Epoch) -> Self {
        Self {
            core,
            log,
            epoch,
            ended: None,
            committed: Sources::default(),
            buffer: Vec::new(),
            syncs: Syncs::default(),
        }
    }

    /// The core's number.
    #[must_use]
    pub fn core(&self) -> u32 {
        self.core
    }

    /// The epoch that records are written in.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// The record that was appended last; [`Lsn::ZERO`] before the first.
    #[must_use]
    pub fn position(&self) -> Lsn {
        self.log.next_lsn().previous()
    }

    /// This record and all before it are on disk.
    #[must_use]
    pub fn synced(&self) -> Lsn {
        self.log.durable_lsn()
    }

    /// Goes on to `epoch`, or stays in it.
    ///
    /// # Errors
    ///
    /// [`CoreFault::EpochWentBack`]: the core is in a later one.
    pub fn set_epoch(&mut self, epoch: Epoch) -> Result<()> {
        if epoch < self.epoch {
            let fault = CoreFault::EpochWentBack {
                epoch: self.epoch,
                asked: epoch,
            };
            return Err(self.fault(fault));
        }
        if epoch > self.epoch {
            self.epoch = epoch;
            self.ended = None;
        }
        Ok(())
    }

    /// Appends a record in the core's epoch, whatever epoch it names, and gives back its place in the
    /// core's sequence. It is in memory then.
    ///
    /// # Errors
    ///
    /// As [`Log::append`]; [`CoreFault::EpochEnded`] behind the epoch's barrier;
    /// [`CoreFault::OwnCall`] for offsets and barriers. A record that was refused left no trace.
    pub fn append(&mut self, record: &Record<'_>) -> Result<Lsn> {
        self.check(record.kind)?;
        self.log.append_in(self.epoch, record)
    }

    /// Appends records that become durable all or none.
    ///
    /// # Errors
    ///
    /// As [`Log::append_batch`] and [`Self::append`].
    pub fn append_batch(&mut self, records: &[Record<'_>]) -> Result<LsnRange> {
        let epoch = self.epoch;
        let records = records.iter().map(|record| {
            self.check(record.kind)?;
            Ok(record.in_epoch(epoch))
        });
        let records = records.collect::<Result<Vec<_>>>()?;
        self.log.append_batch(&records)
    }

    /// Appends a typed payload: [`Put`](crate::payload::Put), [`Delete`](crate::payload::Delete),
    /// [`Checkpoint`](crate::payload::Checkpoint), or another one.
    ///
    /// # Errors
    ///
    /// As [`Payload::encode`] and [`Self::append`].
    pub fn append_payload<P: Payload>(&mut self, scope: Scope, payload: &P) -> Result<Lsn> {
        self.check(P::KIND)?;
        self.append_own(scope, payload)
    }

    /// Says how far a source was taken in: every record before this one on this core is of events
    /// before these offsets. It is durable together with them, and restored when the logs are opened.
    ///
    /// # Errors
    ///
    /// As [`Self::append_payload`].
    pub fn commit_offsets(&mut self, scope: Scope, commit: &CommitOffsets) -> Result<Lsn> {
        self.check_epoch()?;
        let lsn = self.append_own(scope, commit)?;
        self.committed.take_in_all([commit]);
        Ok(lsn)
    }

    /// Ends the core's epoch: no later record of this core is of it, or of an earlier one. Before the
    /// next record, [`Self::set_epoch`] has to come to a later one. A second call gives the same
    /// barrier.
    ///
    /// # Errors
    ///
    /// As [`Self::append_payload`].
    pub fn write_epoch_barrier(&mut self) -> Result<Barrier> {
        let position = match self.ended {
            Some(position) => position,
            None => {
                let (epoch, core) = (self.epoch, self.core);
                self.append_own(Scope::default(), &EpochBarrier { epoch, core })?
            }
        };
        self.ended = Some(position);
        Ok(Barrier {
            core: self.core,
            epoch: self.epoch,
            position,
            committed: self.committed.clone(),
        })
    }

    /// Waits until every record appended so far is on disk.
    ///
    /// # Errors
    ///
    /// As [`Log::commit`].
    pub fn sync(&mut self) -> Result<DurableLsn> {
        self.log.sync()
    }

    fn append_own<P: Payload>(&mut self, scope: Scope, payload: &P) -> Result<Lsn> {
        let record = payload.record(scope, &mut self.buffer)?;
        self.log.append_in(self.epoch, &record)
    }

    fn check(&self, kind: RecordKind) -> Result<()> {
        if matches!(kind, RecordKind::CommitOffsets | RecordKind::EpochBarrier) {
            return Err(self.fault(CoreFault::OwnCall { kind }));
        }
        self.check_epoch()
    }

    fn check_epoch(&self) -> Result<()> {
        match self.ended {
            Some(_) => Err(self.fault(CoreFault::EpochEnded { epoch: self.epoch })),
            None => Ok(()),
        }
    }

    fn fault(&self, source: CoreFault) -> Error {
        Error::Core {
            directory: self.directory(),
            core: self.core,
            source,
        }
    }

    fn directory(&self) -> PathBuf {
        self.log.directory().to_path_buf()
    }
}
