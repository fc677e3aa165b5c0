//! Footers that were built, and bytes that are none.

use super::grains::GRAINS_MAX;
use super::*;
use crate::types::{CollectionTag, DatabaseId, RecordFlags, Scope, TenantId, VshardId};

fn header(lsn: u64, tenant: u64) -> RecordHeader {
    RecordHeader {
        payload_crc: 0,
        payload_len: 100,
        kind: RecordKind::Put.code(),
        flags: RecordFlags::NONE,
        lsn: Lsn::new(lsn),
        scope: Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(1)),
        collection: CollectionTag::NONE,
        epoch: Epoch::NONE,
        timestamp: Timestamp::from_nanos(0),
    }
}

/// Of one zone: its first record, and one of another tenant 8 KiB behind.
fn grains() -> Grains {
    let mut grains = Grains::default();
    grains.begin(0, &header(1, 7), 0, 0);
    grains.begin(0, &header(3, 9), GRAIN_BYTES, 2);
    grains
}

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
    let mut zone = Zone {
        offset: 4096,
        first_lsn: Lsn::new(1),
        time,
        epoch,
        tenants: IdMask::default(),
        databases: IdMask::default(),
        vshards: IdMask::default(),
        collections: IdMask::default(),
        kinds: IdMask::default(),
    };
    for header in [header(1, 7), header(3, 9)] {
        zone.add(&header);
    }
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
        zones: vec![zone],
        controls: vec![4096, 5000],
        usages,
        grains: grains(),
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

#[test]
fn grains_stand_in_rising_order_and_the_first_where_its_zone_does() {
    let bytes = sample().encode();
    let first = bytes.len() - 2 * 20;
    let check = |at: usize, value: u16, field: &'static str| {
        let mut bytes = bytes.clone();
        bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        let value = u64::from(value);
        let fault = DecodeFault::OutOfRange { field, value };
        assert_eq!(SegmentIndex::decode(&bytes), Err(fault));
    };
    let (steps, records) = ("grain steps", "grain records_before");
    check(first, 1, steps);
    check(first + 2, 1, records);
    check(first + 20, 0, steps);
    check(first + 20, 0x4000, steps);
    check(first + 22, 0, records);
}

/// A record that no grain of its zone owns up to would be left out by a read that asks for it.
#[test]
fn the_grains_of_a_zone_say_together_what_it_says() {
    let bytes = sample().encode();
    let last = bytes.len() - 20;
    for at in [last + 4, last + 12] {
        for bit in 0..64 {
            let mut bytes = bytes.clone();
            bytes[at + bit / 8] ^= 1 << (bit % 8);
            let decoded = SegmentIndex::decode(&bytes);
            // What the other grain says too may be missing here.
            let first = &bytes[at - 20..at - 12];
            let is_in_both = first[bit / 8] & (1 << (bit % 8)) != 0;
            assert_eq!(decoded.is_ok(), is_in_both, "bit {bit} from {at}");
        }
    }
}

#[test]
fn more_grains_than_a_footer_has_are_refused() {
    let mut bytes = sample().encode();
    // The same zone and its two grains, so many times.
    let count = GRAINS_MAX / 2 + 1;
    let grains = bytes.split_off(bytes.len() - 2 * 20 - 2);
    bytes.extend(grains.repeat(count));
    let usages = 4 + 2 * 8 + 3 * 32;
    let zone = sample().encode().len() - grains.len() - usages - 4 - 2 * 8 - ZONE_ENCODED_BYTES;
    let zones = bytes[zone..zone + ZONE_ENCODED_BYTES].repeat(count - 1);
    bytes.splice(zone..zone, zones);
    bytes[zone - 4..zone].copy_from_slice(&u32::try_from(count).unwrap().to_le_bytes());
    let fault = DecodeFault::OutOfRange {
        field: "grains",
        value: 2,
    };
    assert_eq!(SegmentIndex::decode(&bytes), Err(fault));
}

#[test]
fn a_zone_whose_grains_look_alike_has_none() {
    let mut grains = grains();
    grains.end_zone();
    assert_eq!(grains.of_zone(0).len(), 2);
    for at in 0..3 {
        grains.begin(1, &header(10 + at, 7), at * GRAIN_BYTES, at);
    }
    grains.end_zone();
    assert_eq!((grains.of_zone(0).len(), grains.of_zone(1).len()), (2, 0));
}

/// A tenant, a database, a vshard, a collection and a kind of one number have bits of their own.
#[test]
fn a_grain_tells_its_fields_apart() {
    let mut grains = Grains::default();
    grains.begin(0, &header(1, 1), 0, 0);
    let grain = grains.of_zone(0)[0];
    let kind = u64::from(RecordKind::Put.code().bits());
    let holds = [
        (Field::Database, 1),
        (Field::Vshard, 1),
        (Field::Collection, 0),
        (Field::Kind, kind),
    ];
    for (field, id) in holds {
        assert!(grain.others.may_hold(field, id), "{field:?}");
        assert!(!grain.others.may_hold(field, id + 1), "{field:?}");
    }
    assert!(grain.tenants.may_hold(1) && !grain.tenants.may_hold(2));
}
