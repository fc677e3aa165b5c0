//! A consumer that is open: records are delivered to it, and it says what it has processed.

use std::sync::atomic::Ordering;

use nodedb_wal::types::{Lsn, RecordFlags};
use nodedb_wal::{ReadOptions, RecordView, Records};

use super::batch::Delivered;
use super::filter::Wanted;
use super::group::partition_of;
use super::progress::Progress;
use super::register::Seat;
use super::service::Consumers;
use crate::error::{ConsumerFault, Result};

/// A consumer, or a member of a group, that is open. Made by [`Node::consumer`](crate::Node::consumer)
/// and [`Node::join_consumer`](crate::Node::join_consumer); dropping it lets another one in.
///
/// Records come in the order of the log, durable ones only, and of an atomic batch all that are wanted
/// or, as yet, none. What was delivered and not acknowledged is delivered again to whoever opens the
/// consumer next, after a crash too: at least once. Whoever stores the LSN it has processed together
/// with what came of it, and says so with [`Self::resume_at`], takes in each record exactly once.
///
/// A member's partitions change when members come and go. The next call that delivers takes that in:
/// each partition goes on behind what was acknowledged of it, so that what was in flight is delivered
/// again, to whoever has the partition now. The records of a vshard keep their order.
#[derive(Debug)]
pub struct Consumer<'n> {
    service: &'n Consumers,
    name: String,
    member: String,
    seat: Seat,
    wanted: Wanted,
    /// Since it was opened, or the partitions changed.
    progress: Progress,
    /// The last record that was ever delivered.
    delivered: Lsn,
    /// Nothing until the first record is asked for, and after the partitions changed.
    stream: Option<Records>,
    /// Whether the stream's current record is the next one to be delivered.
    is_peeked: bool,
}

/// Where a consumer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The last record that was delivered; [`Lsn::ZERO`] when none was since it was opened.
    pub delivered: Lsn,
    /// Nothing up to here is needed any more, in none of its partitions.
    pub acknowledged: Lsn,
    /// Whether records were delivered that are not acknowledged.
    pub is_in_flight: bool,
}

impl<'n> Consumer<'n> {
    pub(super) fn new(service: &'n Consumers, name: &str, member: &str, seat: Seat) -> Self {
        Self {
            progress: Progress::behind(&seat.partitions),
            delivered: Lsn::ZERO,
            service,
            name: name.to_owned(),
            member: member.to_owned(),
            wanted: Wanted::of(&seat.added),
            seat,
            stream: None,
            is_peeked: false,
        }
    }

    /// The next record; nothing when there is none that is durable yet: a later call may deliver
    /// more. It is lent until the next call.
    ///
    /// # Errors
    ///
    /// Records that cannot be read are an error and never left out: [`Error::Log`](crate::Error::Log) with what is
    /// damaged, at every further call. [`ConsumerFault::Dropped`]: the consumer was dropped
    /// meanwhile. [`Error::UndecodableRecord`](crate::Error::UndecodableRecord): a filter by collection or by operations of
    /// transactions has to look into a payload and cannot.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    pub fn next(&mut self) -> Result<Option<RecordView<'_>>> {
        if !self.advance()? {
            return Ok(None);
        }
        self.deliver()?;
        Ok(self.stream.as_ref().and_then(Records::current))
    }

    /// The record that [`Self::next`] will deliver, without delivering it.
    ///
    /// # Errors
    ///
    /// As [`Self::next`].
    pub fn peek(&mut self) -> Result<Option<RecordView<'_>>> {
        let has_next = self.advance()?;
        let current = self.stream.as_ref().and_then(Records::current);
        Ok(current.filter(|_| has_next))
    }

    /// The next records, copied: as many as have no more than `bytes_max` bytes together, headers
    /// included, but at least one, if there is one. A record that does not fit is the first of the
    /// next call. An atomic batch is not divided: once its first record is in, so is its last.
    ///
    /// # Errors
    ///
    /// As [`Self::next`]. Records that were taken before the error are delivered by the next call
    /// that succeeds.
    pub fn read_batch(&mut self, bytes_max: usize) -> Result<Delivered> {
        let mut delivered = Delivered::default();
        let before = self.progress.clone();
        let read = self.fill(&mut delivered, bytes_max);
        if read.is_err() && !delivered.is_empty() {
            self.progress = before;
            self.start_again();
        }
        read.map(|()| delivered)
    }

    fn fill(&mut self, delivered: &mut Delivered, bytes_max: usize) -> Result<()> {
        while self.advance()? {
            let Some(record) = self.stream.as_ref().and_then(Records::current) else {
                return Ok(());
            };
            let bytes = delivered.bytes() + record.stored_bytes().len();
            let fits = delivered.is_empty() || bytes <= bytes_max;
            let lsn = record.lsn();
            if !fits && !self.is_of_open_batch(lsn)? {
                return Ok(());
            }
            if let Some(record) = self.stream.as_ref().and_then(Records::current) {
                delivered.push(&record);
            }
            self.deliver()?;
        }
        Ok(())
    }

    /// Says that every record delivered up to and with `lsn` was processed. It is on record within a
    /// second of further acknowledgements, or when 4,096 records were passed, and durable with the
    /// next commit of anybody behind that, at truncation and when the node is closed. After a crash
    /// before that the records are delivered again. Nothing is dropped that is not durably
    /// acknowledged. Records that the consumer does not want are passed with it.
    ///
    /// In the middle of an atomic batch it counts once the batch was acknowledged to its end.
    ///
    /// # Errors
    ///
    /// [`ConsumerFault::NotDelivered`], [`ConsumerFault::Dropped`]; a log that is poisoned or closed.
    pub fn acknowledge(&mut self, lsn: Lsn) -> Result<()> {
        if self.is_changed() {
            // Other members are no matter: what was processed was.
            self.look_up()?;
        }
        let delivered = self.delivered;
        if lsn > delivered {
            return Err(ConsumerFault::NotDelivered { lsn, delivered }.of(&self.name));
        }
        self.progress.acknowledge(lsn);
        self.publish(Some(lsn))
    }

    /// As [`Self::acknowledge`], durable when this returns: what was acknowledged is not delivered
    /// again, whatever happens. It costs a commit of the log, which others share.
    ///
    /// # Errors
    ///
    /// As [`Self::acknowledge`] and [`WalManager::commit`](crate::WalManager::commit).
    pub fn acknowledge_durably(&mut self, lsn: Lsn) -> Result<()> {
        self.acknowledge(lsn)?;
        self.service.write_durably()
    }

    /// Goes on behind `processed`, the last record that the consumer's own state holds, in every
    /// partition of its own: for whoever stores that LSN together with the state it belongs to.
    /// Backwards as long as the log holds what comes behind it, and durable then when this returns.
    ///
    /// # Errors
    ///
    /// [`ConsumerFault::TooLate`]: records behind `processed` are gone. [`ConsumerFault::Ahead`]:
    /// the log does not have `processed`. [`ConsumerFault::Dropped`].
    pub fn resume_at(&mut self, processed: Lsn) -> Result<()> {
        let partitions: Vec<u32> = self.partitions().collect();
        for partition in partitions {
            self.resume_partition_at(partition, processed)?;
        }
        Ok(())
    }

    /// As [`Self::resume_at`], for one partition of a group.
    ///
    /// # Errors
    ///
    /// As [`Self::resume_at`], and [`ConsumerFault::NotOurs`].
    pub fn resume_partition_at(&mut self, partition: u32, processed: Lsn) -> Result<()> {
        self.seat = self.look_up()?;
        self.service
            .resume(&self.name, &self.seat, partition, processed)?;
        self.rewind()
    }

    /// Goes back to the first record that was not acknowledged: what is in flight is delivered
    /// again.
    ///
    /// # Errors
    ///
    /// [`ConsumerFault::Dropped`].
    pub fn rewind(&mut self) -> Result<()> {
        self.seat = self.look_up()?;
        self.progress = Progress::behind(&self.seat.partitions);
        self.start_again();
        Ok(())
    }

    /// Where it is.
    #[must_use]
    pub fn position(&self) -> Position {
        let lowest = self.progress.positions().map(|(_, at)| at).min();
        Position {
            delivered: self.delivered,
            acknowledged: lowest.unwrap_or_default(),
            is_in_flight: self.progress.is_in_flight(),
        }
    }

    /// The consumer's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its partitions, as of the last call that delivered or acknowledged; 0 for a consumer that is
    /// no group.
    pub fn partitions(&self) -> impl Iterator<Item = u32> {
        self.progress.partitions()
    }

    /// Comes to the next record to be delivered; `false` when there is none yet.
    fn advance(&mut self) -> Result<bool> {
        self.refresh()?;
        if self.is_peeked {
            return Ok(true);
        }
        if self.progress.is_idle() {
            return Ok(false);
        }
        loop {
            let durable = self.service.wal().durable_lsn();
            let stream = match &mut self.stream {
                Some(stream) => stream,
                None => {
                    let options = self
                        .wanted
                        .push_down(ReadOptions::from(self.progress.next()));
                    self.stream.insert(self.service.wal().read(options)?)
                }
            };
            let Some(record) = stream.next()? else {
                self.progress.look(durable);
                self.progress.end_batch();
                self.publish(None)?;
                return Ok(false);
            };
            let lsn = record.lsn();
            let partition = partition_of(record.header.scope.vshard, self.seat.added.partitions);
            self.is_peeked = self.progress.is_due(partition, lsn) && self.wanted.wants(&record)?;
            if self.is_peeked {
                return Ok(true);
            }
            self.progress.look(lsn);
        }
    }

    /// Takes in that the current record is delivered.
    fn deliver(&mut self) -> Result<()> {
        let Some(record) = self.stream.as_ref().and_then(Records::current) else {
            return Ok(());
        };
        let header = record.header;
        let is_same = self.is_of_open_batch(header.lsn)?;
        let partition = partition_of(header.scope.vshard, self.seat.added.partitions);
        let continues = header.flags.contains(RecordFlags::BATCH_CONTINUES);
        self.progress
            .deliver(partition, header.lsn, continues, is_same);
        self.delivered = self.delivered.max(header.lsn);
        self.is_peeked = false;
        Ok(())
    }

    /// Whether the record is of the batch whose last delivered record is not its last. Between the
    /// two may be records that are not wanted: their headers are looked at.
    fn is_of_open_batch(&self, lsn: Lsn) -> Result<bool> {
        let Some(last) = self.progress.open_batch() else {
            return Ok(false);
        };
        debug_assert!(last < lsn, "records come in order");
        if last.next() == lsn {
            return Ok(true);
        }
        let between = ReadOptions::from(last.next())
            .until(lsn.previous())
            .headers_only();
        let mut records = self.service.wal().read(between)?;
        while let Some(record) = records.next()? {
            if !record.header.flags.contains(RecordFlags::BATCH_CONTINUES) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets the service know how far this has come, and has it put on record when it is time. That
    /// may wait where only a full disk is in the way.
    fn publish(&mut self, asked: Option<Lsn>) -> Result<()> {
        let now = self.service.now();
        let positions = self.progress.positions();
        let register = self.service.register();
        if register.publish(&self.name, &self.seat, positions, asked, now) {
            match self.service.write() {
                Err(error) if !error.is_retryable() => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn is_changed(&self) -> bool {
        self.seat.changes.load(Ordering::Acquire) != self.seat.seen
    }

    /// Takes in that members came or went, or that the consumer did.
    fn refresh(&mut self) -> Result<()> {
        if self.is_changed() {
            self.rewind()?;
        }
        Ok(())
    }

    /// What it goes by now.
    fn look_up(&self) -> Result<Seat> {
        let start = self.service.wal().start_lsn();
        let register = self.service.register();
        register.seat(&self.name, &self.member, &self.seat, start)
    }

    /// Reads again from where the partitions are.
    fn start_again(&mut self) {
        self.stream = None;
        self.is_peeked = false;
    }
}

impl Drop for Consumer<'_> {
    fn drop(&mut self) {
        let register = self.service.register();
        register.leave(&self.name, &self.member, &self.seat);
    }
}
