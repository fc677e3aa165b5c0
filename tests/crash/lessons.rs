//! How other logs failed, where no other suite tells the story by name.

use std::sync::Arc;

use nodedb_tests::model::{Content, Model};
use nodedb_tests::player::{Door, Player, config};
use nodedb_tests::random::Random;
use nodedb_tests::workload::Step;
use nodedb_wal::storage::IoMode;
use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::{Error, Log, Lsn, ReadOptions, Record, RecordKind, Scope, TailPolicy};

const POLICIES: [TailPolicy; 2] = [TailPolicy::Rewrite, TailPolicy::Pad];

fn content(len: usize) -> Arc<Content> {
    Arc::new(Content::put(&Random::new(len as u64).bytes(len)))
}

fn player(tail_policy: TailPolicy) -> Player {
    let mut player = Player::new(SimDisk::new(1), tail_policy, Model::new(), Door::HONEST);
    player.must_open().unwrap();
    player
}

fn fails_next(disk: &SimDisk, fault: Fault) {
    disk.set_faults(FaultPlan {
        at: [(disk.operations(), fault)].into(),
        ..FaultPlan::default()
    });
}

/// Lesson 1: the offset to go on from was rounded down to a block.
#[test]
fn turning_direct_io_off_and_on_again_overwrites_nothing() {
    for tail_policy in POLICIES {
        let mut player = player(tail_policy);
        let modes = [IoMode::Direct, IoMode::Buffered].into_iter().cycle();
        for (len, mode) in (0..40).zip(modes) {
            player.log = None;
            player.disk.set_io_mode(mode);
            player.must_open().unwrap();
            player
                .must_commit(&[content(len * 37), content(5)])
                .unwrap();
            player.must_commit(&[content(len)]).unwrap();
        }
        player.apply(&Step::Reopen { clean: true }).unwrap();
        assert_eq!(player.model.acknowledged(), 120);
    }
}

/// Lesson 2: what stood behind the padding of the first write was not found.
#[test]
fn every_write_is_found_behind_the_padding_of_the_one_before() {
    for tail_policy in POLICIES {
        for len in (0..4300).step_by(16) {
            let mut player = player(tail_policy);
            for _ in 0..3 {
                player.must_commit(&[content(len)]).unwrap();
            }
            player.log = None;
            player.must_open().unwrap();
            assert_eq!(player.model.last(), 3, "{len}");
        }
    }
}

/// Lesson 3: the buffer was empty after the failure, and so there was nothing to sync.
#[test]
fn sync_does_not_say_yes_after_a_write_that_failed() {
    let mut player = player(TailPolicy::Rewrite);
    player.apply(&Step::Append(content(10))).unwrap();
    fails_next(&player.disk, Fault::Error);
    for _ in 0..3 {
        let answer = player.apply(&Step::Sync).unwrap();
        assert!(matches!(answer, Some(Error::Poisoned { .. })), "{answer:?}");
    }
}

/// Lesson 4: an append that was refused took a number, or left half of its bytes.
#[test]
fn a_refused_append_takes_no_lsn_and_leaves_no_bytes() {
    let mut player = player(TailPolicy::Rewrite);
    player.must_commit(&[content(10)]).unwrap();
    let too_large = [
        Step::Append(content(70_000)),
        Step::Batch(vec![content(1), content(70_000)]),
        Step::Batch((0..60).map(|_| content(60_000)).collect()),
    ];
    for step in &too_large {
        let answer = player.apply(step).unwrap();
        assert!(matches!(answer, Some(Error::TooLarge { .. })), "{answer:?}");
    }
    let answer = player.apply(&Step::Batch(Vec::new())).unwrap();
    assert!(matches!(answer, Some(Error::EmptyBatch)), "{answer:?}");
    player.must_commit(&[content(11)]).unwrap();
    player.log = None;
    player.must_open().unwrap();
    assert_eq!(player.model.last(), 2);
}

/// Lesson 5: a new segment without a record was read as a log without records.
#[test]
fn an_empty_last_segment_does_not_start_the_numbers_again() {
    for steps in [
        &[Step::Rotate][..],
        &[],
        &[Step::Rotate, Step::Truncate { percent: 200 }],
    ] {
        let mut player = player(TailPolicy::Rewrite);
        player.must_commit(&[content(10), content(20)]).unwrap();
        for step in steps {
            player.apply(step).unwrap();
        }
        for clean in [false, true, false, false, true, true] {
            player.apply(&Step::Reopen { clean }).unwrap();
            let log = player.log.as_ref().unwrap();
            assert_eq!(log.next_lsn(), Lsn::new(3));
        }
        player.must_commit(&[content(30)]).unwrap();
        assert_eq!(player.model.last(), 3);
    }
}

/// Lessons 9 and 14: later blocks of a write survived and the first did not, and recovery refused
/// to start; a part of a batch survived and was served.
#[test]
fn whatever_sectors_of_a_write_survive_the_log_opens_with_whole_batches() {
    let mut cases = 0;
    for tail_policy in POLICIES {
        for batches in [
            &[&[300, 300, 300][..], &[500, 700]][..],
            &[&[3000]],
            &[&[0; 12], &[9]],
        ] {
            let mut player = player(tail_policy);
            player.must_commit(&[content(100)]).unwrap();
            for batch in batches {
                let contents = batch.iter().map(|len| content(*len)).collect();
                player.apply(&Step::Batch(contents)).unwrap();
            }
            player.disk.crash_at(player.disk.operations());
            player.apply(&Step::Sync).unwrap();
            player.log = None;
            let sectors = player.disk.unsynced_sectors();
            assert!(sectors.len() <= 10, "{}", sectors.len());
            for subset in 0..1_u32 << sectors.len() {
                let places = sectors.iter().enumerate();
                let kept = places.filter(|(at, _)| subset & (1 << at) != 0);
                let kept: Vec<_> = kept.map(|(_, sector)| *sector).collect();
                let disk = player.disk.fork();
                disk.crash_keeping(&kept);
                disk.restart();
                let model = player.model.clone();
                let mut player = Player::new(disk, tail_policy, model, Door::HONEST);
                player.must_open().unwrap();
                player.must_commit(&[content(1)]).unwrap();
                player.log = None;
                player.must_open().unwrap();
                cases += 1;
            }
        }
    }
    println!("subsets: {cases}");
}

/// Lesson 15: what was appended was shown before it was on disk.
#[test]
fn nothing_is_read_before_it_is_durable() {
    let disk = SimDisk::new(1);
    let log = Log::open(config(&disk, Door::HONEST, TailPolicy::Rewrite)).unwrap();
    let put = |payload| {
        let record = Record::raw(RecordKind::Put, Scope::default(), payload);
        log.append(&record).unwrap()
    };
    let mut records = log.read(ReadOptions::all()).unwrap();
    let first = put(b"first");
    assert!(records.next().unwrap().is_none());
    log.commit(first).unwrap();
    put(b"second");
    assert_eq!(records.next().unwrap().unwrap().lsn(), first);
    assert!(records.next().unwrap().is_none());
    // The write fails: the bytes may be there, and are not shown.
    fails_next(&disk, Fault::Error);
    assert!(log.sync().is_err());
    assert!(records.next().unwrap().is_none());
    assert_eq!(log.durable_lsn(), first);
}

/// Lesson 20: whoever wrote for the others kept the error to itself.
#[test]
fn everybody_who_waits_for_a_failed_write_is_told() {
    for failing in 0..60 {
        let disk = SimDisk::new(failing);
        let log = Log::open(config(&disk, Door::HONEST, TailPolicy::Rewrite)).unwrap();
        disk.set_faults(FaultPlan {
            at: [(disk.operations() + failing, Fault::Error)].into(),
            ..FaultPlan::default()
        });
        let acknowledged = std::thread::scope(|threads| {
            let workers: Vec<_> = (0..6)
                .map(|_| threads.spawn(|| commit_until_refused(&log)))
                .collect();
            let lsns = workers.into_iter().map(|worker| worker.join().unwrap());
            lsns.max().unwrap()
        });
        assert!(acknowledged <= log.durable_lsn());
        drop(log);
        disk.crash_exactly(&nodedb_wal::storage::sim::Survivors::default());
        disk.restart();
        let log = Log::open(config(&disk, Door::HONEST, TailPolicy::Rewrite)).unwrap();
        assert!(acknowledged < log.next_lsn(), "failing {failing}");
    }
}

/// The last record this thread was told was durable.
fn commit_until_refused(log: &Log) -> Lsn {
    let mut acknowledged = Lsn::ZERO;
    loop {
        let record = Record::raw(RecordKind::Put, Scope::default(), b"row");
        let committed = log.append(&record).and_then(|lsn| {
            let durable = log.commit(lsn)?;
            assert!(durable.lsn() >= lsn);
            Ok(lsn)
        });
        match committed {
            Ok(lsn) => acknowledged = lsn,
            // Space for a segment could not be made ready: that is no failed commit.
            Err(Error::Io { .. }) => {}
            Err(_) => return acknowledged,
        }
        if acknowledged > Lsn::new(2000) {
            return acknowledged;
        }
    }
}
