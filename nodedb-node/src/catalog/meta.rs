//! What the catalog says of itself: its format, the log it is of, and how far it has come.

use nodedb_wal::types::{LogId, Lsn};
use redb::{ReadableTable, Table, TableDefinition};

use super::fit::CatalogFacts;
use crate::error::Result;

pub(super) const META: TableDefinition<'_, &str, u128> = TableDefinition::new("_system.meta");

/// The version of the tables. Another number means tables this code does not read.
pub(super) const FORMAT: u128 = 1;

const FORMAT_KEY: &str = "format";
const LOG_KEY: &str = "log_id";
const APPLIED_KEY: &str = "applied_lsn";

/// The format a catalog was written in; nothing when it is new.
pub(super) fn format(
    meta: &impl ReadableTable<&'static str, u128>,
) -> Result<Option<u128>, redb::Error> {
    Ok(meta.get(FORMAT_KEY)?.map(|value| value.value()))
}

pub(super) fn facts(
    meta: &impl ReadableTable<&'static str, u128>,
) -> Result<CatalogFacts, redb::Error> {
    let log = meta.get(LOG_KEY)?.map(|value| LogId::new(value.value()));
    let applied = meta.get(APPLIED_KEY)?.map_or(0, |value| value.value());
    Ok(CatalogFacts {
        log,
        applied: Lsn::new(u64::try_from(applied).unwrap_or(u64::MAX)),
    })
}

/// Makes the catalog that of a log.
pub(super) fn attach(
    meta: &mut Table<'_, &'static str, u128>,
    log: LogId,
) -> Result<(), redb::Error> {
    meta.insert(FORMAT_KEY, FORMAT)?;
    meta.insert(LOG_KEY, log.value())?;
    meta.insert(APPLIED_KEY, 0)?;
    Ok(())
}

pub(super) fn set_applied(
    meta: &mut Table<'_, &'static str, u128>,
    applied: Lsn,
) -> Result<(), redb::Error> {
    meta.insert(APPLIED_KEY, u128::from(applied.value()))?;
    Ok(())
}
