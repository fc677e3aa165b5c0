//! Looking at a damaged log: what is left of it comes back, and what is missing is named.

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

/// What a read gives until it ends or says the same thing twice.
fn read_through(mut records: Records) -> (Vec<u64>, Vec<(u64, u64)>) {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    loop {
        match records.next() {
            Ok(Some(record)) => found.push(record.lsn().value()),
            Ok(None) => return (found, missing),
            Err(Error::MissingSegment { lsns, .. } | Error::Damaged { lsns, .. }) => {
                let lsns = (lsns.first.value(), lsns.last.value());
                if missing.last() == Some(&lsns) {
                    return (found, missing);
                }
                missing.push(lsns);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Somebody removed, or the disk spoiled, segments in the middle of a log. Whoever then looked at
/// what was left waited for ever: the read came to the end of the segment in front of the gap and
/// looked for the next record in that very segment, again and again.
#[test]
fn a_read_over_missing_segments_names_what_is_missing_and_a_salvage_goes_on_behind() {
    let disk = SimDisk::new(1);
    let config = Config::on(disk.storage()).segment_bytes(64 << 10);
    let log = Log::open(config).unwrap();
    let scope = Scope::default();
    for lsn in 1..=10_u64 {
        log.append(&Record::raw(RecordKind::Put, scope, &lsn.to_le_bytes()))
            .unwrap();
        if lsn % 2 == 0 {
            log.rotate().unwrap();
        }
    }
    log.close().unwrap();
    disk.kill_process();
    let check = |lost: &[u64], found: &[u64], missing: &[(u64, u64)]| {
        let removed = disk.fork();
        let spoiled = disk.fork();
        for first in lost {
            let name = format!("wal-{first:020}.seg");
            removed.remove_file(&name).unwrap();
            spoiled.patch(&name, 0, &[0; 4096]).unwrap();
        }
        for damaged in [removed, spoiled] {
            let reader = Reader::open_damaged_on(damaged.storage()).unwrap();
            let salvaged = read_through(reader.read(ReadOptions::all().salvage()).unwrap());
            assert_eq!(salvaged, (found.to_vec(), missing.to_vec()));
            let strict = read_through(reader.read(ReadOptions::all()).unwrap());
            let in_front = found.iter().take_while(|lsn| **lsn < missing[0].0);
            assert_eq!(strict, (in_front.copied().collect(), missing[..1].to_vec()));
        }
    };
    check(&[3], &[1, 2, 5, 6, 7, 8, 9, 10], &[(3, 4)]);
    check(&[3, 5], &[1, 2, 7, 8, 9, 10], &[(3, 6)]);
    check(&[3, 7], &[1, 2, 5, 6, 9, 10], &[(3, 4), (7, 8)]);
}

/// A log of three records, the second of which a later version wrote, with a flag of its own.
fn with_a_flag_to_come() -> SimDisk {
    let disk = SimDisk::new(2);
    let config = Config::on(disk.storage()).segment_bytes(64 << 10);
    let log = Log::open(config).unwrap();
    for _ in 0..3 {
        let lsn = log
            .append(&Record::raw(RecordKind::Put, Scope::default(), b""))
            .unwrap();
        log.commit(lsn).unwrap();
    }
    drop(log);
    flag_to_come(&disk, 2);
    disk
}

/// Gives record `lsn` of the first segment a flag of a later version.
fn flag_to_come(disk: &SimDisk, lsn: u64) {
    let reader = Reader::open_on(disk.storage()).unwrap();
    let mut records = reader.read(ReadOptions::from(Lsn::new(lsn))).unwrap();
    let record = records.next().unwrap().unwrap();
    let (mut header, offset) = (record.header, record.offset);
    let name = "wal-00000000000000000001.seg";
    let bytes = disk.read_file(name).unwrap();
    let segment = format::SegmentHeader::decode_block(bytes.first_chunk().unwrap()).unwrap();
    header.flags = types::RecordFlags::from_bits(1 << 14);
    disk.patch(name, offset, &header.encode(segment.seed()))
        .unwrap();
}

/// An operator verified a log that a later version had written to, and was told that it could not
/// be read at all: the unknown flag ended the examination of the last segment, before anything was
/// reported, and not even the records in front of it could be dumped. Later a salvage ended there, and
/// the records behind, which nothing was wrong with, could not be had.
#[test]
fn a_record_of_a_later_version_is_a_finding_and_those_around_it_are_read() {
    let disk = with_a_flag_to_come();
    let opened = Reader::open_on(disk.storage()).map(|_| ());
    assert!(
        matches!(opened, Err(Error::UnknownRecordFlags { .. })),
        "{opened:?}"
    );
    let reader = Reader::open_damaged_on(disk.storage()).unwrap();
    let report = reader.verify(&mut |_, _| {}).unwrap();
    assert_eq!((report.verdict, report.records), (None, 2));
    assert_eq!(report.dropped, None, "nothing would be dropped");
    let found: Vec<_> = report.findings.iter().map(|f| (f.offset, f.lsns)).collect();
    let (first, last) = (Lsn::new(2), Lsn::new(2));
    assert_eq!(found, [(4096 + 128, Some(LsnRange { first, last }))]);

    for (options, behind) in [
        (ReadOptions::all().salvage(), Some(3)),
        (ReadOptions::all(), None),
    ] {
        let mut records = reader.read(options).unwrap();
        assert_eq!(records.next().unwrap().unwrap().lsn(), Lsn::FIRST);
        let told = records.next().map(|_| ());
        let is_told = matches!(told, Err(Error::UnknownRecordFlags { lsn, .. }) if lsn == last);
        assert!(is_told, "{told:?}");
        match behind {
            Some(lsn) => {
                assert_eq!(records.next().unwrap().unwrap().lsn(), Lsn::new(lsn));
                assert!(records.next().unwrap().is_none());
            }
            None => assert!(records.next().is_err(), "it says so again"),
        }
    }
}

/// The same in a segment that is sealed, which is read another way.
#[test]
fn a_salvage_goes_on_behind_a_record_of_a_later_version_in_a_sealed_segment() {
    let disk = SimDisk::new(4);
    let log = Log::open(Config::on(disk.storage()).segment_bytes(64 << 10)).unwrap();
    for _ in 0..4 {
        let record = Record::raw(RecordKind::Put, Scope::default(), &[0; 40]);
        log.append(&record).unwrap();
    }
    log.close().unwrap();
    flag_to_come(&disk, 3);
    let reader = Reader::open_damaged_on(disk.storage()).unwrap();
    let mut records = reader.read(ReadOptions::all().salvage()).unwrap();
    let mut next = || {
        records
            .next()
            .map(|record| record.map(|record| record.lsn().value()))
    };
    assert_eq!(next().unwrap(), Some(1));
    assert_eq!(next().unwrap(), Some(2));
    assert!(matches!(next(), Err(Error::UnknownRecordFlags { .. })));
    assert_eq!(next().unwrap(), Some(4));
    assert_eq!(next().unwrap(), None);
}

/// Verifying a log that opening refuses said that the damaged, acknowledged records would be
/// dropped, and that nobody had been promised them.
#[test]
fn what_is_refused_is_not_said_to_be_dropped() {
    let disk = SimDisk::new(3);
    let config = || Config::on(disk.storage()).segment_bytes(64 << 10);
    let log = Log::open(config()).unwrap();
    for _ in 0..3 {
        let lsn = log
            .append(&Record::raw(RecordKind::Put, Scope::default(), b"x"))
            .unwrap();
        log.commit(lsn).unwrap();
    }
    drop(log);
    disk.flip_bit("wal-00000000000000000001.seg", 4096 + 64, 0)
        .unwrap();
    let opened = Log::open(config()).map(|_| ());
    assert!(matches!(opened, Err(Error::Damaged { .. })), "{opened:?}");
    let reader = Reader::open_damaged_on(disk.storage()).unwrap();
    assert_eq!(reader.recovery().dropped, None);
    let report = reader.verify(&mut |_, _| {}).unwrap();
    assert_eq!((report.verdict, report.dropped), (None, None));
}

/// A read of one tenant looks at the payloads of that tenant only: damage to another's payload does
/// not stand in its way, and damage to its own is told.
#[test]
fn a_filtered_read_checks_the_payloads_it_delivers() {
    let disk = SimDisk::new(3);
    let log = Log::open(Config::on(disk.storage()).segment_bytes(64 << 10)).unwrap();
    for tenant in [1, 2, 1, 2_u64] {
        let scope = Scope::new(TenantId::new(tenant), DatabaseId::new(1), VshardId::new(1));
        let record = Record::raw(RecordKind::Put, scope, &[7; 100]);
        log.append(&record).unwrap();
    }
    log.close().unwrap();
    // The third record is tenant 1's: 176 bytes each, behind the header block.
    let third_payload = 4096 + 2 * 176 + 64;
    disk.flip_bit("wal-00000000000000000001.seg", third_payload, 3)
        .unwrap();
    let reader = Reader::open_on(disk.storage()).unwrap();
    let of = |tenant| ReadOptions::all().tenant(TenantId::new(tenant));
    let read = |options| read_through(reader.read(options).unwrap());
    assert_eq!(read(of(2)), (vec![2, 4], vec![]));
    assert_eq!(read(of(1)), (vec![1], vec![(3, 3)]));
    assert_eq!(read(of(1).headers_only()), (vec![1, 3], vec![]));
    assert_eq!(read(of(1).salvage()), (vec![1], vec![(3, 3)]));
    assert_eq!(read(ReadOptions::all()), (vec![1, 2], vec![(3, 3)]));
    assert_eq!(
        read(ReadOptions::all().salvage()),
        (vec![1, 2, 4], vec![(3, 3)])
    );
}
