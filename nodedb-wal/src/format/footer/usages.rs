//! How much of a segment belongs to whom: a part of its footer.

use std::collections::BTreeMap;

use super::super::cursor::{Cursor, DecodeFault};
use super::{ID_COUNTS_MAX, in_rising_order, put_count};

const ENCODED_BYTES: usize = 4 * 8;

/// How much is somebody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) records: u64,
    pub(crate) payload_bytes: u64,
}

impl Usage {
    fn add(&mut self, other: Self) {
        self.records += other.records;
        self.payload_bytes += other.payload_bytes;
    }
}

/// How much belongs to each tenant and database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usages {
    /// By tenant and database.
    pub(crate) counts: BTreeMap<(u64, u64), Usage>,
    /// Of those that are not in `counts`, because there were too many different ones.
    pub(crate) others: Usage,
}

impl Usages {
    /// Whether they are counted one by one.
    pub(crate) fn add(&mut self, tenant: u64, database: u64, usage: Usage) -> bool {
        if let Some(count) = self.counts.get_mut(&(tenant, database)) {
            count.add(usage);
        } else if self.counts.len() < ID_COUNTS_MAX {
            self.counts.insert((tenant, database), usage);
        } else {
            self.others.add(usage);
            return false;
        }
        true
    }

    /// How many bytes those take that are counted one by one.
    pub(super) fn counts_len(&self) -> usize {
        self.counts.len() * ENCODED_BYTES
    }

    /// Writes them behind what is in `out`.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put_count(out, self.counts.len());
        out.extend_from_slice(&self.others.records.to_le_bytes());
        out.extend_from_slice(&self.others.payload_bytes.to_le_bytes());
        for ((tenant, database), usage) in &self.counts {
            for value in [*tenant, *database, usage.records, usage.payload_bytes] {
                out.extend_from_slice(&value.to_le_bytes());
            }
        }
    }

    /// # Errors
    ///
    /// Names the field that is short or out of range.
    pub(super) fn decode(c: &mut Cursor<'_>) -> Result<Self, DecodeFault> {
        let count = c.u32("usages")?;
        let too_many = DecodeFault::OutOfRange {
            field: "usages",
            value: u64::from(count),
        };
        let count = usize::try_from(count).map_err(|_| too_many)?;
        if count > ID_COUNTS_MAX {
            return Err(too_many);
        }
        let others = usage(c)?;
        let counts = in_rising_order(count, || {
            let id = (c.u64("usage tenant")?, c.u64("usage database")?);
            let fault = DecodeFault::OutOfRange {
                field: "usage tenant",
                value: id.0,
            };
            Ok(((id, usage(c)?), fault))
        })?;
        Ok(Self { counts, others })
    }
}

fn usage(c: &mut Cursor<'_>) -> Result<Usage, DecodeFault> {
    Ok(Usage {
        records: c.u64("usage records")?,
        payload_bytes: c.u64("usage payload_bytes")?,
    })
}
