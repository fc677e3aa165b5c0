//! Zeros where records were: a hole is told from space that was never written to.

use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::*;

const NAME: &str = "wal-00000000000000000001.seg";

/// A disk gave zeros for some of its sectors, in the last block of the log. The records in them had
/// been acknowledged, and frontiers behind them in the same block said so; but a run of zeros inside
/// a block was taken for the end of what was written there, nothing behind it was looked at, and the
/// log opened as if it had ended cleanly in front of it.
#[test]
fn zeros_over_acknowledged_records_are_never_taken_for_the_end_of_the_log() {
    let disk = SimDisk::new(1);
    let log = Log::open(Config::on(disk.storage()).segment_bytes(64 << 10)).unwrap();
    let mut ends = Vec::new();
    for _ in 0..16 {
        let record = Record::raw(RecordKind::Put, Scope::default(), &[7; 90]);
        log.commit(log.append(&record).unwrap()).unwrap();
        ends.push(log.segments().unwrap()[0].data_bytes);
    }
    drop(log);
    let last_write = ends[14];
    assert!(ends[15] < 8192, "all in one block");
    let mut checked = 0;
    for len in [64_u64, 160, 512, 1024] {
        for offset in (4096..last_write - len).step_by(16) {
            let damaged = disk.fork();
            let zeros = vec![0; usize::try_from(len).unwrap()];
            damaged.patch(NAME, offset, &zeros).unwrap();
            match Reader::open_on(damaged.storage()) {
                Ok(reader) => {
                    let last = reader.recovery().last_lsn;
                    assert_eq!(last, Lsn::new(16), "{len} zeros at {offset}");
                }
                Err(Error::Damaged { .. }) => {}
                Err(error) => panic!("{len} zeros at {offset}: {error}"),
            }
            checked += 1;
        }
    }
    assert!(checked > 700, "{checked}");
}

/// A write ended a few bytes in front of a block's end, and the next one started on the next block,
/// as it does where blocks are not written twice. The zeros between the two were looked at together
/// with the first bytes behind them, as if they were a record's header, and the log reported a scar
/// on a disk on which nothing was wrong.
#[test]
fn a_write_may_end_anywhere_in_a_block() {
    for end in (0..=144).step_by(16) {
        let disk = SimDisk::new(1);
        let config = Config::on(disk.storage()).segment_bytes(64 << 10);
        let log = Log::open(config.tail_policy(TailPolicy::Pad)).unwrap();
        for payload in [vec![7; 4096 - 2 * 64 - end], vec![8; 100], vec![]] {
            let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
            log.commit(log.append(&record).unwrap()).unwrap();
        }
        drop(log);
        disk.kill_process();
        let reader = Reader::open_on(disk.storage()).unwrap();
        let recovery = reader.recovery();
        assert_eq!(recovery.verdict, Verdict::CleanEnd, "{end} bytes in front");
        assert_eq!(recovery.scars, Vec::<u64>::new(), "{end} bytes in front");
        let report = reader.verify(&mut |_, _| {}).unwrap();
        assert!(report.findings.is_empty(), "{end}: {report:?}");
        let mut records = reader.read(ReadOptions::all()).unwrap();
        let mut lens = Vec::new();
        while let Some(record) = records.next().unwrap() {
            lens.push(record.payload.len());
        }
        assert_eq!(lens, [4096 - 2 * 64 - end, 100, 0]);
    }
}

/// A disk lost 160 KiB in the middle of a segment of 1 MiB, the very place where opening looks first for
/// the end among it, and more than it looks behind an end. What is behind the hole had been acknowledged;
/// the thread that examines the segment whole finds it, and the log must stop: it is giving out the
/// numbers of those records once more.
#[test]
fn records_behind_a_hole_that_opening_took_for_the_end_stop_the_log() {
    let disk = SimDisk::new(1);
    let config = || Config::on(disk.storage()).segment_bytes(1 << 20);
    let log = Log::open(config()).unwrap();
    let payload = vec![7; 4000];
    let record = Record::raw(RecordKind::Put, Scope::default(), &payload);
    let mut last = Lsn::ZERO;
    while log.segments().unwrap()[0].data_bytes < 800 << 10 {
        last = log.append(&record).unwrap();
        log.commit(last).unwrap();
    }
    drop(log);
    disk.kill_process();
    disk.patch(NAME, 496 << 10, &[0; 160 << 10]).unwrap();
    // Whoever asks for the whole segment to be looked at is told at once.
    let whole = Log::open(config().open_check(OpenCheck::LastSegment));
    assert!(matches!(whole, Err(Error::Damaged { .. })), "{whole:?}");
    let log = Log::open(config()).unwrap();
    let taken = log.recovery().last_lsn;
    assert!(taken < last, "{taken} of {last}");
    match log.finish_recovery() {
        Err(Error::Unsealed { source }) => match &*source {
            Error::Poisoned { source } => match &**source {
                Error::Damaged { lsns, .. } => {
                    assert_eq!((lsns.first, lsns.last), (taken.next(), last.previous()));
                }
                other => panic!("{other}"),
            },
            other => panic!("{other}"),
        },
        other => panic!("{other:?}"),
    }
    assert!(matches!(log.append(&record), Err(Error::Poisoned { .. })));
}
