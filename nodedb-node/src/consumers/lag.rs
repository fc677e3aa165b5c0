//! How far a consumer is behind: in records, by LSN; in bytes, by the segments' lengths and one
//! footer; in time, by the first record it has not acknowledged.

use std::time::Duration;

use nodedb_wal::types::{Lsn, Timestamp};
use nodedb_wal::{ReadOptions, Reader};

use super::filter::is_bookkeeping;
use crate::error::Result;
use crate::manager::WalManager;
use crate::replay::ReplaySource;

/// How far a consumer is behind the last durable record. What the node wrote down for itself behind
/// the last record that is anybody's concern does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Records it has not acknowledged, those it does not want included: nobody has looked at them.
    pub records: u64,
    /// Bytes of log from the first of them on, counted from the zone that holds it: up to 256 KiB
    /// more.
    pub bytes: u64,
    /// How long the first of them has waited, by the wall clock.
    pub waited: Duration,
}

/// A log of which lags can be told.
pub trait LagSource: ReplaySource {
    /// Bytes of log from a record on.
    ///
    /// # Errors
    ///
    /// The record is gone, or a footer cannot be read.
    fn bytes_from(&self, lsn: Lsn) -> Result<u64>;
}

impl LagSource for WalManager {
    fn bytes_from(&self, lsn: Lsn) -> Result<u64> {
        Ok(self.log().bytes_from(lsn)?)
    }
}

impl LagSource for Reader {
    fn bytes_from(&self, lsn: Lsn) -> Result<u64> {
        Ok(self.bytes_from(lsn)?)
    }
}

/// How far somebody is behind who has acknowledged everything up to `acknowledged`. A stretch of the
/// log at that place is read, and one footer.
///
/// # Errors
///
/// The record behind it is gone, or the log cannot be read.
pub fn lag_behind(source: &dyn LagSource, acknowledged: Lsn, now: Timestamp) -> Result<Lag> {
    let last = source.last_lsn();
    if acknowledged >= last {
        return Ok(Lag::default());
    }
    let options = ReadOptions::from(acknowledged.next())
        .until(last)
        .headers_only();
    let mut records = source.read(options)?;
    while let Some(record) = records.next()? {
        let header = record.header;
        if is_bookkeeping(header.kind) {
            continue;
        }
        let waited = now.as_nanos().saturating_sub(header.timestamp.as_nanos());
        return Ok(Lag {
            records: last.value() - header.lsn.value() + 1,
            bytes: source.bytes_from(header.lsn)?,
            waited: Duration::from_nanos(u64::try_from(waited).unwrap_or_default()),
        });
    }
    Ok(Lag::default())
}
