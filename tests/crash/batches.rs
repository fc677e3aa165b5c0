//! Batches of 1 to 2,000 records of several tenants, most of them larger than the buffer and many larger
//! than a segment: whatever happens in whichever operation, each is there whole or not at all.

use std::sync::Arc;

use nodedb_tests::errors::{Outcomes, fail_once};
use nodedb_tests::model::{Content, Model, Violation, ensure};
use nodedb_tests::parallel::each;
use nodedb_tests::player::{Door, Player, SEGMENT_BYTES};
use nodedb_tests::random::Random;
use nodedb_tests::sweep::Ending;
use nodedb_tests::workload::{Step, Workload, draw_content};
use nodedb_wal::storage::IoMode;
use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::{OpenCheck, TailPolicy, TenantId, Verdict};

const POLICIES: [TailPolicy; 2] = [TailPolicy::Rewrite, TailPolicy::Pad];

/// How many records the batches of the script have.
const SIZES: [usize; 12] = [1, 2000, 3, 200, 40, 700, 1, 90, 1300, 12, 300, 5];

fn batch(random: &mut Random, records: usize) -> Step {
    let contents = (0..records).map(|_| {
        // As in every workload, but for what would make it a long test.
        let content = draw_content(random, 0);
        let mut content = Content::clone(&content);
        content.payload.truncate(150);
        Arc::new(content)
    });
    Step::Batch(contents.collect())
}

/// Batches, with single records, commits and all else between them.
fn script(tail_policy: TailPolicy) -> Workload {
    let mut random = Random::new(36);
    let mut steps = Vec::new();
    for (at, size) in SIZES.into_iter().enumerate() {
        steps.push(Step::Append(draw_content(&mut random, 0)));
        steps.push(batch(&mut random, size));
        if at % 6 == 5 {
            steps.push(Step::Sync);
        }
        steps.push(match at % 6 {
            0 => Step::Commit { back: 0 },
            1 => Step::Follow,
            2 => Step::Rotate,
            3 => Step::Sync,
            4 => Step::Truncate { percent: 60 },
            _ => Step::Reopen { clean: at == 5 },
        });
    }
    Workload {
        seed: 36,
        tail_policy,
        io_mode: IoMode::Direct,
        steps,
        weather: Vec::new(),
        read_weather: Vec::new(),
    }
}

/// The first and the last LSN of each batch of a script that nothing went wrong in.
fn extents(script: &Workload) -> Vec<(u64, u64)> {
    let mut next = 1;
    let mut extents = Vec::new();
    for step in &script.steps {
        match step {
            Step::Append(_) => next += 1,
            Step::Batch(contents) => {
                let first = next;
                next += contents.len() as u64;
                extents.push((first, next - 1));
            }
            _ => {}
        }
    }
    extents
}

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    crash_points: u64,
    crashes: u64,
    whole: u64,
    absent: u64,
    /// Ends at which a batch that was being appended, or waited for its last write, was dropped.
    halves: u64,
}

impl std::ops::AddAssign for Seen {
    fn add_assign(&mut self, more: Self) {
        self.crash_points += more.crash_points;
        self.crashes += more.crashes;
        self.whole += more.whole;
        self.absent += more.absent;
        self.halves += more.halves;
    }
}

/// The power goes in operation `at`; what is left is looked at in every way.
fn crash(script: &Workload, extents: &[(u64, u64)], at: u64) -> Result<Seen, Violation> {
    let (mut player, _) = Player::play(script, Door::HONEST, |disk| disk.crash_at(at))?;
    player.log = None;
    let mut seen = Seen {
        crash_points: 1,
        ..Seen::default()
    };
    for (place, ending) in Ending::of(script.tail_policy).iter().enumerate() {
        let disk = player.disk.fork();
        disk.crash_at(u64::MAX);
        ending.happen(&disk, at ^ ((place as u64) << 32));
        let model = player.model.clone();
        let mut after = Player::new(disk, script.tail_policy, model, Door::HONEST);
        let checks = [OpenCheck::LastWrites, OpenCheck::LastSegment];
        after.open_check = checks[(place + usize::from(at % 2 == 1)) % 2];
        let tell = |violation| Violation(format!("crash at {at}, {ending:?}: {violation}"));
        after.must_open().map_err(tell)?;
        let last = after.model.last();
        for &(first, end) in extents {
            ensure(last < first || end <= last, || {
                format!("crash at {at}, {ending:?}: the log ends at {last}, inside {first}..={end}")
            })?;
            seen.whole += u64::from(end <= last);
            seen.absent += u64::from(last < first);
        }
        seen.crashes += 1;
        seen.halves += u64::from(after.verdict == Verdict::HalfBatch);
        after
            .must_commit(&[Arc::new(Content::put(b"x"))])
            .map_err(tell)?;
        after.finish_recovery().map_err(tell)?;
        after.apply(&Step::Reopen { clean: true }).map_err(tell)?;
    }
    Ok(seen)
}

/// Issue 6: a batch that spanned writes, or a rotation, was there in part after a crash.
#[test]
fn each_batch_of_up_to_2000_records_is_there_whole_or_not_at_all() {
    for tail_policy in POLICIES {
        let script = script(tail_policy);
        let (whole, failed) = Player::play(&script, Door::HONEST, |_| {}).unwrap();
        assert!(failed.is_none(), "{failed:?}");
        let extents = extents(&script);
        assert_eq!(whole.model.last(), extents.last().unwrap().1);
        let mut seen = Seen::default();
        let one = |at| crash(&script, &extents, at);
        let done = each(0..whole.disk.operations() + 1, one, |more| seen += more);
        done.unwrap_or_else(|violation| panic!("{tail_policy:?}: {violation}"));
        println!("{tail_policy:?}, {} batches: {seen:?}", extents.len());
        assert!(seen.crash_points > 100 && seen.halves > 100, "{seen:?}");
    }
}

fn fail_everywhere(fault: Fault) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for tail_policy in POLICIES {
        let script = script(tail_policy);
        let (whole, _) = Player::play(&script, Door::HONEST, |_| {}).unwrap();
        let one = |at| {
            fail_once(&script, Door::HONEST, at, fault)
                .map_err(|violation| format!("{tail_policy:?}, {fault:?} at {at}: {violation}"))
        };
        let done = each(0..whole.disk.operations(), one, |more| outcomes.add(&more));
        done.unwrap_or_else(|failure| panic!("{failure}"));
    }
    let Outcomes { poisoned, full, .. } = outcomes;
    println!("{fault:?} in batches: {poisoned} times poisoned, {full} times full");
    outcomes
}

/// A batch that found the disk full half-way left its pieces, or its LSNs.
#[test]
fn a_batch_that_finds_the_disk_full_half_way_leaves_no_trace_and_can_be_made_again() {
    let outcomes = fail_everywhere(Fault::NoSpace);
    assert!(outcomes.poisoned == 0 && outcomes.full > 100);
}

#[test]
fn a_disk_that_fails_half_way_through_a_batch_stops_the_log_and_leaves_none_of_it() {
    let outcomes = fail_everywhere(Fault::Error);
    assert!(outcomes.poisoned > 100);
}

/// Whole records with right checksums and the next LSNs stand behind the log's end when a batch was given
/// up. What comes next must not stand in front of them, nor go in among them.
#[test]
fn what_comes_after_a_batch_that_was_given_up_is_not_mixed_with_it() {
    let next_steps: [&[Step]; 6] = [
        &[Step::Idle],
        &[Step::Rotate],
        &[Step::Truncate { percent: 100 }],
        &[Step::Reopen { clean: true }],
        &[Step::Reopen { clean: false }],
        &[],
    ];
    let put = |len: usize| Arc::new(Content::put(&vec![7; len]));
    for tail_policy in POLICIES {
        // With records in front of it in its segment, and without; that a segment takes, and does not.
        for (in_front, records) in [(0, 30), (0, 100), (1, 30), (1, 100)] {
            for steps in next_steps {
                let disk = SimDisk::new(1);
                let mut player = Player::new(disk, tail_policy, Model::new(), Door::HONEST);
                player.must_open().unwrap();
                for _ in 0..in_front {
                    player.must_commit(&[put(100)]).unwrap();
                }
                let batch: Vec<_> = (0..records).map(|_| put(1000)).collect();
                let before = player.disk.operations();
                // The third part: two are on disk.
                let rotates = if records == 100 { 5 } else { 0 };
                player.disk.set_faults(FaultPlan {
                    at: [(before + 2 + rotates, Fault::NoSpace)].into(),
                    ..FaultPlan::default()
                });
                let refused = player.apply(&Step::Batch(batch.clone())).unwrap();
                assert!(refused.is_some(), "{in_front} {records}");
                for step in steps {
                    assert!(player.apply(step).unwrap().is_none());
                }
                for len in [0, 3000, 900] {
                    player.must_commit(&[put(len)]).unwrap();
                }
                player.must_commit(&batch).unwrap();
                let log = player.log.as_ref().unwrap();
                player.model.check_open(log).unwrap();
                player.log = None;
                Ending::DropAll.happen(&player.disk, 0);
                player.must_open().unwrap();
                player.finish_recovery().unwrap();
            }
        }
    }
}

/// What was placed of a batch is seen by nobody: not its LSNs, not its counts.
#[test]
fn a_batch_larger_than_a_segment_gets_one_of_its_own_and_the_next_is_as_usual() {
    for tail_policy in POLICIES {
        let disk = SimDisk::new(1);
        let mut player = Player::new(disk.clone(), tail_policy, Model::new(), Door::HONEST);
        player.must_open().unwrap();
        let contents: Vec<_> = (0..500_u64)
            .map(|n| {
                let mut content = Content::put(&vec![7; 1000]);
                content.scope.tenant = TenantId::new(n % 3);
                Arc::new(content)
            })
            .collect();
        player.must_commit(&contents[..1]).unwrap();
        player.must_commit(&contents).unwrap();
        player.apply(&Step::Rotate).unwrap();
        player.must_commit(&contents[..1]).unwrap();
        let log = player.log.as_ref().unwrap();
        let segments = log.segments().unwrap();
        let found: Vec<_> = segments
            .iter()
            .map(|segment| (segment.first_lsn.value(), segment.last_lsn.value()))
            .collect();
        assert_eq!(found, [(1, 1), (2, 501), (502, 502)]);
        let usages = segments[1].tenants.iter().map(|(_, records)| *records);
        assert_eq!(usages.collect::<Vec<_>>(), [167, 167, 166]);
        assert!(segments[1].file_bytes > 500_000 && segments[1].file_bytes < 700_000);
        assert_eq!(segments[2].file_bytes, SEGMENT_BYTES);
        // Its file is no space for usual segments.
        log.truncate_before(log.next_lsn()).unwrap();
        for name in disk.names() {
            let len = disk.read_file(&name).unwrap().len() as u64;
            assert!(len <= SEGMENT_BYTES, "{name} has {len} bytes");
        }
    }
}
