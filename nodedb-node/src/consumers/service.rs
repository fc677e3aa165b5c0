//! Consumers as a service of a node: added, dropped and opened, and what they acknowledge put on
//! record, in one record for all of them, and not each time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nodedb_wal::payload::{ConsumerCursor, ConsumerCursors, ConsumerDropped};
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, Timestamp, VshardId};
use parking_lot::{Mutex, MutexGuard};

use super::consumer::Consumer;
use super::lag::lag_behind;
use super::limit::LagLimit;
use super::register::{Now, Register, Seat};
use super::spec::{ConsumerSpec, ConsumerStatus, StartAt};
use crate::control::{ConsumerState, ConsumerStates};
use crate::error::{ConsumerFault, Result};
use crate::manager::WalManager;

/// What a service of the node's own belongs to.
const NOBODY: (TenantId, VshardId, DatabaseId) =
    (TenantId::new(0), VshardId::new(0), DatabaseId::new(0));

/// The consumers of a node.
///
/// `Consumers` is `Send + Sync`. There is one for a log: it trusts that nobody else appends
/// `ConsumerAdded`, `ConsumerDropped` and `ConsumerCursors`.
///
/// Locks are taken in this order: `reach`, `writing`, the register's. Whoever drops segments holds
/// `reach`, as does whoever moves a cursor back.
#[derive(Debug)]
pub struct Consumers {
    wal: Arc<WalManager>,
    register: Register,
    reach: Mutex<()>,
    /// Held while a record of a consumer is appended and taken in, so that records are in the order
    /// of what they say; never while one is committed.
    writing: Mutex<()>,
    /// The last record with cursors.
    last_written: AtomicU64,
    /// Whether a consumer needs a segment less since old segments were dropped.
    moved: AtomicBool,
}

impl Consumers {
    pub(crate) fn new(wal: &Arc<WalManager>, states: &ConsumerStates) -> Self {
        Self {
            wal: Arc::clone(wal),
            register: Register::of(states),
            reach: Mutex::default(),
            writing: Mutex::default(),
            last_written: AtomicU64::default(),
            moved: AtomicBool::default(),
        }
    }

    /// Adds a consumer. Called by whoever sees to it that no segment goes meanwhile. Durable when
    /// this returns; the first record it needs.
    pub(crate) fn add(&self, spec: &ConsumerSpec) -> Result<Lsn> {
        if spec.name.is_empty() {
            return Err(ConsumerFault::Nameless.of(&spec.name));
        }
        let from = match spec.start {
            StartAt::Oldest => self.wal.start_lsn(),
            StartAt::Next => self.wal.next_lsn(),
            StartAt::Lsn(lsn) => lsn.max(Lsn::FIRST),
        };
        let (start, next) = (self.wal.start_lsn(), self.wal.next_lsn());
        if from < start {
            return Err(ConsumerFault::TooLate { needs: from, start }.of(&spec.name));
        }
        if from > next {
            return Err(nodedb_wal::Error::NotAppended { lsn: from, next }.into());
        }
        let writing = self.writing.lock();
        if self.register.has(&spec.name) {
            return Err(ConsumerFault::Exists.of(&spec.name));
        }
        let added = spec.added(from);
        let (tenant, vshard, database) = NOBODY;
        let lsn = self
            .wal
            .append_consumer_added(tenant, vshard, database, &added)?;
        self.register.add(&ConsumerState {
            added,
            since: self.now(),
            cursors: std::collections::BTreeMap::new(),
            dropped: None,
        });
        drop(writing);
        self.wal.commit(lsn)?;
        Ok(from)
    }

    /// Drops a consumer, and says why if that is for being too far behind. Durable when this
    /// returns; whether there was one.
    pub(crate) fn drop(&self, name: &str, over: Option<String>) -> Result<bool> {
        let writing = self.writing.lock();
        let Some(acknowledged) = self.register.acknowledged(name) else {
            return Ok(false);
        };
        let dropped = ConsumerDropped {
            name: name.to_owned(),
            acknowledged,
            over,
        };
        let (tenant, vshard, database) = NOBODY;
        let lsn = self
            .wal
            .append_consumer_dropped(tenant, vshard, database, &dropped)?;
        self.register.drop(dropped);
        drop(writing);
        self.wal.commit(lsn)?;
        Ok(true)
    }

    /// Opens a consumer as this member.
    pub(crate) fn open(&self, name: &str, member: &str) -> Result<Consumer<'_>> {
        let seat = self.register.join(name, member, self.wal.start_lsn())?;
        Ok(Consumer::new(self, name, member, seat))
    }

    pub(super) fn wal(&self) -> &WalManager {
        &self.wal
    }

    pub(super) fn register(&self) -> &Register {
        &self.register
    }

    /// Returns once somebody waits for records of the consumer.
    #[cfg(test)]
    pub(crate) fn until_somebody_waits(&self, name: &str) {
        let began = std::time::Instant::now();
        while self.register.sleepers(name) == 0 {
            assert!(began.elapsed().as_secs() < 60, "nobody waits");
            std::thread::yield_now();
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.wal.log().clocks().wall
    }

    /// Appends a record of the cursors that are worth it, if there are any.
    pub(super) fn write(&self) -> Result<()> {
        let segments = self.wal.extents();
        let writing = self.writing.lock();
        let cursors = self.register.unwritten(&segments);
        if cursors.is_empty() {
            return Ok(());
        }
        let record = ConsumerCursors { cursors };
        self.append(&record)?;
        let now = self.now();
        let needs_less = self.register.written(&record.cursors, &segments, now);
        drop(writing);
        if needs_less {
            self.moved.store(true, Ordering::Release);
            self.wal.log().bell().ring();
        }
        Ok(())
    }

    fn append(&self, cursors: &ConsumerCursors) -> Result<Lsn> {
        let (tenant, vshard, database) = NOBODY;
        let lsn = self
            .wal
            .append_consumer_cursors(tenant, vshard, database, cursors)?;
        self.last_written.store(lsn.value(), Ordering::Release);
        Ok(lsn)
    }

    /// Puts what consumers have acknowledged on record, durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`WalManager::append`] and [`WalManager::commit`].
    pub(crate) fn write_durably(&self) -> Result<()> {
        self.write()?;
        let last = Lsn::new(self.last_written.load(Ordering::Acquire));
        if last > self.wal.durable_lsn() {
            self.wal.commit(last)?;
        }
        Ok(())
    }

    /// Keeps cursors from going back, until what this returns is dropped: for whoever drops what
    /// they do not need.
    pub(crate) fn hold_still(&self) -> MutexGuard<'_, ()> {
        self.reach.lock()
    }

    pub(crate) fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Acquire)
    }

    pub(crate) fn set_moved(&self, moved: bool) {
        self.moved.store(moved, Ordering::Release);
    }

    /// Puts partitions of a member where it says they are. Forwards that is as if it had
    /// acknowledged; backwards it is durable when this returns.
    pub(super) fn resume(
        &self,
        name: &str,
        seat: &Seat,
        partition: u32,
        processed: Lsn,
    ) -> Result<()> {
        let last = self.wal.durable_lsn();
        if processed > last {
            let at = processed;
            return Err(ConsumerFault::Ahead { at, last }.of(name));
        }
        let still = self.reach.lock();
        let (needs, start) = (processed.next(), self.wal.start_lsn());
        if needs < start {
            return Err(ConsumerFault::TooLate { needs, start }.of(name));
        }
        let held = seat.partitions.iter().find(|(own, _)| *own == partition);
        let Some((_, held)) = held else {
            return Err(ConsumerFault::NotOurs { partition }.of(name));
        };
        if processed >= *held {
            let positions = std::iter::once((partition, processed));
            let asked = Some(processed);
            self.register
                .publish(name, seat, positions, asked, self.now());
            return Ok(());
        }
        let cursor = ConsumerCursor {
            name: name.to_owned(),
            partition,
            acknowledged: processed,
        };
        let cursors = vec![cursor];
        let writing = self.writing.lock();
        let record = ConsumerCursors { cursors };
        let lsn = self.append(&record)?;
        self.register.put(&record.cursors);
        drop(writing);
        self.wal.commit(lsn)?;
        drop(still);
        Ok(())
    }

    /// How all consumers are doing, those that were dropped for being too far behind included, in
    /// order of name.
    ///
    /// # Errors
    ///
    /// The log could not be read.
    pub fn status(&self) -> Result<Vec<ConsumerStatus>> {
        let all = self.register.now().into_iter();
        all.map(|now| self.status_of(now)).collect()
    }

    fn status_of(&self, now: Now) -> Result<ConsumerStatus> {
        let mut status = ConsumerStatus {
            state: now.state,
            acknowledged: now.acknowledged,
            members: now.members,
            lag: None,
            over: None,
        };
        if status.state.dropped.is_none() {
            let slowest = status.acknowledged.iter().min().copied();
            let lag = lag_behind(&*self.wal, slowest.unwrap_or_default(), self.now())?;
            status.over = LagLimit::of(&status.state.added).over(&lag);
            status.lag = Some(lag);
        }
        Ok(status)
    }

    /// The consumers that are over a limit of theirs.
    pub(crate) fn stalled(&self) -> Result<Vec<ConsumerStatus>> {
        let mut stalled = Vec::new();
        for now in self.register.now() {
            let is_limited = LagLimit::of(&now.state.added).is_set();
            if is_limited && now.state.dropped.is_none() {
                let status = self.status_of(now)?;
                stalled.extend(status.over.is_some().then_some(status));
            }
        }
        Ok(stalled)
    }
}
