//! What the log says of itself: recovery, segments.

use std::path::PathBuf;
use std::time::Duration;

use super::verdict::Verdict;
use crate::error::Result;
use crate::format::footer::{SegmentIndex, Usages};
use crate::segment::{SegmentEntry, examine};
use crate::types::{DatabaseId, Epoch, KindCode, Lsn, TenantId, Timestamp};

/// What opening the log found, and what it dropped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// What the end of the log was.
    pub verdict: Verdict,
    /// What was dropped behind the last whole record; nothing of it was acknowledged.
    pub dropped: Option<Dropped>,
    /// The oldest record; one past `last_lsn` when there is none.
    pub start_lsn: Lsn,
    /// The last record; [`Lsn::ZERO`] in a new log.
    pub last_lsn: Lsn,
    /// Segments found.
    pub segments: usize,
    /// Places where bytes that carry no record were damaged, by offset in the last segment. No
    /// record was lost, but the disk is not what it was.
    pub scars: Vec<u64>,
    /// Bytes read to come to the verdict.
    pub bytes_read: u64,
    /// How long that took.
    pub duration: Duration,
}

/// The end of a log that was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dropped {
    /// The segment.
    pub path: PathBuf,
    /// Where the dropped bytes start.
    pub offset: u64,
    /// Whole records among them: of a half batch, or behind a hole.
    pub records: u64,
}

/// Where a segment starts and how long it is: what can be told without reading its footer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentExtent {
    /// Its first record, once it has one. The next segment's is where it ends.
    pub first_lsn: Lsn,
    /// The file's length in bytes.
    pub file_bytes: u64,
}

/// A segment of the log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SegmentInfo {
    /// Its file.
    pub path: PathBuf,
    /// Its number; segments of a log are numbered from 1.
    pub number: u64,
    /// Its first record, once it has one.
    pub first_lsn: Lsn,
    /// Its last record; one before `first_lsn` when it has none.
    pub last_lsn: Lsn,
    /// Whether it is closed for ever.
    pub sealed: bool,
    /// The file's length in bytes.
    pub file_bytes: u64,
    /// Where its last record ends.
    pub data_bytes: u64,
    /// Payload bytes of all its records.
    pub payload_bytes: u64,
    /// When it was started.
    pub created_at: Timestamp,
    /// First and last timestamp; `None` when it has no record.
    pub times: Option<(Timestamp, Timestamp)>,
    /// Lowest and highest epoch; `None` when it has no record.
    pub epochs: Option<(Epoch, Epoch)>,
    /// Records of each kind, in order of number.
    pub kinds: Vec<(KindCode, u64)>,
    /// Records of each tenant, in order of id; the first 1,024 tenants of the segment.
    pub tenants: Vec<(TenantId, u64)>,
    /// Records and bytes of each tenant's databases, in order of tenant and database; the first
    /// 1,024 of the segment.
    pub usages: Vec<ScopeUsage>,
    /// Records and payload bytes of databases that are not among those.
    pub other_usage: (u64, u64),
    /// Writes that went into it.
    pub writes: u64,
}

/// How much of a segment is of one database of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeUsage {
    /// The tenant.
    pub tenant: TenantId,
    /// The tenant's database.
    pub database: DatabaseId,
    /// Its records.
    pub records: u64,
    /// The bytes of their payloads.
    pub payload_bytes: u64,
}

impl SegmentInfo {
    /// What `entry`, which is sealed or whose writer is gone, holds. A damaged footer is made good
    /// for by walking the segment.
    pub(crate) fn of(entry: &SegmentEntry) -> Result<Self> {
        let trailer = entry.trailer();
        if let (Some(trailer), Ok(index)) = (trailer, entry.index()) {
            return Ok(Self::new(
                entry,
                trailer.last_lsn,
                trailer.data_end,
                index.as_ref(),
            ));
        }
        let tail = examine(entry)?;
        Ok(Self::new(
            entry,
            tail.last_lsn,
            tail.data_end,
            tail.index.and_then(|index| index.snapshot()).as_ref(),
        ))
    }

    pub(crate) fn new(
        entry: &SegmentEntry,
        last_lsn: Lsn,
        data_bytes: u64,
        index: Option<&SegmentIndex>,
    ) -> Self {
        let tenants = index.into_iter().flat_map(|i| &i.tenants.counts);
        let kinds = index.into_iter().flat_map(|i| &i.kinds);
        Self {
            path: entry.path().to_path_buf(),
            number: entry.header().number,
            first_lsn: entry.header().first_lsn,
            last_lsn,
            sealed: entry.trailer().is_some(),
            file_bytes: entry.file_bytes(),
            data_bytes,
            payload_bytes: index.map_or(0, |i| i.payload_bytes),
            created_at: entry.header().created_at,
            times: index.map(|i| (i.time.min, i.time.max)),
            epochs: index.map(|i| (i.epoch.min, i.epoch.max)),
            kinds: kinds.map(|(&code, &count)| (code, count)).collect(),
            tenants: tenants
                .map(|(&id, &count)| (TenantId::new(id), count))
                .collect(),
            usages: index.map_or_else(Vec::new, |i| usages(&i.usages)),
            other_usage: index.map_or((0, 0), |i| {
                (i.usages.others.records, i.usages.others.payload_bytes)
            }),
            writes: index.map_or(0, |i| i.writes),
        }
    }
}

fn usages(usages: &Usages) -> Vec<ScopeUsage> {
    let rows = usages.counts.iter();
    rows.map(|(&(tenant, database), usage)| ScopeUsage {
        tenant: TenantId::new(tenant),
        database: DatabaseId::new(database),
        records: usage.records,
        payload_bytes: usage.payload_bytes,
    })
    .collect()
}
