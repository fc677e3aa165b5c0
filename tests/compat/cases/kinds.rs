//! One log for each kind of record: a typed payload, then raw bytes. A kind that comes later gets a
//! log of its own and leaves the others alone.

use nodedb_wal::types::CustomKind;
use nodedb_wal::*;

use super::Case;
use crate::samples;
use crate::scribe::{Scribe, scope};

pub(super) fn cases() -> Vec<Case> {
    let named = RecordKind::ALL.iter().map(|&kind| {
        Case::new(
            format!(
                "kind-{:03}-{}",
                kind.code().number(),
                kind.name().to_lowercase()
            ),
            "A record of the kind with its typed payload, and one with raw bytes.",
            "clean end, records 1..=2 in 1 segments",
            move |scribe| typed_and_raw(scribe, kind),
        )
    });
    named.chain([custom()]).collect()
}

fn typed_and_raw(scribe: &mut Scribe, kind: RecordKind) {
    let payload = samples::of(kind);
    let mut bytes = Vec::new();
    payload.encode(&mut bytes).unwrap();
    let tag = payload
        .collection()
        .map_or(CollectionTag::NONE, CollectionTag::of);
    let number = u64::from(kind.code().number());
    scribe.open();
    scribe.append(&Record::typed(kind, scope(number), tag, &bytes).in_epoch(Epoch::new(number)));
    scribe.append(&Record::raw(kind, scope(u64::MAX), b"raw bytes"));
    scribe.commit();
    scribe.close();
}

fn custom() -> Case {
    Case::new(
        "kind-custom",
        "Kinds of the embedding database, the lowest and the highest number, required and optional.",
        "clean end, records 1..=4 in 1 segments",
        |scribe| {
            scribe.open();
            for (number, required) in [(256, true), (256, false), (32_767, true), (32_767, false)] {
                let kind = RecordKind::Custom(CustomKind::new(number, required).unwrap());
                scribe.append(&Record::raw(kind, scope(1), b"only its writer knows"));
            }
            scribe.commit();
            scribe.close();
        },
    )
}
