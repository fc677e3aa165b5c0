//! What is not a payload is refused, by name of field, and never takes the program down.

use proptest::prelude::*;

use super::encoding::{decode_anywhere, encoded};
use super::samples::golden;
use super::strategies::{kind, payload};
use crate::payload::*;
use crate::types::{RecordKind, VshardId};

/// A custom payload is its writer's own, and nothing can be shorter than no bytes.
fn has_form(payload: &AnyPayload) -> bool {
    !matches!(payload, AnyPayload::Custom(..) | AnyPayload::Noop(_))
}

#[test]
fn a_payload_that_was_cut_is_refused() {
    for case in golden().iter().filter(|case| has_form(&case.payload)) {
        let bytes = encoded(&case.payload);
        for len in 0..bytes.len() {
            let error = decode_anywhere(case.payload.kind(), &bytes[..len])
                .expect_err("its end is missing");
            assert!(
                matches!(error, PayloadError::Malformed { .. }),
                "{len} bytes: {error:?}"
            );
        }
    }
}

/// The root of an archive is its last bytes, so the front of one can be a whole archive too.
#[test]
fn a_cut_archive_is_refused_even_where_its_front_is_an_archive() {
    let vector_put = |id: &[u8]| VectorPut {
        collection: String::new(),
        id: id.to_vec(),
        vector: vec![1.0, 2.0],
    };
    let inner = encoded(&vector_put(b"inner").into());
    let outer = encoded(&vector_put(&inner[16..]).into());
    assert_eq!(outer[16..inner.len()], inner[16..], "it is not in front");
    let error = VectorPut::decode(&outer[..inner.len()]).expect_err("its end is missing");
    assert_eq!(
        error.to_string(),
        "VectorPut payload: cannot read `archive` at byte 16"
    );
}

#[test]
fn bytes_behind_a_payload_are_refused_and_counted() {
    for case in golden() {
        if matches!(case.payload, AnyPayload::Custom(..)) {
            continue;
        }
        let bytes = encoded(&case.payload);
        for extra in [1, 8, 16, 24] {
            let mut longer = bytes.clone();
            longer.resize(bytes.len() + extra, 0);
            let error = decode_anywhere(case.payload.kind(), &longer)
                .expect_err("there are bytes too many");
            let (expected_kind, expected_offset) = (case.payload.kind(), bytes.len());
            assert!(
                matches!(
                    error,
                    PayloadError::TrailingBytes { kind, offset, bytes }
                        if kind == expected_kind && offset == expected_offset && bytes == extra
                ),
                "{error:?}"
            );
        }
    }
}

#[test]
fn an_unknown_version_is_told_apart_from_damage() {
    for case in golden().iter().filter(|case| has_form(&case.payload)) {
        let kind = case.payload.kind();
        for version in [0, 2, 255] {
            let mut bytes = encoded(&case.payload);
            bytes[0] = version;
            let error = AnyPayload::decode(kind, &bytes).expect_err("nobody knows it");
            assert!(
                matches!(error, PayloadError::UnknownVersion { version: v, version_known: 1, .. }
                    if v == version),
                "{error:?}"
            );
        }
    }
}

#[test]
fn reserved_bytes_of_a_prefix_must_be_zero() {
    let kinds = [
        RecordKind::VectorPut,
        RecordKind::TimeseriesBatch,
        RecordKind::LogBatch,
    ];
    for case in golden() {
        if !kinds.contains(&case.payload.kind()) {
            continue;
        }
        for at in (1..4).chain(8..16) {
            let mut bytes = encoded(&case.payload);
            bytes[at] = 1;
            assert!(
                AnyPayload::decode(case.payload.kind(), &bytes).is_err(),
                "byte {at} of {} may be anything",
                case.payload.kind()
            );
        }
    }
}

#[test]
fn a_field_that_cannot_be_read_is_named_with_its_place() {
    // A VectorDelete of ("ab", a number where the id should be).
    let bytes = [1, 0x92, 0xa2, b'a', b'b', 7];
    let error = VectorDelete::decode(&bytes).expect_err("the id is not bytes");
    assert_eq!(
        error.to_string(),
        "VectorDelete payload: cannot read `id` at byte 5"
    );
    assert!(std::error::Error::source(&error).is_some());

    // A name that is not UTF-8.
    let bytes = [1, 0x92, 0xa1, 0xff, 0xc4, 0];
    let error = VectorDelete::decode(&bytes).expect_err("the name is not text");
    assert_eq!(
        error.to_string(),
        "VectorDelete payload: cannot read `collection` at byte 2"
    );
}

/// Payloads that break a rule of their own, which neither direction may let through.
#[test]
fn a_payload_that_breaks_a_rule_is_not_written() {
    let check = |payload: AnyPayload, field: &str| {
        let mut out = vec![1, 2, 3];
        let error = payload.encode(&mut out).expect_err("it breaks a rule");
        assert!(
            matches!(error, PayloadError::Unencodable { field: f, .. } if f == field),
            "{error:?}"
        );
        assert_eq!(out, [1, 2, 3], "something was left behind");
    };
    let series = TimeseriesBatch {
        collection: "c".into(),
        series: "s".into(),
        timestamps_ns: vec![1, 2],
        values: vec![1.0],
    };
    check(series.into(), "values");
    let (first, count) = (u32::MAX, 2);
    let collection = None;
    check(
        SurrogateAlloc {
            collection,
            first,
            count,
        }
        .into(),
        "count",
    );
    let params = VectorParams {
        collection: "c".into(),
        dimension: 0,
        metric: VectorMetric::L2,
        m: 1,
        ef_construction: 1,
        ef_search: 1,
    };
    check(params.into(), "dimension");
    let inner = Transaction { operations: vec![] };
    let nested = Operation::new(&inner).expect("it can be encoded");
    let outer = Transaction {
        operations: vec![nested],
    };
    check(outer.into(), "operations");
    let steering = Checkpoint {
        engine: "kv".into(),
        lsn: crate::types::Lsn::FIRST,
    };
    let outer = Transaction {
        operations: vec![Operation::new(&steering).expect("it can be encoded")],
    };
    check(outer.into(), "operations");
}

#[test]
fn a_stored_payload_that_breaks_a_rule_is_refused() {
    let check = |kind: RecordKind, bytes: &[u8], text: &str| {
        let error = AnyPayload::decode(kind, bytes).expect_err("it breaks a rule");
        assert_eq!(error.to_string(), text);
    };
    check(
        RecordKind::SurrogateAlloc,
        &[1, 0x93, 0xc0, 5, 0],
        "SurrogateAlloc payload: cannot read `count`",
    );
    check(
        RecordKind::VectorParams,
        &[1, 0x96, 0xa1, b'c', 0, 0, 1, 1, 1],
        "VectorParams payload: cannot read `dimension`",
    );
    check(
        RecordKind::VectorParams,
        &[1, 0x96, 0xa1, b'c', 9, 77, 1, 1, 1],
        "VectorParams payload: cannot read `metric` at byte 5",
    );
}

#[test]
fn the_collection_is_found_without_reading_what_follows_it() {
    let mut bytes = encoded(
        &VectorDelete {
            collection: "orders".into(),
            id: vec![1],
        }
        .into(),
    );
    bytes.truncate(9);
    let name = collection_of(RecordKind::VectorDelete, &bytes).expect("the name is whole");
    assert_eq!(name.as_deref(), Some("orders"));
    assert!(VectorDelete::decode(&bytes).is_err());
}

#[test]
fn an_operation_of_an_unknown_kind_is_kept_but_not_decoded() {
    let operation = Operation {
        kind: crate::types::KindCode::from_bits(0x8000 | 77),
        collection: None,
        payload: vec![1, 2, 3],
    };
    assert!(matches!(operation.decode(), Ok(None)));
    let applied = CalvinApplied {
        epoch: crate::types::Epoch::new(1),
        position: 2,
        vshard: VshardId::new(3),
        records: 0,
        digest: 0,
    };
    let operation = Operation::new(&applied).expect("it can be encoded");
    let decoded = operation.decode().expect("its own bytes");
    assert_eq!(decoded, Some(applied.into()));
}

proptest! {
    #[test]
    fn no_bytes_take_the_program_down(
        kind in kind(),
        version in 0_u8..3,
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = version;
        }
        // Whatever comes of it: no panic, and the same wherever the bytes are.
        drop(decode_anywhere(kind, &bytes));
        drop(collection_of(kind, &bytes));
    }

    #[test]
    fn no_damaged_payload_takes_the_program_down(
        payload in payload(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoded(&payload);
        for (at, value) in damage {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        if let Ok(decoded) = decode_anywhere(payload.kind(), &bytes) {
            // What is taken for a payload can be written again.
            let again = encoded(&decoded);
            let back = AnyPayload::decode(decoded.kind(), &again).expect("its own bytes");
            prop_assert_eq!(encoded(&back), again);
        }
        drop(collection_of(payload.kind(), &bytes));
    }
}
