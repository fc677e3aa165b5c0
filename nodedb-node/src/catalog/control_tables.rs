//! The control state in the catalog, one table per part. Rows are written from the state, so what
//! is loaded is what was there.

use nodedb_wal::payload::{AnyPayload, CalvinSeal};
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, TenantId, Timestamp, VshardId};
use redb::{ReadTransaction, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::consumer_tables;
use crate::control::{
    ArrayName, CalvinPosition, ControlRecord, ControlState, DroppedName, EpochTally,
};

/// Tenant, database, collection and epoch.
type Dropped = (u64, u64, &'static str, u64);
/// Tenant, database, collection and array.
type Array = (u64, u64, &'static str, &'static str);
/// Vshard, epoch and position.
type Applied = (u32, u64, u32);
/// Epoch, transactions, records and digest.
type Seal = (u64, u64, u64, u64);
/// Transactions, records and digest.
type Tally = (u64, u64, u64);

const DROPPED: TableDefinition<'_, Dropped, u64> = TableDefinition::new("_system.dropped");
const ABORTED: TableDefinition<'_, u64, ()> = TableDefinition::new("_system.aborted");
const FLUSHED: TableDefinition<'_, Array, u64> = TableDefinition::new("_system.flushed");
const CHECKPOINTS: TableDefinition<'_, &str, u64> = TableDefinition::new("_system.checkpoints");
const HOLDS: TableDefinition<'_, &str, (Option<u64>, i64)> = TableDefinition::new("_system.holds");
const OFFSETS: TableDefinition<'_, (&str, u32), u64> = TableDefinition::new("_system.offsets");
const WATERMARKS: TableDefinition<'_, &str, i64> = TableDefinition::new("_system.watermarks");
const CALVIN: TableDefinition<'_, Applied, ()> = TableDefinition::new("_system.calvin_applied");
const CALVIN_SEALS: TableDefinition<'_, u32, Seal> = TableDefinition::new("_system.calvin_seals");
const CALVIN_TALLIES: TableDefinition<'_, (u32, u64), Tally> =
    TableDefinition::new("_system.calvin_tallies");

pub(super) struct ControlTables<'t> {
    dropped: Table<'t, Dropped, u64>,
    aborted: Table<'t, u64, ()>,
    flushed: Table<'t, Array, u64>,
    checkpoints: Table<'t, &'static str, u64>,
    holds: Table<'t, &'static str, (Option<u64>, i64)>,
    offsets: Table<'t, (&'static str, u32), u64>,
    watermarks: Table<'t, &'static str, i64>,
    calvin: Table<'t, Applied, ()>,
    calvin_seals: Table<'t, u32, Seal>,
    calvin_tallies: Table<'t, (u32, u64), Tally>,
}

pub(super) fn make(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    open(transaction).map(drop)
}

pub(super) fn open(transaction: &WriteTransaction) -> Result<ControlTables<'_>, redb::Error> {
    Ok(ControlTables {
        dropped: transaction.open_table(DROPPED)?,
        aborted: transaction.open_table(ABORTED)?,
        flushed: transaction.open_table(FLUSHED)?,
        checkpoints: transaction.open_table(CHECKPOINTS)?,
        holds: transaction.open_table(HOLDS)?,
        offsets: transaction.open_table(OFFSETS)?,
        watermarks: transaction.open_table(WATERMARKS)?,
        calvin: transaction.open_table(CALVIN)?,
        calvin_seals: transaction.open_table(CALVIN_SEALS)?,
        calvin_tallies: transaction.open_table(CALVIN_TALLIES)?,
    })
}

impl ControlTables<'_> {
    /// Writes what `record`, which `state` has just taken in, changed.
    pub(super) fn save(
        &mut self,
        state: &ControlState,
        record: &ControlRecord,
    ) -> Result<(), redb::Error> {
        let scope = record.header.scope;
        match &record.payload {
            AnyPayload::CollectionTombstoned(dropped) => {
                let name = DroppedName {
                    tenant: scope.tenant,
                    database: scope.database,
                    collection: dropped.collection.clone(),
                    epoch: record.header.epoch,
                };
                self.save_dropped(state, &name)
            }
            AnyPayload::WriteAborted(aborted) => {
                self.aborted.insert(aborted.lsn.value(), ())?;
                Ok(())
            }
            AnyPayload::ArrayFlush(flush) => {
                let name = ArrayName {
                    tenant: scope.tenant,
                    database: scope.database,
                    collection: flush.collection.clone(),
                    array: flush.array.clone(),
                };
                self.save_flushed(state, &name)
            }
            AnyPayload::Checkpoint(checkpoint) => {
                let lsn = state.checkpoints.get(&checkpoint.engine);
                let lsn = lsn.copied().unwrap_or_default();
                self.checkpoints
                    .insert(checkpoint.engine.as_str(), lsn.value())?;
                let name = ControlState::checkpoint_hold(&checkpoint.engine);
                self.save_hold(state, &name)
            }
            AnyPayload::Hold(hold) => self.save_hold(state, &hold.name),
            AnyPayload::CommitOffsets(commit) => self.save_offsets(state, &commit.source),
            AnyPayload::CalvinApplied(applied) => {
                let at = CalvinPosition::of(applied);
                self.save_applied(state, applied.vshard, at)
            }
            AnyPayload::CalvinSeal(seal) => self.save_seal(state, seal.vshard),
            AnyPayload::ConsumerAdded(added) => self.save_hold_for(state, &added.name),
            AnyPayload::ConsumerDropped(dropped) => self.save_hold_for(state, &dropped.name),
            AnyPayload::ConsumerCursors(cursors) => {
                let mut names = cursors.cursors.iter().map(|cursor| &cursor.name);
                names.try_for_each(|name| self.save_hold_for(state, name))
            }
            _ => Ok(()),
        }
    }

    fn save_dropped(
        &mut self,
        state: &ControlState,
        name: &DroppedName,
    ) -> Result<(), redb::Error> {
        if let Some(purge_lsn) = state.dropped.get(name) {
            self.dropped.insert(dropped_key(name), purge_lsn.value())?;
        }
        Ok(())
    }

    fn save_flushed(&mut self, state: &ControlState, name: &ArrayName) -> Result<(), redb::Error> {
        if let Some(watermark) = state.flushed.get(name) {
            self.flushed.insert(array_key(name), watermark.value())?;
        }
        Ok(())
    }

    fn save_hold(&mut self, state: &ControlState, name: &str) -> Result<(), redb::Error> {
        match state.holds.find(name) {
            Some(hold) => {
                let row = (hold.needs.map(Lsn::value), hold.since.as_nanos());
                self.holds.insert(name, row)?;
            }
            None => {
                self.holds.remove(name)?;
            }
        }
        Ok(())
    }

    fn save_hold_for(&mut self, state: &ControlState, consumer: &str) -> Result<(), redb::Error> {
        self.save_hold(state, &ControlState::consumer_hold(consumer))
    }

    fn save_offsets(&mut self, state: &ControlState, source: &str) -> Result<(), redb::Error> {
        let Some(progress) = state.offsets.find(source) else {
            return Ok(());
        };
        for (partition, offset) in &progress.offsets {
            self.offsets.insert((source, *partition), *offset)?;
        }
        if let Some(watermark) = progress.watermark {
            self.watermarks.insert(source, watermark.as_nanos())?;
        }
        Ok(())
    }

    fn save_applied(
        &mut self,
        state: &ControlState,
        vshard: VshardId,
        at: CalvinPosition,
    ) -> Result<(), redb::Error> {
        // Below the watermark the seal says it.
        let Some(progress) = state.calvin.find(vshard) else {
            return Ok(());
        };
        let (number, epoch) = (vshard.value(), at.epoch.value());
        if progress.applied.contains(&at) {
            self.calvin.insert((number, epoch, at.position), ())?;
        }
        if let Some(tally) = progress.tallies.get(&at.epoch) {
            let row = (tally.transactions, tally.records, tally.digest);
            self.calvin_tallies.insert((number, epoch), row)?;
        }
        Ok(())
    }

    /// The marks that the seal covers go.
    fn save_seal(&mut self, state: &ControlState, vshard: VshardId) -> Result<(), redb::Error> {
        let seal = state.calvin.find(vshard).and_then(|progress| progress.seal);
        if let Some(seal) = seal {
            let (number, epoch) = (vshard.value(), seal.epoch.value());
            let row = (epoch, seal.transactions, seal.records, seal.digest);
            self.calvin_seals.insert(number, row)?;
            let covered = (number, 0, 0)..=(number, epoch, u32::MAX);
            self.calvin.retain_in(covered, |_, ()| false)?;
            let covered = (number, 0)..=(number, epoch);
            self.calvin_tallies.retain_in(covered, |_, _| false)?;
        }
        Ok(())
    }

    /// Drops what hides only records before `start`, which are gone.
    pub(super) fn forget_before(&mut self, start: Lsn) -> Result<(), redb::Error> {
        self.dropped
            .retain(|_, purge_lsn| purge_lsn > start.value())?;
        self.aborted.retain_in(..start.value(), |_, ()| false)?;
        self.flushed
            .retain(|_, watermark| watermark >= start.value())?;
        Ok(())
    }
}

/// What the tables say.
pub(super) fn load(transaction: &ReadTransaction) -> Result<ControlState, redb::Error> {
    let mut state = ControlState::default();
    for row in transaction.open_table(DROPPED)?.iter()? {
        let (key, purge_lsn) = row?;
        let (tenant, database, collection, epoch) = key.value();
        let name = DroppedName {
            tenant: TenantId::new(tenant),
            database: DatabaseId::new(database),
            collection: collection.to_owned(),
            epoch: Epoch::new(epoch),
        };
        state.dropped.insert(name, Lsn::new(purge_lsn.value()));
    }
    for row in transaction.open_table(ABORTED)?.iter()? {
        state.aborted.insert(Lsn::new(row?.0.value()));
    }
    for row in transaction.open_table(FLUSHED)?.iter()? {
        let (key, watermark) = row?;
        let (tenant, database, collection, array) = key.value();
        let name = ArrayName {
            tenant: TenantId::new(tenant),
            database: DatabaseId::new(database),
            collection: collection.to_owned(),
            array: array.to_owned(),
        };
        state.flushed.insert(name, Lsn::new(watermark.value()));
    }
    for row in transaction.open_table(CHECKPOINTS)?.iter()? {
        let (engine, lsn) = row?;
        let engine = engine.value().to_owned();
        state.checkpoints.insert(engine, Lsn::new(lsn.value()));
    }
    for row in transaction.open_table(HOLDS)?.iter()? {
        let (name, hold) = row?;
        let (needs, since) = hold.value();
        let since = Timestamp::from_nanos(since);
        state.holds.set(name.value(), needs.map(Lsn::new), since);
    }
    load_offsets(transaction, &mut state)?;
    state.consumers = consumer_tables::load(transaction)?;
    load_calvin(transaction, &mut state)?;
    Ok(state)
}

fn load_offsets(
    transaction: &ReadTransaction,
    state: &mut ControlState,
) -> Result<(), redb::Error> {
    for row in transaction.open_table(OFFSETS)?.iter()? {
        let (key, offset) = row?;
        let (source, partition) = key.value();
        state.offsets.set_offset(source, partition, offset.value());
    }
    for row in transaction.open_table(WATERMARKS)?.iter()? {
        let (source, watermark) = row?;
        let watermark = Timestamp::from_nanos(watermark.value());
        state.offsets.set_watermark(source.value(), watermark);
    }
    Ok(())
}

fn load_calvin(transaction: &ReadTransaction, state: &mut ControlState) -> Result<(), redb::Error> {
    for row in transaction.open_table(CALVIN_SEALS)?.iter()? {
        let (vshard, seal) = row?;
        let (epoch, transactions, records, digest) = seal.value();
        state.calvin.seal(&CalvinSeal {
            epoch: Epoch::new(epoch),
            vshard: VshardId::new(vshard.value()),
            transactions,
            records,
            digest,
        });
    }
    for row in transaction.open_table(CALVIN)?.iter()? {
        let (vshard, epoch, position) = row?.0.value();
        let at = CalvinPosition {
            epoch: Epoch::new(epoch),
            position,
        };
        let progress = state.calvin.restore(VshardId::new(vshard));
        progress.applied.insert(at);
    }
    for row in transaction.open_table(CALVIN_TALLIES)?.iter()? {
        let (key, tally) = row?;
        let ((vshard, epoch), (transactions, records, digest)) = (key.value(), tally.value());
        let tally = EpochTally {
            transactions,
            records,
            digest,
        };
        let progress = state.calvin.restore(VshardId::new(vshard));
        progress.tallies.insert(Epoch::new(epoch), tally);
    }
    Ok(())
}

fn dropped_key(name: &DroppedName) -> (u64, u64, &str, u64) {
    let (tenant, database) = (name.tenant.value(), name.database.value());
    (tenant, database, &name.collection, name.epoch.value())
}

fn array_key(name: &ArrayName) -> (u64, u64, &str, &str) {
    let (tenant, database) = (name.tenant.value(), name.database.value());
    (tenant, database, &name.collection, &name.array)
}
