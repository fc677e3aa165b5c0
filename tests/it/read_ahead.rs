//! Reading ahead with a thread gives what reading without one gives: the same records, and the same
//! error in front of the same damage.

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::types::KindCode;
use nodedb_wal::*;

/// Three segments of some MiB with records of every size, the last one not sealed.
fn written() -> SimDisk {
    let disk = SimDisk::new(11);
    let log = Log::open(Config::on(disk.storage()).segment_bytes(6 << 20)).unwrap();
    for n in 0..4_000_usize {
        let len = [0, 1, 17, 64, 100, 256, 1_000, 4_000, 5_000, 20_000][n % 10];
        let len = if n % 1_999 == 7 { 700_000 } else { len };
        let scope = Scope::new(
            TenantId::new((1 + n / 8 % 9) as u64),
            DatabaseId::new(1),
            VshardId::new(1),
        );
        let payload = vec![u8::try_from(n % 251).unwrap(); len];
        log.append(&Record::raw(RecordKind::Put, scope, &payload))
            .unwrap();
        if n % 97 == 0 {
            log.sync().unwrap();
        }
    }
    log.sync().unwrap();
    drop(log);
    disk.kill_process();
    disk
}

/// A record as far as it is compared: LSN, kind, length and first byte of its payload.
type Seen = (Lsn, KindCode, usize, Option<u8>);

/// Everything that is delivered, and every error on the way.
fn read(disk: &SimDisk, threads: bool, options: ReadOptions) -> (Vec<Seen>, Vec<String>) {
    disk.set_allows_threads(threads);
    let reader = Reader::open_damaged_on(disk.storage()).unwrap();
    let mut records = reader.read(options).unwrap();
    let (mut seen, mut errors) = (Vec::new(), Vec::new());
    while errors.len() < 4 {
        match records.next() {
            Ok(None) => break,
            Ok(Some(record)) => seen.push((
                record.lsn(),
                record.header.kind,
                record.payload.len(),
                record.payload.first().copied(),
            )),
            Err(error) => errors.push(error.to_string()),
        }
    }
    assert_eq!(records.stats().records_delivered, seen.len() as u64);
    (seen, errors)
}

fn ways_to_read() -> [ReadOptions; 6] {
    let some = TenantId::new(3);
    [
        ReadOptions::all(),
        ReadOptions::all().headers_only(),
        ReadOptions::all().tenant(some),
        ReadOptions::all().salvage(),
        ReadOptions::all().tenant(some).salvage(),
        ReadOptions::from(Lsn::new(777)).until(Lsn::new(3_333)),
    ]
}

#[test]
fn a_thread_that_reads_ahead_changes_nothing_of_what_is_read() {
    let disk = written();
    let segments: Vec<_> = Reader::open_on(disk.storage()).unwrap().segments().unwrap();
    assert!(segments.len() >= 3, "{segments:?}");
    for options in ways_to_read() {
        let with = read(&disk, true, options.clone());
        assert_eq!(with, read(&disk, false, options));
        assert_eq!(with.1, Vec::<String>::new());
    }
    for segment in &segments[..2] {
        let name = segment.path.file_name().unwrap().to_str().unwrap();
        for part in 1..12 {
            let damaged = disk.fork();
            let offset = segment.data_bytes * part / 12 + part;
            damaged.flip_bit(name, offset, 3).unwrap();
            for options in ways_to_read() {
                let with = read(&damaged, true, options.clone());
                let without = read(&damaged, false, options.clone());
                assert_eq!(with, without, "{name} at {offset}, {options:?}");
            }
        }
    }
}

#[test]
fn damage_is_met_after_every_record_in_front_of_it() {
    let disk = written();
    let (all, _) = read(&disk, true, ReadOptions::all());
    assert_eq!(all.len(), 4_000);
    let first = Reader::open_on(disk.storage()).unwrap().segments().unwrap();
    let name = first[0].path.file_name().unwrap().to_str().unwrap();
    for part in 1..20 {
        let damaged = disk.fork();
        let offset = first[0].data_bytes * part / 20;
        damaged.flip_bit(name, offset, 0).unwrap();
        let (seen, errors) = read(&damaged, true, ReadOptions::all());
        assert_eq!(seen[..], all[..seen.len()], "at {offset}");
        // Where padding or a frontier was hit, no record is lost.
        if !errors.is_empty() {
            assert_eq!(errors.len(), 4, "the same error again, at {offset}");
            assert!(errors.iter().all(|error| *error == errors[0]));
        }
    }
}
