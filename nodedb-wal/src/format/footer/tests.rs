//! Footers that were built, and bytes that are none.

use super::*;

fn sample() -> SegmentIndex {
    let time = Span {
        min: Timestamp::from_nanos(-5),
        max: Timestamp::from_nanos(5),
    };
    let epoch = Span {
        min: Epoch::new(1),
        max: Epoch::new(2),
    };
    let mut tenants = IdCounts::default();
    tenants.add(7, 1);
    tenants.add(7, 1);
    tenants.add(9, 1);
    let mut usages = Usages::default();
    let usage = Usage {
        records: 1,
        payload_bytes: 100,
    };
    for (tenant, database) in [(7, 1), (7, 2), (9, 1)] {
        usages.add(tenant, database, usage);
    }
    let mut mask = IdMask::default();
    mask.add(7);
    SegmentIndex {
        first_lsn: Lsn::new(1),
        last_lsn: Lsn::new(3),
        time,
        epoch,
        payload_bytes: 300,
        writes: 2,
        kinds: BTreeMap::from([(RecordKind::Put.code(), 3)]),
        tenants,
        databases: IdCounts {
            counts: BTreeMap::new(),
            others: 3,
        },
        vshards: IdCounts::default(),
        zones: vec![Zone {
            offset: 4096,
            first_lsn: Lsn::new(1),
            time,
            epoch,
            tenants: mask,
            databases: mask,
            vshards: mask,
            collections: mask,
            kinds: mask,
        }],
        controls: vec![4096, 5000],
        usages,
    }
}

#[test]
fn decode_gives_back_what_was_encoded() {
    let bytes = sample().encode();
    assert_eq!(bytes.len(), sample().encoded_len());
    assert_eq!(SegmentIndex::decode(&bytes), Ok(sample()));
}

#[test]
fn every_cut_and_every_extra_byte_is_refused() {
    let mut bytes = sample().encode();
    for len in 0..bytes.len() {
        assert!(SegmentIndex::decode(&bytes[..len]).is_err(), "cut to {len}");
    }
    bytes.push(0);
    assert_eq!(
        SegmentIndex::decode(&bytes),
        Err(DecodeFault::Trailing { bytes: 1 })
    );
}

/// A count that is written twice had the first of the two forgotten when it was read: the same
/// index had many forms. Found by the fuzz target `footer`.
#[test]
fn what_is_counted_stands_in_rising_order_and_once() {
    let bytes = sample().encode();
    let at = 8 * 8 + 4 + KIND_ENCODED_BYTES + 12;
    assert_eq!(bytes[at], 7, "the first tenant");
    for (first, second) in [(9, 9), (9, 7)] {
        let mut bytes = bytes.clone();
        bytes[at] = first;
        bytes[at + ID_ENCODED_BYTES] = second;
        let (field, value) = ("tenants", u64::from(second));
        let fault = DecodeFault::OutOfRange { field, value };
        assert_eq!(SegmentIndex::decode(&bytes), Err(fault));
    }
}

#[test]
fn ids_beyond_the_limit_are_counted_together_and_exclude_nothing() {
    let mut ids = IdCounts::default();
    for id in 0..=ID_COUNTS_MAX as u64 {
        ids.add(id, 1);
    }
    assert_eq!(ids.others, 1);
    assert!(!ids.excludes([u64::MAX].into_iter()));
}
