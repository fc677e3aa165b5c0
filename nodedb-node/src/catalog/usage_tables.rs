//! What segments held that are gone, by tenant and database: with what the log still holds, what was
//! ever written.

use nodedb_wal::types::{DatabaseId, Lsn, TenantId};
use redb::{ReadableTable, TableDefinition, WriteTransaction};

use super::store::Catalog;
use crate::error::Result;
use crate::tenants::{Amount, Gone, SegmentUsage};

/// Tenant and database; records and payload bytes.
const SCOPES: TableDefinition<'_, (u64, u64), (u64, u64)> =
    TableDefinition::new("_system.usage_gone");
/// The rest, by name.
const REST: TableDefinition<'_, &str, u64> = TableDefinition::new("_system.usage_gone_rest");

const BEFORE_KEY: &str = "before_lsn";
const OTHER_RECORDS_KEY: &str = "other_records";
const OTHER_BYTES_KEY: &str = "other_payload_bytes";
const UNKNOWN_KEY: &str = "unknown_records";

pub(super) fn make(transaction: &WriteTransaction) -> Result<(), redb::Error> {
    transaction.open_table(SCOPES)?;
    transaction.open_table(REST)?;
    Ok(())
}

fn load(
    scopes: &impl ReadableTable<(u64, u64), (u64, u64)>,
    rest: &impl ReadableTable<&'static str, u64>,
) -> Result<Gone, redb::Error> {
    let mut gone = Gone::default();
    for row in scopes.iter()? {
        let (key, value) = row?;
        let ((tenant, database), (records, payload_bytes)) = (key.value(), value.value());
        let key = (TenantId::new(tenant), DatabaseId::new(database));
        let amount = Amount {
            records,
            payload_bytes,
        };
        gone.scopes.insert(key, amount);
    }
    let number =
        |key| -> Result<u64, redb::Error> { Ok(rest.get(key)?.map_or(0, |value| value.value())) };
    gone.before = Lsn::new(number(BEFORE_KEY)?).max(Lsn::FIRST);
    gone.others.records = number(OTHER_RECORDS_KEY)?;
    gone.others.payload_bytes = number(OTHER_BYTES_KEY)?;
    gone.unknown_records = number(UNKNOWN_KEY)?;
    Ok(gone)
}

impl Catalog {
    /// What segments held that are gone, or are about to go.
    ///
    /// # Errors
    ///
    /// The catalog could not be read.
    pub fn usage_gone(&self) -> Result<Gone> {
        self.read("read", |transaction| {
            load(
                &transaction.open_table(SCOPES)?,
                &transaction.open_table(REST)?,
            )
        })
    }

    /// Takes in, for good, what the segments hold that are about to go, so that every record before
    /// `before` is counted: once, also when a crash has this done again.
    ///
    /// # Errors
    ///
    /// The catalog could not be read or written.
    pub fn count_gone(&self, segments: &[SegmentUsage], before: Lsn) -> Result<()> {
        self.write("count in", |transaction| {
            let mut scopes = transaction.open_table(SCOPES)?;
            let mut rest = transaction.open_table(REST)?;
            let mut gone = load(&scopes, &rest)?;
            gone.count(segments, before);
            for ((tenant, database), amount) in &gone.scopes {
                let row = (amount.records, amount.payload_bytes);
                scopes.insert((tenant.value(), database.value()), row)?;
            }
            rest.insert(BEFORE_KEY, gone.before.value())?;
            rest.insert(OTHER_RECORDS_KEY, gone.others.records)?;
            rest.insert(OTHER_BYTES_KEY, gone.others.payload_bytes)?;
            rest.insert(UNKNOWN_KEY, gone.unknown_records)?;
            Ok(())
        })
    }
}
