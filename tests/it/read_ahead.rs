//! Reading ahead with a thread gives what reading without one gives: the same records, and the same
//! error in front of the same damage. So does reading past the page cache.

use nodedb_tests::watched::Watch;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::storage::{Access, IoMode, OsStorage, Storage};
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

/// The simulated disk says that its cache holds everything when writes go through it, and nothing when
/// they do not.
#[test]
fn what_is_read_past_the_page_cache_is_what_is_read_through_it() {
    let disk = written();
    let name = Reader::open_on(disk.storage()).unwrap().segments().unwrap()[0].clone();
    let name = name.path.file_name().unwrap().to_str().unwrap().to_owned();
    for damage_at in [None, Some(1 << 20), Some(5_000_001)] {
        let disk = disk.fork();
        if let Some(offset) = damage_at {
            disk.flip_bit(&name, offset, 3).unwrap();
        }
        for options in ways_to_read() {
            for threads in [false, true] {
                disk.set_io_mode(IoMode::Direct);
                let past = read(&disk, threads, options.clone());
                disk.set_io_mode(IoMode::Buffered);
                let through = read(&disk, threads, options.clone());
                assert_eq!(past, through, "{damage_at:?} {options:?}");
            }
        }
    }
}

#[test]
fn a_file_system_that_takes_no_direct_reads_is_read_through_the_cache() {
    let disk = written();
    let watch = Watch::default();
    watch.refuse_direct_reads();
    let reader = Reader::open_on(watch.over(disk.storage())).unwrap();
    let mut records = reader.read(ReadOptions::all()).unwrap();
    while records.next().unwrap().is_some() {}
    assert_eq!(records.stats().records_delivered, 4_000);
    assert!(watch.direct_reads_refused() > 0, "nothing was read so");
}

/// A replay of a long log leaves what others have in the page cache where it is: of the log's own bytes
/// nothing gets there.
#[test]
fn reading_what_is_in_no_cache_brings_nothing_into_it() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = Config::new(directory.path()).segment_bytes(16 << 20);
    let log = Log::open(config).unwrap();
    if log.stats().io_mode == IoMode::Buffered {
        println!("skipped: this file system takes no direct I/O");
        return;
    }
    let payload = vec![7; 60_000];
    let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
    for _ in 0..1_000 {
        log.append(&record).unwrap();
    }
    log.close().unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    let segments = reader.segments().unwrap();
    let sealed = &segments[..segments.len() - 1];
    assert!(sealed.len() >= 3, "{segments:?}");
    let storage = OsStorage::new(directory.path(), IoMode::Buffered);
    let files: Vec<_> = sealed
        .iter()
        .map(|segment| {
            let name = segment.path.file_name().unwrap().to_str().unwrap();
            let file = storage.open(name, Access::Read).unwrap();
            file.forget_cached().unwrap();
            file
        })
        .collect();
    let mut records = reader.read(ReadOptions::all()).unwrap();
    let mut read = 0;
    while let Some(record) = records.next().unwrap() {
        assert_eq!(record.payload, payload);
        read += 1;
    }
    assert_eq!(read, 1_000);
    // The middle: opening has a look at both ends.
    let cached = files.iter().filter(|file| file.is_cached(8 << 20)).count();
    assert_eq!(cached, 0, "of {}", files.len());
}
