//! Payloads that speak of consumers, in bytes and in words.

use super::samples::{Golden, sample};
use crate::payload::*;
use crate::types::{Lsn, RecordKind, TenantId};

pub(super) fn consumers() -> Vec<Golden> {
    let added = ConsumerAdded {
        name: "index".into(),
        partitions: 4,
        from: Lsn::new(7),
        kinds: vec![RecordKind::Put.code()],
        tenant: Some(TenantId::new(1)),
        database: None,
        vshard: None,
        collection: Some("a".into()),
        records_max: None,
        bytes_max: Some(200),
        seconds_max: None,
        when_over: WhenOver::Drop,
    };
    let dropped = ConsumerDropped {
        name: "index".into(),
        acknowledged: Lsn::new(9),
        over: Some("late".into()),
    };
    let cursor = ConsumerCursor {
        name: "index".into(),
        partition: 1,
        acknowledged: Lsn::new(9),
    };
    let cursors = ConsumerCursors {
        cursors: vec![cursor],
    };
    vec![
        sample(
            added,
            "019ca5696e646578040791cd800101c0c0a161c0ccc8c001",
            "ConsumerAdded name=index partitions=4 from=7",
        ),
        sample(
            dropped,
            "0193a5696e64657809a46c617465",
            "ConsumerDropped name=index acknowledged=9 over=late",
        ),
        sample(
            cursors,
            "01919193a5696e6465780109",
            "ConsumerCursors cursors=1",
        ),
    ]
}
