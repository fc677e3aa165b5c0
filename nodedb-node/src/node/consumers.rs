//! Consumers of the node's log: added and dropped under the gate of the holds, and kept from holding
//! what they hold for ever.

use nodedb_wal::payload::WhenOver;
use nodedb_wal::types::Lsn;

use super::Node;
use crate::consumers::{Consumer, ConsumerSpec, ConsumerStatus, Lag};
use crate::error::Result;

/// A consumer that is further behind than it may be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stalled {
    /// The consumer.
    pub consumer: String,
    /// Everything up to here it has acknowledged.
    pub acknowledged: Lsn,
    /// How far it is behind.
    pub lag: Lag,
    /// Which limit it is over, in words.
    pub over: String,
    /// Whether it was dropped for that. Otherwise what it needs stays.
    pub is_dropped: bool,
}

impl Node {
    /// Adds a consumer of the log: from then on what it has not acknowledged is held, by the hold
    /// that [`ControlState::consumer_hold`](crate::control::ControlState::consumer_hold) names. One
    /// of that name that was dropped for being too far behind is over then. Durable when this
    /// returns; the first record it needs.
    ///
    /// # Errors
    ///
    /// [`ConsumerFault::Exists`](crate::ConsumerFault::Exists), and
    /// [`Nameless`](crate::ConsumerFault::Nameless).
    /// [`ConsumerFault::TooLate`](crate::ConsumerFault::TooLate): the records it is to start with are
    /// gone. [`NotAppended`](nodedb_wal::Error::NotAppended): past the next record.
    /// [`Payload`](nodedb_wal::Error::Payload): too many partitions, or none. As
    /// [`WalManager::commit`](crate::WalManager::commit).
    pub fn add_consumer(&self, spec: &ConsumerSpec) -> Result<Lsn> {
        let gate = self.gate().enter();
        let added = self.consumers_service().add(spec);
        drop(gate);
        added
    }

    /// Drops a consumer: what only it needed may go. Whoever has it open is told at the next call.
    /// Durable when this returns; whether there was one of this name.
    ///
    /// # Errors
    ///
    /// As [`WalManager::commit`](crate::WalManager::commit).
    pub fn drop_consumer(&self, name: &str) -> Result<bool> {
        let gate = self.gate().enter();
        let dropped = self.consumers_service().drop(name, None)?;
        drop(gate);
        self.tell_moved();
        Ok(dropped)
    }

    /// Opens a consumer: it goes on behind what it has acknowledged.
    ///
    /// # Errors
    ///
    /// [`ConsumerFault`](crate::ConsumerFault): `Unknown`; `InUse`, by somebody in this process;
    /// `Dropped`, because it was too far behind, which says where it can start again.
    pub fn consumer(&self, name: &str) -> Result<Consumer<'_>> {
        self.join_consumer(name, "")
    }

    /// Opens a consumer as a member of a group, under a name of its own: partitions are divided among
    /// the members there are, in order of their names, every so many
    /// ([`partitions_of_member`](crate::consumers::partitions_of_member)), and again when one comes
    /// or goes. Members live as long as they are open: who they are is not kept.
    ///
    /// # Errors
    ///
    /// As [`Self::consumer`].
    pub fn join_consumer(&self, name: &str, member: &str) -> Result<Consumer<'_>> {
        self.consumers_service().open(name, member)
    }

    /// How all consumers are doing, those that were dropped for being too far behind included, in
    /// order of name. For each a stretch of the log and a footer are read.
    ///
    /// # Errors
    ///
    /// The log could not be read.
    pub fn consumers(&self) -> Result<Vec<ConsumerStatus>> {
        self.consumers_service().status()
    }

    /// Puts what consumers have acknowledged on record, durable when this returns.
    ///
    /// # Errors
    ///
    /// As [`WalManager::append`](crate::WalManager::append) and
    /// [`WalManager::commit`](crate::WalManager::commit).
    pub fn write_cursors(&self) -> Result<()> {
        self.consumers_service().write_durably()
    }

    /// Looks which consumers are further behind than they may be, and drops those that are to be.
    pub(super) fn tend_consumers(&self) -> Result<Vec<Stalled>> {
        let mut stalled = Vec::new();
        for status in self.consumers_service().stalled()? {
            let is_dropped = status.state.added.when_over == WhenOver::Drop;
            let mut one = stalled_of(status);
            if is_dropped {
                let gate = self.gate().enter();
                let over = Some(one.over.clone());
                one.is_dropped = self.consumers_service().drop(&one.consumer, over)?;
                drop(gate);
                self.gate().set_moved(true);
            }
            stalled.push(one);
        }
        Ok(stalled)
    }
}

fn stalled_of(status: ConsumerStatus) -> Stalled {
    let slowest = status.acknowledged.iter().min().copied();
    Stalled {
        consumer: status.state.added.name,
        acknowledged: slowest.unwrap_or_default(),
        lag: status.lag.unwrap_or_default(),
        over: status.over.unwrap_or_default(),
        is_dropped: false,
    }
}
