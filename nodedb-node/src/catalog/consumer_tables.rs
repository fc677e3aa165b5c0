//! The consumers of the log in the catalog: what each was added as, and how far its partitions have
//! come.

use std::collections::BTreeMap;

use nodedb_wal::payload::{AnyPayload, ConsumerAdded, ConsumerDropped, Payload};
use nodedb_wal::types::{Lsn, Timestamp};
use redb::{ReadTransaction, ReadableTable as _, Table, TableDefinition, WriteTransaction};

use crate::control::{ConsumerState, ConsumerStates, ControlRecord, ControlState};

/// The payload it was added with, when that was, and the payload it was dropped with for being too
/// far behind.
type Added = (&'static [u8], i64, Option<&'static [u8]>);

const CONSUMERS: TableDefinition<'_, &str, Added> = TableDefinition::new("_system.consumers");
const CURSORS: TableDefinition<'_, (&str, u32), u64> =
    TableDefinition::new("_system.consumer_cursors");

pub(super) struct ConsumerTables<'t> {
    consumers: Table<'t, &'static str, Added>,
    cursors: Table<'t, (&'static str, u32), u64>,
}

pub(super) fn make(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    open(transaction).map(drop)
}

pub(super) fn open(transaction: &WriteTransaction) -> Result<ConsumerTables<'_>, redb::Error> {
    Ok(ConsumerTables {
        consumers: transaction.open_table(CONSUMERS)?,
        cursors: transaction.open_table(CURSORS)?,
    })
}

impl ConsumerTables<'_> {
    /// Writes what `record`, which `state` has just taken in, changed.
    pub(super) fn save(
        &mut self,
        state: &ControlState,
        record: &ControlRecord,
    ) -> Result<(), redb::Error> {
        match &record.payload {
            AnyPayload::ConsumerAdded(added) => {
                self.forget(&added.name)?;
                let row = (
                    record.stored.as_slice(),
                    record.header.timestamp.as_nanos(),
                    None,
                );
                self.consumers.insert(added.name.as_str(), row)?;
                Ok(())
            }
            AnyPayload::ConsumerDropped(dropped) => match state.consumers.find(&dropped.name) {
                Some(_) => self.remember(&dropped.name, &record.stored),
                None => self.forget(&dropped.name),
            },
            AnyPayload::ConsumerCursors(cursors) => {
                for cursor in &cursors.cursors {
                    let known = state.consumers.find(&cursor.name);
                    let moved = known.and_then(|state| state.cursors.get(&cursor.partition));
                    if let Some(lsn) = moved {
                        let key = (cursor.name.as_str(), cursor.partition);
                        self.cursors.insert(key, lsn.value())?;
                    }
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn remember(&mut self, name: &str, dropped: &[u8]) -> Result<(), redb::Error> {
        let row = self.consumers.get(name)?.map(|row| {
            let (added, since, _) = row.value();
            (added.to_vec(), since)
        });
        if let Some((added, since)) = row {
            let row = (added.as_slice(), since, Some(dropped));
            self.consumers.insert(name, row)?;
        }
        Ok(())
    }

    fn forget(&mut self, name: &str) -> Result<(), redb::Error> {
        self.consumers.remove(name)?;
        let own = (name, 0)..=(name, u32::MAX);
        self.cursors.retain_in(own, |_, _| false)?;
        Ok(())
    }
}

/// What the tables say.
pub(super) fn load(transaction: &ReadTransaction) -> Result<ConsumerStates, redb::Error> {
    let mut states = ConsumerStates::default();
    for row in transaction.open_table(CONSUMERS)?.iter()? {
        let (name, row) = row?;
        let (added, since, dropped) = row.value();
        let state = ConsumerState {
            added: decoded::<ConsumerAdded>(name.value(), added)?,
            since: Timestamp::from_nanos(since),
            cursors: BTreeMap::new(),
            dropped: dropped
                .map(|dropped| decoded::<ConsumerDropped>(name.value(), dropped))
                .transpose()?,
        };
        states.restore(name.value().to_owned(), state);
    }
    for row in transaction.open_table(CURSORS)?.iter()? {
        let (key, lsn) = row?;
        let (name, partition) = key.value();
        states.restore_cursor(name, partition, Lsn::new(lsn.value()));
    }
    Ok(states)
}

fn decoded<P: Payload>(name: &str, bytes: &[u8]) -> Result<P, redb::Error> {
    P::decode(bytes)
        .map_err(|error| redb::Error::Corrupted(format!("the row of consumer {name}: {error}")))
}
