//! The node's services under the knife: a thread of the writer that checkpoints, holds, drops
//! collections, purges, assigns surrogates, applies Calvin transactions and has old segments dropped,
//! on a log of its own beside the writers'.

use std::path::Path;
use std::sync::Arc;

use nodedb_wal::Config;
use nodedb_wal::payload::{CollectionTombstoned, Put, TemporalPurge};
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, TenantId, Timestamp, VshardId};

use super::args::Io;
use crate::cli::error::CliError;
use crate::consumers::{Consumer, ConsumerSpec};
use crate::control::CalvinPosition;
use crate::surrogate::Collection;
use crate::{Keeper, Node, NodeConfig, Result};

const T: TenantId = TenantId::new(1);
const V: VshardId = VshardId::new(1);
const D: DatabaseId = DatabaseId::new(1);

pub(super) const ENGINE: &str = "kv";
pub(super) const HOLD: &str = "archive";
/// Who reads every record behind the writers.
pub(super) const CONSUMER: &str = "index";
/// Where Calvin transactions are applied.
pub(super) const LANE: VshardId = VshardId::new(9);
/// Whose keys have surrogates.
pub(super) const KEYED: Collection<'_> = Collection::new(T, D, "keyed");

/// How many keys there are: they come again and again, and keep their surrogates.
const KEYS: u64 = 2_000;
/// Transactions of an epoch.
const EPOCH_TRANSACTIONS: u64 = 16;

/// What the thread said was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Served {
    /// A row was durable at this LSN.
    Row(Lsn),
    /// The engine's checkpoint is at this LSN, or further.
    Checkpoint(Lsn),
    /// The hold is at this LSN, or further.
    Hold(Lsn),
    /// The consumer has processed everything up to this LSN.
    Acknowledged(Lsn),
    /// A collection was dropped by the record at this LSN.
    Tombstone(Lsn),
    /// Old versions were purged by the record at this LSN.
    Purge(Lsn),
    /// The key of this number has this surrogate.
    Surrogate(u64, u32),
    /// The Calvin transaction of this number was applied, its mark being at this LSN.
    Calvin(u64, Lsn),
}

impl Served {
    /// The words of the line that tells of it.
    pub(super) fn words(self) -> String {
        match self {
            Self::Row(lsn) => format!("r {lsn}"),
            Self::Checkpoint(lsn) => format!("c {lsn}"),
            Self::Hold(lsn) => format!("h {lsn}"),
            Self::Acknowledged(lsn) => format!("a {lsn}"),
            Self::Tombstone(lsn) => format!("t {lsn}"),
            Self::Purge(lsn) => format!("p {lsn}"),
            Self::Surrogate(key, surrogate) => format!("s {key} {surrogate}"),
            Self::Calvin(number, lsn) => format!("x {number} {lsn}"),
        }
    }

    /// What words tell.
    pub(super) fn parse(words: &[&str]) -> Option<Self> {
        let lsn = |word: &str| word.parse().ok().map(Lsn::new);
        Some(match words {
            ["r", at] => Self::Row(lsn(at)?),
            ["c", at] => Self::Checkpoint(lsn(at)?),
            ["h", at] => Self::Hold(lsn(at)?),
            ["a", at] => Self::Acknowledged(lsn(at)?),
            ["t", at] => Self::Tombstone(lsn(at)?),
            ["p", at] => Self::Purge(lsn(at)?),
            ["s", key, surrogate] => Self::Surrogate(key.parse().ok()?, surrogate.parse().ok()?),
            ["x", number, at] => Self::Calvin(number.parse().ok()?, lsn(at)?),
            _ => return None,
        })
    }
}

/// Where a Calvin transaction stands in the sequence, by its number from 0 on.
pub(super) fn calvin_position(number: u64) -> CalvinPosition {
    CalvinPosition {
        epoch: Epoch::new(number / EPOCH_TRANSACTIONS + 1),
        position: u32::try_from(number % EPOCH_TRANSACTIONS).unwrap_or(u32::MAX),
    }
}

/// The primary key of a number.
pub(super) fn primary_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// Where the services' log is.
pub(super) fn config(directory: &Path, io: Io) -> NodeConfig {
    let log = Config::new(directory.join("services"));
    let log = log.segment_bytes(256 << 10).io_mode(io.mode());
    NodeConfig::from(log).retained_bytes_max(Some(4 << 20))
}

/// Uses the services until it is killed, or until `tell` fails, and tells what was done once it is
/// durable.
pub(super) fn serve(
    directory: &Path,
    io: Io,
    tell: impl Fn(Served) -> std::result::Result<(), CliError>,
) -> std::result::Result<(), CliError> {
    let node = Arc::new(Node::open(config(directory, io))?);
    let _keeper = Keeper::start(&node)?;
    let wal = node.wal();
    let mut consumer = open_consumer(&node)?;
    for step in 0_u64.. {
        let row = wal.append::<Put>(T, V, D, row(step).as_slice())?;
        wal.commit(row)?;
        tell(Served::Row(row))?;
        if step % 8 == 3 {
            node.checkpoint(ENGINE, row)?;
            tell(Served::Checkpoint(row))?;
        }
        if step % 8 == 7 {
            node.set_hold(HOLD, row)?;
            tell(Served::Hold(row))?;
        }
        if step % 8 == 6
            && let Some(last) = consume(&mut consumer)?
        {
            consumer.acknowledge_durably(last)?;
            tell(Served::Acknowledged(last))?;
        }
        if step % 16 == 5 {
            let lsn = drop_collection(&node, step, row)?;
            tell(Served::Tombstone(lsn))?;
            let lsn = purge(&node, step)?;
            tell(Served::Purge(lsn))?;
        }
        if step % 4 == 1 {
            let key = step * 7 % KEYS;
            let surrogate = node.surrogates().assign(KEYED, &primary_key(key))?;
            tell(Served::Surrogate(key, surrogate.value()))?;
        }
        if step % 4 == 2 {
            let (number, lsn) = apply_next(&node, step)?;
            tell(Served::Calvin(number, lsn))?;
        }
        if step % 32 == 9 {
            wal.rotate()?;
        }
    }
    Ok(())
}

/// Opens the consumer, which is there from the first round on.
fn open_consumer(node: &Node) -> Result<Consumer<'_>> {
    let control = node.control_state()?;
    if control.consumers.find(CONSUMER).is_none() {
        node.add_consumer(&ConsumerSpec::new(CONSUMER))?;
    }
    node.consumer(CONSUMER)
}

/// Takes everything there is; the last of it.
fn consume(consumer: &mut Consumer<'_>) -> Result<Option<Lsn>> {
    let mut last = None;
    while let Some(record) = consumer.next()? {
        last = Some(record.lsn());
    }
    Ok(last)
}

/// Applies the Calvin transaction that comes next, sealing the epoch before it; its number, and where
/// its mark is.
fn apply_next(node: &Node, step: u64) -> Result<(u64, Lsn)> {
    let calvin = node.calvin();
    let (mut sealed, mut applied) = (0, 0);
    if let Some(progress) = calvin.progress(LANE) {
        sealed = progress.watermark.value();
        applied = progress.applied.len() as u64;
    }
    if applied == EPOCH_TRANSACTIONS {
        calvin.seal(LANE, Epoch::new(sealed + 1))?;
        (sealed, applied) = (sealed + 1, 0);
    }
    let number = sealed * EPOCH_TRANSACTIONS + applied;
    let CalvinPosition { epoch, position } = calvin_position(number);
    let commit = calvin.apply(LANE, epoch, position, |transaction| {
        for part in 0..=step % 3 {
            transaction.push::<Put>(T, D, row(step + part).as_slice())?;
        }
        Ok(())
    })?;
    Ok((number, commit.lsns.last))
}

fn row(step: u64) -> Vec<u8> {
    let mut row = step.to_le_bytes().to_vec();
    row.resize(
        usize::try_from(64 + step % 900).unwrap_or(64),
        step.to_le_bytes()[0],
    );
    row
}

fn drop_collection(node: &Node, step: u64, row: Lsn) -> Result<Lsn> {
    let dropped = CollectionTombstoned {
        collection: format!("c{}", step % 1000),
        purge_lsn: row,
    };
    let lsn = node.wal().append_collection_tombstone(T, V, D, &dropped)?;
    node.wal().commit(lsn)?;
    Ok(lsn)
}

fn purge(node: &Node, step: u64) -> Result<Lsn> {
    let purge = TemporalPurge {
        collection: format!("c{}", step % 1000),
        engine: ENGINE.to_owned(),
        cutoff: Timestamp::from_nanos(step.cast_signed()),
        purged: step,
    };
    let lsn = node.wal().append_temporal_purge(T, V, D, &purge)?;
    node.wal().commit(lsn)?;
    Ok(lsn)
}

/// Whether a payload is one that the thread writes.
pub(super) fn is_row(payload: &[u8]) -> bool {
    let step = payload
        .first_chunk()
        .map(|bytes| u64::from_le_bytes(*bytes));
    step.is_some_and(|step| row(step) == payload)
}
