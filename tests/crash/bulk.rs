//! Bulk loads: many buffers that nobody waits for, written one after the other and synced several at a
//! time. The power goes in each operation, the disk fails at each, and what was not synced survives
//! in any part: a later write without an earlier one too.

use nodedb_tests::errors::fail_once;
use nodedb_tests::lying::Lie;
use nodedb_tests::model::Violation;
use nodedb_tests::parallel::each;
use nodedb_tests::player::{Door, Player};
use nodedb_tests::random::Random;
use nodedb_tests::sweep::{Failure, Points, Tried, crash_everywhere};
use nodedb_tests::workload::{Step, Workload, draw_content};
use nodedb_wal::TailPolicy;
use nodedb_wal::storage::IoMode;
use nodedb_wal::storage::sim::Fault;

use crate::settings::seeds;

/// Loads that everybody runs.
const SEEDS: u64 = 24;

/// Some thirty records, most of which fill half a buffer; between them now and then one of the calls
/// that find writes on the disk that are not synced.
fn load(seed: u64) -> Workload {
    let mut random = Random::new(seed);
    let steps = (0..36).map(|_| match random.below(36) {
        0 => Step::Sync,
        1 => Step::Commit { back: 4 },
        2 => Step::CommitAsync { back: 9 },
        3 => Step::Idle,
        4 => Step::Rotate,
        5 => Step::Truncate { percent: 50 },
        6 => Step::Follow,
        _ => Step::Append(draw_content(&mut random, 70)),
    });
    let steps = steps.collect();
    Workload {
        seed,
        tail_policy: [TailPolicy::Rewrite, TailPolicy::Pad][usize::from(seed.is_multiple_of(2))],
        io_mode: [IoMode::Direct, IoMode::Buffered][usize::from(seed.is_multiple_of(3))],
        steps,
        weather: Vec::new(),
        read_weather: Vec::new(),
    }
}

fn told(seed: u64, what: &dyn std::fmt::Display) -> String {
    format!(
        "{what}\nrerun: CRASH_SEED={seed} CRASH_SEEDS=1 cargo test -p nodedb-tests --test crash bulk::"
    )
}

#[test]
fn a_bulk_load_survives_every_crash_whatever_is_left_of_writes_that_were_not_synced() {
    let mut tried = Tried::default();
    let one = |seed| {
        crash_everywhere(&load(seed), Door::HONEST, Points::All)
            .map_err(|failure: Failure| told(seed, &failure))
    };
    let done = each(seeds(SEEDS), one, |more| tried.add(&more));
    done.unwrap_or_else(|failure| panic!("{failure}"));
    println!("bulk loads: {} crashes", tried.ledger.cycles);
    assert!(tried.ledger.cycles > 0);
}

#[test]
fn a_bulk_load_on_a_failing_disk_acknowledges_nothing_that_is_not_there() {
    let one = |seed: u64| -> Result<u64, String> {
        let load = load(seed);
        let tell = |violation: Violation| told(seed, &violation);
        let (whole, _) = Player::play(&load, Door::HONEST, |_| {}).map_err(tell)?;
        let stats = whole.log.as_ref().map(nodedb_wal::Log::stats);
        for at in 0..whole.disk.operations() {
            for fault in [Fault::Error, Fault::NoSpace] {
                fail_once(&load, Door::HONEST, at, fault).map_err(tell)?;
            }
        }
        Ok(stats.map_or(0, |stats| stats.syncs_bulk))
    };
    let mut syncs = 0;
    let done = each(seeds(SEEDS), one, |more| syncs += more);
    done.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(syncs > 0, "the loads do what they are about");
}

#[test]
fn leaving_out_the_sync_of_a_bulk_load_is_found() {
    let door = Door(|inner| Lie::NoWriteSync.about(inner));
    let found = (1..=SEEDS).find_map(|seed| {
        let failure = crash_everywhere(&load(seed), door, Points::All).err()?;
        Some((seed, failure))
    });
    let (seed, failure) = found.unwrap();
    println!("found in load {seed}: {failure}");
}
