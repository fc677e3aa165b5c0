//! Times: which record was written when, by one footer and one zone, whatever the clock did.

use std::time::Duration;

use nodedb_tests::random::Random;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

fn config(disk: &SimDisk) -> Config {
    Config::on(disk.storage()).segment_bytes(Config::SEGMENT_BYTES_MIN)
}

fn open(disk: &SimDisk) -> Log {
    Log::open(config(disk)).unwrap()
}

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_nanos(seconds * 1_000_000_000)
}

fn append(log: &Log, payload_bytes: usize) -> Lsn {
    let payload = vec![7; payload_bytes];
    let scope = Scope::new(TenantId::new(1), DatabaseId::new(1), VshardId::new(1));
    let lsn = log
        .append(&Record::raw(RecordKind::Put, scope, &payload))
        .unwrap();
    log.commit(lsn).unwrap();
    lsn
}

/// A log whose clock runs, stands, leaps, and is set back, over openings and segments.
fn written(seed: u64) -> (SimDisk, Log) {
    let mut random = Random::new(seed);
    let disk = SimDisk::new(seed);
    disk.set_time(time(1_000));
    let mut log = open(&disk);
    for _ in 0..60 + random.index(60) {
        match random.below(12) {
            0 => disk.set_time(time(950 + i64::try_from(random.below(200)).unwrap())),
            1 => log.rotate().unwrap(),
            2 => {
                drop(log);
                log = open(&disk);
            }
            3..7 => disk.advance(Duration::from_secs(random.below(4))),
            _ => {
                append(&log, random.index(30_000));
            }
        }
    }
    (disk, log)
}

/// The times of all records there are, by LSN.
fn times(mut records: Records) -> Vec<(Lsn, Timestamp)> {
    let mut times = Vec::new();
    while let Some(record) = records.next().unwrap() {
        times.push((record.lsn(), record.header.timestamp));
    }
    times
}

/// What looking at every record says.
fn expected(times: &[(Lsn, Timestamp)], durable: Lsn, at: Timestamp) -> LsnAt {
    let found = times.iter().find(|(_, time)| *time >= at);
    found.map_or(LsnAt::After(durable), |(lsn, _)| LsnAt::At(*lsn))
}

#[test]
fn a_time_is_where_looking_at_every_record_finds_it_whatever_the_clock_did() {
    for seed in 0..60 {
        let (disk, log) = written(seed);
        let all = times(log.read(ReadOptions::all()).unwrap());
        assert!(all.is_sorted_by_key(|(_, time)| *time), "seed {seed}");
        let reader = Reader::open_on(disk.storage()).unwrap();
        let shown = times(reader.read(ReadOptions::all()).unwrap());
        let asked = all.iter().map(|(_, time)| time.as_nanos());
        let asked = asked.flat_map(|nanos| nanos - 1..=nanos + 1);
        for nanos in asked.chain([i64::MIN, i64::MAX, 0]) {
            let at = Timestamp::from_nanos(nanos);
            let tell = format!("seed {seed}, time {nanos}");
            let looked = log.lsn_at(at).unwrap().found;
            assert_eq!(looked, expected(&all, log.durable_lsn(), at), "{tell}");
            let last = reader.next_lsn().previous();
            let looked = reader.lsn_at(at).unwrap().found;
            assert_eq!(looked, expected(&shown, last, at), "reader, {tell}");
        }
        for (lsn, at) in &all {
            assert_eq!(log.time_of(*lsn).unwrap().found, *at, "seed {seed}, {lsn}");
        }
    }
}

/// What was truncated away is told as gone, never as another record.
#[test]
fn a_time_before_what_is_left_is_told_as_gone() {
    for seed in 0..40 {
        let (_disk, log) = written(seed);
        let all = times(log.read(ReadOptions::all()).unwrap());
        let half = Lsn::new(log.durable_lsn().value() / 2 + 1);
        log.truncate_before(half).unwrap();
        let start = log.start_lsn();
        for (_, at) in &all {
            let whole = expected(&all, log.durable_lsn(), *at);
            let told = log.lsn_at(*at).unwrap().found;
            match (whole, told) {
                (LsnAt::At(lsn), LsnAt::Gone { start: from }) => {
                    // Where records beside the cut share their time, it cannot be known.
                    let shares = all.iter().any(|(l, t)| *l < start && t == at);
                    assert!(
                        from == start && (lsn < start || shares || lsn == start),
                        "seed {seed}"
                    );
                }
                (whole, told) => assert_eq!(whole, told, "seed {seed}"),
            }
        }
        for (lsn, at) in &all {
            match log.time_of(*lsn) {
                Ok(looked) => assert!(*lsn >= start && looked.found == *at, "seed {seed}"),
                Err(error) => assert!(
                    *lsn < start && matches!(error, Error::Truncated { .. }),
                    "seed {seed}: {error}"
                ),
            }
        }
        let beyond = log.time_of(log.durable_lsn().next());
        assert!(matches!(beyond, Err(Error::NotAppended { .. })));
        assert!(matches!(
            log.time_of(Lsn::ZERO),
            Err(Error::NotAppended { .. })
        ));
    }
}

/// One footer, twice, and one zone: not a scan.
#[test]
fn looking_a_time_up_reads_no_more_than_a_zone() {
    let disk = SimDisk::new(1);
    disk.set_time(time(1_000));
    let log = Log::open(config(&disk).segment_bytes(4 << 20)).unwrap();
    for _ in 0..12_000 {
        disk.advance(Duration::from_millis(10));
        append(&log, 4_000);
    }
    let total = log.total_size_bytes();
    let mut most = 0;
    for step in 0..100 {
        let at = Timestamp::from_nanos(time(1_000).as_nanos() + step * 1_200_000_000);
        let looked = log.lsn_at(at).unwrap();
        let LsnAt::At(lsn) = looked.found else {
            panic!("{looked:?}");
        };
        let back = log.time_of(lsn).unwrap();
        assert!(back.found >= at);
        most = most.max(looked.bytes_read).max(back.bytes_read);
    }
    println!("of a log of {total} B at most {most} B were read for one answer");
    assert!(total > 45 << 20 && most <= 512 << 10, "{total}, {most}");
}
