//! Stories of recovery: each was a bug that the sweeps found, or that reading the code suggested.

use std::collections::BTreeMap;
use std::sync::Arc;

use nodedb_tests::model::{Content, Model};
use nodedb_tests::player::{Door, Player, config};
use nodedb_tests::sweep::Ending;
use nodedb_tests::workload::Step;
use nodedb_wal::storage::sim::{Fault, FaultPlan, SimDisk};
use nodedb_wal::{Error, Log, OpenCheck, Reader, TailPolicy};

fn content(text: &str) -> Arc<Content> {
    Arc::new(Content::put(text.as_bytes()))
}

fn player(seed: u64) -> Player {
    let disk = SimDisk::new(seed);
    let mut player = Player::new(disk, TailPolicy::Rewrite, Model::new(), Door::HONEST);
    player.must_open().unwrap();
    player
}

/// A process was killed while a write was on its way: the bytes were in the cache, whole. The next
/// process found them there, said in the new segment's header that they were durable, and then the
/// power went: the records were gone, the header asked for them, and the log did not open any more.
#[test]
fn what_a_killed_process_left_in_the_cache_is_made_durable_before_it_is_counted_on() {
    for during_recovery in 0..14 {
        let mut player = player(1);
        player.must_commit(&[content("acknowledged")]).unwrap();
        player.apply(&Step::Append(content("on its way"))).unwrap();
        player.disk.crash_at(player.disk.operations());
        player.apply(&Step::Sync).unwrap();
        player.log = None;
        player.disk.kill_process();

        player
            .disk
            .crash_at(player.disk.operations() + during_recovery);
        player.open().unwrap();
        player.log = None;
        Ending::DropAll.happen(&player.disk, 0);
        player.disk.crash_at(u64::MAX);
        player
            .must_open()
            .unwrap_or_else(|violation| panic!("{during_recovery}: {violation}"));
    }
}

/// Truncation renamed a segment to be space for a later one, and the sync of the directory failed,
/// or the process was killed before it. The space was then used: the new segment's header was on
/// disk under the old segment's name, and the power went. The log did not open any more: a file
/// did not fit its name.
#[test]
fn a_retired_segment_is_not_written_again_before_its_new_name_is_durable() {
    let truncate = |player: &mut Player| {
        for _ in 0..3 {
            player.must_commit(&[content("old")]).unwrap();
            player.apply(&Step::Rotate).unwrap();
        }
        let before = player.disk.operations();
        let ready = player.disk.fork();
        player.apply(&Step::Truncate { percent: 100 }).unwrap();
        (ready, before..player.disk.operations())
    };
    let (_, operations) = truncate(&mut player(2));
    for failing in operations {
        for killed in [false, true] {
            for crash in 0..16 {
                let mut player = player(2);
                if killed {
                    player.disk.crash_at(failing);
                } else {
                    let at = BTreeMap::from([(failing, Fault::Error)]);
                    let plan = FaultPlan {
                        at,
                        ..FaultPlan::default()
                    };
                    player.disk.set_faults(plan);
                }
                truncate(&mut player);
                if killed {
                    player.log = None;
                    player.disk.kill_process();
                }
                player.disk.crash_at(player.disk.operations() + crash);
                let steps = [
                    Step::Reopen { clean: false },
                    Step::Append(content("new")),
                    Step::Rotate,
                ];
                for step in &steps[usize::from(!killed)..] {
                    player.apply(step).unwrap();
                }
                player.log = None;
                Ending::DropAll.happen(&player.disk, 0);
                player.disk.crash_at(u64::MAX);
                let opened = player.must_open();
                opened.unwrap_or_else(|violation| {
                    panic!("error at {failing}, killed {killed}, crash {crash}: {violation}")
                });
            }
        }
    }
}

/// With blocks that are padded, a frontier can end 16, 32 or 48 bytes before the end of its block.
/// The walk looked at 64 bytes, the first ones of the next write among them, and took the place for
/// a damaged frontier: a log without a fault was reported damaged.
#[test]
fn a_write_that_ends_just_before_its_block_does_is_not_damage() {
    for tail_policy in [TailPolicy::Rewrite, TailPolicy::Pad] {
        for left in 0..10 {
            let disk = SimDisk::new(3);
            let mut player = Player::new(disk, tail_policy, Model::new(), Door::HONEST);
            player.must_open().unwrap();
            let payload = vec![7; 4096 - 64 - 64 - 16 * left];
            for _ in 0..3 {
                player
                    .must_commit(&[Arc::new(Content::put(&payload))])
                    .unwrap();
            }
            // Once with the segment as a crash leaves it, once sealed.
            for clean in [false, true] {
                player.apply(&Step::Reopen { clean }).unwrap();
                player.must_commit(&[content("more")]).unwrap();
            }
            player.log = None;
            let reader = Reader::open_on(player.disk.storage()).unwrap();
            let report = reader.verify(&mut |_, _| {}).unwrap();
            assert!(report.findings.is_empty(), "{left}: {report:?}");
        }
    }
}

/// A sector in the middle of the last block was zeroed. The walk took the zeros for the end of the
/// write and went on in the next block, past the frontier behind the zeros, in the same block,
/// which said that the zeroed records had been durable: acknowledged records were dropped, and
/// recovery called it a clean end.
#[test]
fn a_zeroed_sector_in_the_last_block_does_not_hide_what_vouches_for_it() {
    let mut player = player(4);
    for at in 0..20 {
        player
            .must_commit(&[content(&format!("record {at}"))])
            .unwrap();
    }
    player.log = None;
    let name = "wal-00000000000000000001.seg";
    for sector in 8..12 {
        let disk = player.disk.fork();
        disk.zero_sector(name, sector).unwrap();
        let opened = Log::open(config(&disk, Door::HONEST, TailPolicy::Rewrite));
        let Err(Error::Damaged { offset, lsns, .. }) = opened else {
            panic!("sector {sector}: {opened:?}");
        };
        // The first record that is hit may start in the sector before.
        let zeroed = sector * 512..(sector + 1) * 512;
        assert!(
            offset + 80 > zeroed.start && offset < zeroed.end,
            "{offset}"
        );
        let first = 1 + (offset - 4096).div_ceil(144);
        assert_eq!(
            lsns.first.value(),
            first,
            "records and frontiers take 144 bytes"
        );
    }
}

/// The end of a sealed segment was zeroed from the last record on. The walk skipped the zeros to the
/// start of the next block, which lay behind the end of the data, and the process died of a
/// subtraction.
#[test]
fn zeros_up_to_the_end_of_a_sealed_segment_are_told_as_damage() {
    for (first_lost, from) in [(3, 4096 + 2 * 144), (2, 4096 + 144), (1, 4096)] {
        let mut player = player(5);
        for text in ["one", "two", "three"] {
            player.must_commit(&[content(text)]).unwrap();
        }
        player.log.take().unwrap().close().unwrap();
        let name = "wal-00000000000000000001.seg";
        let zeros = vec![0; 8192 - from];
        player.disk.patch(name, from as u64, &zeros).unwrap();
        let settings = config(&player.disk, Door::HONEST, TailPolicy::Rewrite);
        let opened = Log::open(settings.open_check(OpenCheck::LastSegment));
        match opened {
            Err(Error::Damaged { lsns, .. }) => {
                assert_eq!((lsns.first.value(), lsns.last.value()), (first_lost, 3));
            }
            other => panic!("{other:?}"),
        }
    }
}
