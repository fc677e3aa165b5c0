//! Grains: of a zone that has something of everybody, a read for somebody brings in the parts that
//! can be his, and delivers what a full read would have given him.

mod drawn;
mod footer;
mod forged;

use nodedb_wal::storage::IoMode;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

/// A hundredth of the records is of this tenant, vshard and collection, spread evenly: every zone of
/// the segment has some, and in each most of the bytes are of parts that have none.
const RARE: TenantId = TenantId::new(2);
const RARE_VSHARD: VshardId = VshardId::new(7);
const RARE_NAME: &str = "rare";

fn written(disk: &SimDisk) -> Reader {
    write(Config::on(disk.storage()));
    disk.kill_process();
    // What is written through the cache is in it: only then are parts told apart.
    disk.set_io_mode(IoMode::Buffered);
    Reader::open_on(disk.storage()).unwrap()
}

fn write(config: Config) {
    let log = Log::open(config.segment_bytes(16 << 20)).unwrap();
    for number in 0..20_000_u32 {
        let (tenant, vshard, name) = match number % 100 {
            99 => (RARE, RARE_VSHARD, RARE_NAME),
            _ => (TenantId::new(1), VshardId::new(number % 5), "orders"),
        };
        let scope = Scope::new(tenant, DatabaseId::new(1), vshard);
        let mut record = Record::raw(RecordKind::Put, scope, &[7; 256]);
        record.collection = CollectionTag::of(name);
        log.append(&record).unwrap();
    }
    log.close().unwrap();
}

fn read(reader: &Reader, options: ReadOptions) -> (Vec<format::RecordHeader>, ReadStats) {
    let mut records = reader.read(options).unwrap();
    let mut headers = Vec::new();
    while let Some(record) = records.next().unwrap() {
        assert_eq!(record.payload, [7; 256]);
        headers.push(record.header);
    }
    (headers, records.stats())
}

#[test]
fn parts_of_a_zone_that_hold_nothing_wanted_are_not_read() {
    let disk = SimDisk::new(1);
    let reader = written(&disk);
    let (all, full) = read(&reader, ReadOptions::all());
    let rare: Vec<format::RecordHeader> = all
        .into_iter()
        .filter(|header| header.scope.tenant == RARE)
        .collect();
    assert_eq!(rare.len(), 200);
    let check = |options: ReadOptions| {
        let (found, stats) = read(&reader, options.clone());
        assert!(found == rare, "{options:?}");
        assert!(stats.bytes_read < full.bytes_read / 3, "{stats:?}");
        assert!(stats.records_read < full.records_read / 3, "{stats:?}");
    };
    check(ReadOptions::all().tenant(RARE));
    check(ReadOptions::all().vshard(RARE_VSHARD));
    check(ReadOptions::all().collection(CollectionTag::of(RARE_NAME)));
    // The read may end anywhere in a zone.
    for last in [0, 57, 199] {
        let until = ReadOptions::all().tenant(RARE).until(rare[last].lsn);
        assert!(read(&reader, until).0 == rare[..=last], "until {last}");
        let from = ReadOptions::from(rare[last].lsn).tenant(RARE);
        assert!(read(&reader, from).0 == rare[last..], "from {last}");
    }
}

/// A record of somebody else may be damaged without anybody noticing who does not ask for it; one's
/// own may not.
#[test]
fn damage_to_a_wanted_record_is_told() {
    let disk = SimDisk::new(1);
    let reader = written(&disk);
    let of_rare = || ReadOptions::all().tenant(RARE);
    let mut records = reader.read(of_rare()).unwrap();
    records.next().unwrap().unwrap();
    let record = records.next().unwrap().unwrap();
    let name = record.segment.file_name().unwrap().to_str().unwrap();
    let (name, offset, lsn) = (name.to_owned(), record.offset, record.header.lsn);
    drop(records);
    for at in [offset, offset + 64] {
        disk.flip_bit(&name, at, 0).unwrap();
        let mut records = reader.read(of_rare()).unwrap();
        records.next().unwrap().unwrap();
        match records.next().unwrap_err() {
            Error::Damaged { lsns, .. } => assert_eq!((lsns.first, lsns.last), (lsn, lsn)),
            other => panic!("{other}"),
        }
        disk.flip_bit(&name, at, 0).unwrap();
    }
}

/// Of the page cache, which has all, some or nothing of the file.
#[test]
fn a_log_on_the_disk_gives_the_same_whatever_of_it_is_in_memory() {
    let directory = tempfile::tempdir().unwrap();
    write(Config::new(directory.path()));
    let reader = Reader::open(directory.path()).unwrap();
    let of_rare = || ReadOptions::all().tenant(RARE);
    let first = read(&reader, of_rare()).0;
    assert_eq!(first.len(), 200);
    // Half of it is brought in, then all; and then forgotten behind the reader.
    let half = ReadOptions::all().until(Lsn::new(10_000));
    assert_eq!(read(&reader, half).0.len(), 10_000);
    assert!(read(&reader, of_rare()).0 == first);
    assert_eq!(read(&reader, ReadOptions::all()).0.len(), 20_000);
    assert!(read(&reader, of_rare()).0 == first);
    assert!(read(&reader, of_rare().drop_behind()).0 == first);
    assert!(read(&reader, of_rare()).0 == first);
}

/// What a read for somebody else does not look at, `verify` does: header and payload.
#[test]
fn damage_in_a_part_that_is_passed_over_is_found_by_verify() {
    let disk = SimDisk::new(1);
    let reader = written(&disk);
    let rare = read(&reader, ReadOptions::all().tenant(RARE)).0;
    let mut records = reader.read(ReadOptions::from(Lsn::new(50))).unwrap();
    let record = records.next().unwrap().unwrap();
    let name = record.segment.file_name().unwrap().to_str().unwrap();
    let (name, offset, lsn) = (name.to_owned(), record.offset, record.header.lsn);
    drop(records);
    for at in [offset + 16, offset + 64] {
        disk.flip_bit(&name, at, 0).unwrap();
        assert!(read(&reader, ReadOptions::all().tenant(RARE)).0 == rare);
        let findings = reader.verify(&mut |_, _| {}).unwrap().findings;
        let lsns = findings.first().and_then(|finding| finding.lsns).unwrap();
        assert_eq!((lsns.first, lsns.last), (lsn, lsn));
        disk.flip_bit(&name, at, 0).unwrap();
    }
    assert!(reader.verify(&mut |_, _| {}).unwrap().findings.is_empty());
}
