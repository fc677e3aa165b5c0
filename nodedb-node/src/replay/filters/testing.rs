//! Headers for the filters' tests.

use nodedb_wal::format::RecordHeader;
use nodedb_wal::types::{CollectionTag, Epoch, Lsn, RecordFlags, RecordKind, Scope, Timestamp};

/// A header of this kind and LSN, of nobody in particular.
pub(super) fn header(kind: RecordKind, lsn: u64) -> RecordHeader {
    RecordHeader {
        payload_crc: 0,
        payload_len: 0,
        kind: kind.code(),
        flags: RecordFlags::NONE,
        lsn: Lsn::new(lsn),
        scope: Scope::default(),
        collection: CollectionTag::NONE,
        epoch: Epoch::NONE,
        timestamp: Timestamp::from_nanos(0),
    }
}
