//! The stream's end of the queues: copies records into parcels, and sends those off.

use nodedb_wal::types::{Lsn, RecordKind, VshardId};

use super::crew::Crew;
use super::parcel::Parcel;
use super::queue::Stopped;
use crate::error::{Error, Result};
use crate::replay::outlet::Outlet;
use crate::replay::{ReplayRecord, ReplayTransaction};

/// A parcel is sent off once it takes as many bytes, or holds as many records.
const PARCEL_BYTES: usize = 64 << 10;
const PARCEL_RECORDS: usize = 512;

/// One parcel in the making for each worker.
pub(super) struct Handout<'c> {
    crew: &'c Crew,
    parcels: Vec<Parcel>,
}

impl<'c> Handout<'c> {
    pub(super) fn new(crew: &'c Crew) -> Self {
        Self {
            crew,
            parcels: crew.queues.iter().map(|_| Parcel::default()).collect(),
        }
    }

    /// The worker that a vshard's records go to.
    fn worker_of(&self, vshard: VshardId) -> usize {
        let workers = self.parcels.len() as u64;
        usize::try_from(u64::from(vshard.value()) % workers).unwrap_or_default()
    }

    /// Puts something into a worker's parcel, and sends it off when it is full.
    fn put(&mut self, worker: usize, lsn: Lsn, put: impl FnOnce(&mut Parcel)) -> Result<()> {
        let parcel = &mut self.parcels[worker];
        put(parcel);
        if parcel.bytes() >= PARCEL_BYTES || parcel.len() >= PARCEL_RECORDS {
            return self.send(worker, lsn);
        }
        Ok(())
    }

    fn send(&mut self, worker: usize, lsn: Lsn) -> Result<()> {
        let parcel = std::mem::take(&mut self.parcels[worker]);
        if parcel.is_empty() {
            return Ok(());
        }
        let sent = self.crew.queues[worker].push(parcel);
        // What the worker failed with is reported in the place of this.
        sent.map_err(|Stopped| Error::Sink {
            lsn,
            source: "a worker of the replay has ended".into(),
        })
    }

    /// Sends off what is left. What came before an error has been passed on then.
    fn send_all(&mut self, lsn: Lsn) -> Result<()> {
        (0..self.parcels.len()).try_for_each(|worker| self.send(worker, lsn))
    }
}

impl Outlet for Handout<'_> {
    fn record(&mut self, record: &ReplayRecord<'_>) -> Result<()> {
        let (header, lsn) = (record.header(), record.lsn());
        if header.kind.known().is_some_and(RecordKind::is_control) {
            let mut all = 0..self.parcels.len();
            return all.try_for_each(|worker| self.put(worker, lsn, |parcel| parcel.push(record)));
        }
        let worker = self.worker_of(header.scope.vshard);
        self.put(worker, lsn, |parcel| parcel.push(record))
    }

    fn transaction(&mut self, transaction: &ReplayTransaction<'_>) -> Result<()> {
        let worker = self.worker_of(transaction.header().scope.vshard);
        self.put(worker, transaction.lsn(), |parcel| {
            parcel.push_transaction(transaction);
        })
    }

    fn finish(&mut self, through: Lsn) -> Result<()> {
        for parcel in &mut self.parcels {
            parcel.push_finish(through);
        }
        self.send_all(through)
    }
}

impl Drop for Handout<'_> {
    /// The stream failed: the sinks still get what came before, as one sink would have.
    fn drop(&mut self) {
        for (parcel, queue) in self.parcels.drain(..).zip(&self.crew.queues) {
            if !parcel.is_empty() && queue.push(parcel) == Err(Stopped) {
                return;
            }
        }
    }
}
