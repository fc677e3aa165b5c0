//! The ordered merge: one stream per core, the least record of all of them next, in bounded memory.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::path::Path;

use super::logs::CoreLogs;
use super::merge_options::MergeOptions;
use super::merge_order::{Key, Sequence, Voids};
use crate::error::{CoreFault, Error, Result};
use crate::format::Manifest;
use crate::log::{Log, ReadOptions, RecordView, Records};
use crate::payload::{AlignedScratch, EpochBarrierView};
use crate::types::{Epoch, Lsn, RecordKind};

/// The durable records of all cores, in the order of (epoch, timestamp, core, sequence). Within a core
/// that is the order in which they were appended.
///
/// It ends where the logs ended when it was opened. Each core's stream holds some stretches of its log
/// in memory, up to 14 MiB or as much as the largest record takes, however long the logs are; records are
/// lent out in place until the next call.
#[derive(Debug)]
pub struct Merge {
    streams: Vec<Stream>,
    /// The next record of each stream that is not at its end, and the stream's place.
    heads: BinaryHeap<Reverse<(Key, usize)>>,
    /// Whether the first of the heads was delivered, and its stream has to go on.
    is_lent: bool,
    stats: MergeStats,
}

/// A record of a core.
#[derive(Clone, Copy, Debug)]
pub struct Merged<'a> {
    /// The core.
    pub core: u32,
    /// Its record: the LSN is its place in the core's sequence.
    pub record: RecordView<'a>,
}

/// What a merge has brought so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MergeStats {
    /// Records delivered.
    pub records: u64,
    /// Their payloads' bytes.
    pub payload_bytes: u64,
    /// Records passed over because their source brought them again.
    pub taken_out: u64,
    /// The last epoch that is delivered, where there is a last one.
    pub until_epoch: Option<Epoch>,
}

/// One core's records.
#[derive(Debug)]
struct Stream {
    core: u32,
    records: Records,
    sequence: Sequence,
    voids: Voids,
    until: Epoch,
}

impl CoreLogs {
    /// The durable records of all cores, in order; cores without a writer among them.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] where records behind the cut were asked for and are gone; whatever a
    /// core's log cannot be read for.
    pub fn merge(&self, options: &MergeOptions) -> Result<Merge> {
        let cores = self.cores.iter().map(|open| {
            let log = &*open.log;
            (open.core, log.start_lsn(), log.durable_lsn(), log)
        });
        let read = |log: &Log, options: ReadOptions| log.read(options);
        open_merge(&self.manifest, cores, read, options)
    }
}

/// A merge of `cores`: each its number, its oldest record, its last one, and what it is read from.
pub(super) fn open_merge<'l, L: 'l>(
    manifest: &Manifest,
    cores: impl Iterator<Item = (u32, Lsn, Lsn, &'l L)> + Clone,
    read: impl Fn(&L, ReadOptions) -> Result<Records>,
    options: &MergeOptions,
) -> Result<Merge> {
    let mut until = options.until_epoch.unwrap_or(Epoch::new(u64::MAX));
    if options.complete_only {
        let ended = ended_everywhere(manifest, cores.clone(), &read)?;
        until = until.min(ended);
    }
    let mut streams = Vec::new();
    for (core, start, last, log) in cores {
        let cut = manifest.cores.iter().find(|named| named.core == core);
        let cut = cut.filter(|_| options.from_cut).map(|named| named.cut_lsn);
        let first = cut.map_or(start, Lsn::next);
        if first > last {
            continue;
        }
        let voids = if options.with_taken_out {
            Voids::default()
        } else {
            Voids::of(core, &manifest.voids)
        };
        streams.push(Stream {
            core,
            records: read(log, ReadOptions::from(first).until(last))?,
            sequence: Sequence::from(first),
            voids,
            until,
        });
    }
    let is_bounded = options.until_epoch.is_some() || options.complete_only;
    let mut merge = Merge {
        streams,
        heads: BinaryHeap::new(),
        is_lent: false,
        stats: MergeStats {
            until_epoch: is_bounded.then_some(until),
            ..MergeStats::default()
        },
    };
    for (place, stream) in merge.streams.iter_mut().enumerate() {
        if let Some(key) = stream.advance(&mut merge.stats)? {
            merge.heads.push(Reverse((key, place)));
        }
    }
    Ok(merge)
}

/// The last epoch that ended on every core with a writer. A core's barrier ends every epoch before
/// its own too; what a core without a writer holds has ended long ago.
fn ended_everywhere<'l, L: 'l>(
    manifest: &Manifest,
    cores: impl Iterator<Item = (u32, Lsn, Lsn, &'l L)>,
    read: impl Fn(&L, ReadOptions) -> Result<Records>,
) -> Result<Epoch> {
    let mut ended = Epoch::new(u64::MAX);
    for (core, start, last, log) in cores {
        let named = manifest.cores.iter().find(|named| named.core == core);
        if !named.is_some_and(|named| named.is_written) {
            continue;
        }
        // The cut has a barrier of every core, which may be truncated away by now.
        let mut own = manifest.cut_epoch;
        let barriers = ReadOptions::from(start)
            .until(last)
            .control_only()
            .kinds(&[RecordKind::EpochBarrier]);
        let mut barriers = read(log, barriers)?;
        let mut scratch = AlignedScratch::new();
        while let Some(record) = barriers.next()? {
            let barrier = EpochBarrierView::read(record.payload, &mut scratch)?;
            own = own.max(barrier.epoch());
        }
        ended = ended.min(own);
    }
    Ok(ended)
}

impl Merge {
    /// The next record; `None` at the end.
    ///
    /// # Errors
    ///
    /// Those of [`Records::next`]; [`CoreFault::Gap`], [`CoreFault::Repeated`] and
    /// [`CoreFault::OutOfOrder`] where a core's sequence is not what a writer wrote. The merge does
    /// not go past an error.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator cannot lend its items"
    )]
    pub fn next(&mut self) -> Result<Option<Merged<'_>>> {
        if self.is_lent
            && let Some(mut head) = self.heads.peek_mut()
        {
            let Reverse((_, place)) = *head;
            match self.streams[place].advance(&mut self.stats)? {
                Some(key) => *head = Reverse((key, place)),
                None => drop(PeekMut::pop(head)),
            }
        }
        self.is_lent = false;
        let Some(Reverse((_, place))) = self.heads.peek() else {
            return Ok(None);
        };
        let stream = &self.streams[*place];
        let Some(record) = stream.records.current() else {
            unreachable!("the stream has just delivered it");
        };
        self.is_lent = true;
        self.stats.records += 1;
        self.stats.payload_bytes += record.payload.len() as u64;
        let core = stream.core;
        Ok(Some(Merged { core, record }))
    }

    /// What the merge has brought so far.
    #[must_use]
    pub fn stats(&self) -> MergeStats {
        self.stats
    }
}

impl Stream {
    /// Comes to the next record that is delivered, and says where it stands.
    fn advance(&mut self, stats: &mut MergeStats) -> Result<Option<Key>> {
        loop {
            let Some(record) = self.records.next()? else {
                return Ok(None);
            };
            let key = Key::of(self.core, &record.header);
            if key.epoch > self.until {
                return Ok(None);
            }
            self.check(&key)?;
            if !self.voids.hold(key.lsn) {
                return Ok(Some(key));
            }
            stats.taken_out += 1;
        }
    }

    fn check(&mut self, key: &Key) -> Result<()> {
        let taken = match self.sequence.take_in(key, 0) {
            // The read may have passed over what this version does not know.
            Err(CoreFault::Gap { .. }) => {
                let unknown = self.records.stats().records_unknown;
                self.sequence.take_in(key, unknown)
            }
            taken => taken,
        };
        taken.map_err(|source| {
            let record = self.records.current();
            let directory = record.and_then(|record| record.segment.parent());
            Error::Core {
                directory: directory.map(Path::to_path_buf).unwrap_or_default(),
                core: self.core,
                source,
            }
        })
    }
}
