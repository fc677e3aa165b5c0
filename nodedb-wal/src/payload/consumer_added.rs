//! A consumer of the log was added: what it wants, from where on, and how far behind it may be.

use super::PayloadError;
use super::error::BrokenRule;
use super::msgpack::{Field, Reader, Writer, msgpack_payload};
use crate::types::{DatabaseId, KindCode, Lsn, TenantId, VshardId};

/// A consumer of the log was added: from now on the records it has not acknowledged are held. Of
/// several records of one name the last one stands. Version 1: msgpack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerAdded {
    /// The consumer's name, one per node.
    pub name: String,
    /// Into how many partitions its records are divided by vshard; from 1 to
    /// [`ConsumerAdded::PARTITIONS_MAX`].
    pub partitions: u32,
    /// The first record it needs, in every partition.
    pub from: Lsn,
    /// The kinds it wants; none is every kind.
    pub kinds: Vec<KindCode>,
    /// The tenant it wants.
    pub tenant: Option<TenantId>,
    /// The database it wants.
    pub database: Option<DatabaseId>,
    /// The vshard it wants.
    pub vshard: Option<VshardId>,
    /// The collection it wants.
    pub collection: Option<String>,
    /// How many records it may be behind.
    pub records_max: Option<u64>,
    /// How many bytes of log it may be behind.
    pub bytes_max: Option<u64>,
    /// How many seconds it may be behind.
    pub seconds_max: Option<u64>,
    /// What is done when it is further behind than that.
    pub when_over: WhenOver,
}

msgpack_payload!(
    ConsumerAdded, version 1, collection none,
    [
        name, partitions, from, kinds, tenant, database, vshard, collection, records_max, bytes_max,
        seconds_max, when_over,
    ],
    check check,
);

impl ConsumerAdded {
    /// The most partitions a consumer can have.
    pub const PARTITIONS_MAX: u32 = 1024;

    fn check(&self) -> Result<(), BrokenRule> {
        if self.partitions == 0 || self.partitions > Self::PARTITIONS_MAX {
            return Err(BrokenRule {
                field: "partitions",
                requirement: "must be from 1 to 1,024",
            });
        }
        Ok(())
    }
}

/// What is done with a consumer that is too far behind. Each is stored as its number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WhenOver {
    /// It is reported, and what it needs stays.
    #[default]
    Report = 0,
    /// It is dropped, and what only it needs may go.
    Drop = 1,
}

impl WhenOver {
    /// Both, in order of number.
    pub const ALL: [Self; 2] = [Self::Report, Self::Drop];
}

impl Field<'_> for WhenOver {
    fn put(&self, writer: &mut Writer<'_>) -> Result<(), PayloadError> {
        (*self as u16).put(writer)
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, PayloadError> {
        let start = *reader;
        let number = u16::take(reader)?;
        Self::ALL
            .into_iter()
            .find(|policy| *policy as u16 == number)
            .ok_or_else(|| start.malformed(format!("there is no policy {number}")))
    }
}
