//! What a demo's records of consumers say.

use fastrand::Rng;
use nodedb_wal::payload::{
    AnyPayload, ConsumerAdded, ConsumerCursor, ConsumerCursors, ConsumerDropped, WhenOver,
};
use nodedb_wal::types::{Lsn, RecordKind, Scope};

use super::content::Stamp;

/// A payload of this kind; nothing when the kind is not one of consumers.
pub(super) fn payload(
    kind: RecordKind,
    stamp: Stamp,
    scope: Scope,
    rng: &mut Rng,
) -> Option<AnyPayload> {
    let name = stamp.to_string();
    let payload = match kind {
        RecordKind::ConsumerAdded => ConsumerAdded {
            name,
            partitions: rng.u32(1..=ConsumerAdded::PARTITIONS_MAX),
            from: Lsn::new(stamp.number()),
            kinds: vec![RecordKind::Put.code()],
            tenant: Some(scope.tenant),
            database: None,
            vshard: Some(scope.vshard),
            collection: None,
            records_max: None,
            bytes_max: Some(rng.u64(..)),
            seconds_max: None,
            when_over: WhenOver::Drop,
        }
        .into(),
        RecordKind::ConsumerDropped => ConsumerDropped {
            name,
            acknowledged: Lsn::new(stamp.number()),
            over: None,
        }
        .into(),
        RecordKind::ConsumerCursors => {
            let acknowledged = Lsn::new(rng.u64(..));
            let cursor = |partition| ConsumerCursor {
                name: name.clone(),
                partition,
                acknowledged,
            };
            ConsumerCursors {
                cursors: (0..rng.u32(1..4)).map(cursor).collect(),
            }
            .into()
        }
        _ => return None,
    };
    Some(payload)
}
