//! Crashes at every operation of a scripted life: two cores, each fed by a partition of a source, with
//! commits, cuts, rotations and truncation. The source brings again whatever was not taken in; in the
//! end each event is there exactly once.

use super::support::{config, merged, row};
use crate::error::Result;
use crate::payload::{CommitOffsets, PartitionOffset};
use crate::percore::{CoreLogs, CoreWriter, Cut, MergeOptions};
use crate::storage::sim::{CrashPlan, SimDisk, Survivors};
use crate::types::{Epoch, Scope};

/// Events of each partition in all.
const EVENTS: u64 = 90;
const CORES: u32 = 2;

/// How a life ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    KeepAll,
    DropAll,
    Sectors,
    Torn,
    Killed,
}

impl Ending {
    const ALL: [Self; 5] = [
        Self::KeepAll,
        Self::DropAll,
        Self::Sectors,
        Self::Torn,
        Self::Killed,
    ];

    fn happen(self, disk: &SimDisk, seed: u64) {
        match self {
            Self::KeepAll => disk.crash_exactly(&disk.unsynced()),
            Self::DropAll => disk.crash_exactly(&Survivors::default()),
            Self::Sectors => disk.crash(&CrashPlan::atomic_sectors(seed)),
            Self::Torn => disk.crash(&CrashPlan::torn_sectors(seed)),
            Self::Killed => return disk.kill_process(),
        }
        disk.restart();
    }
}

/// What was acknowledged, and what was begun and may be there as well.
#[derive(Clone, Debug, Default)]
struct Promised {
    /// The last cut that was acknowledged.
    cut: Option<Cut>,
    /// For each partition, the offset that was committed and synced.
    offsets: [u64; CORES as usize],
    epoch: Epoch,
}

fn commit(partition: u32, offset: u64) -> CommitOffsets {
    CommitOffsets {
        source: "events".to_owned(),
        offsets: vec![PartitionOffset { partition, offset }],
        watermark: None,
    }
}

/// How far each partition was taken in.
fn taken_in(commits: &[CommitOffsets]) -> [u64; CORES as usize] {
    let mut offsets = [0; CORES as usize];
    for at in commits.iter().flat_map(|commit| &commit.offsets) {
        offsets[usize::try_from(at.partition).unwrap()] = at.offset;
    }
    offsets
}

/// One life: opens, checks what was restored, and takes in events until all are there.
fn live(disk: &SimDisk, promised: &mut Promised) -> Result<()> {
    let (mut logs, mut writers) = CoreLogs::open(config(disk, CORES).restore_sources())?;
    let mut next = check_restored(&logs, promised);
    promised.offsets = next;
    promised.epoch = logs.epoch();
    let mut round = 0_u64;
    while next.iter().any(|&next| next < EVENTS) {
        round += 1;
        for (partition, writer) in (0..).zip(&mut writers) {
            feed(writer, partition, &mut next, round)?;
        }
        if round.is_multiple_of(3) {
            logs.sync_all()?;
            if round.is_multiple_of(2) {
                promised.offsets = next;
            }
        }
        if round.is_multiple_of(4) {
            // Everything so far is covered: the cut says so itself.
            let commits: Vec<_> = (0..).zip(next).map(|(p, at)| commit(p, at)).collect();
            promised.cut = Some(logs.checkpoint(&mut writers, &commits)?);
            promised.offsets = next;
        }
        if round.is_multiple_of(8) {
            logs.truncate_all()?;
        }
    }
    let commits: Vec<_> = (0..).zip(next).map(|(p, at)| commit(p, at)).collect();
    promised.cut = Some(logs.checkpoint(&mut writers, &commits)?);
    promised.offsets = next;
    logs.close(writers)
}

/// Some events of a partition, and every other round how far it is.
fn feed(writer: &mut CoreWriter, partition: u32, next: &mut [u64], round: u64) -> Result<()> {
    let at = &mut next[usize::try_from(partition).unwrap()];
    for _ in 0..(2 + u64::from(partition)).min(EVENTS - *at) {
        writer.append_payload(Scope::default(), &row(*at, 2_500))?;
        *at += 1;
    }
    if round.is_multiple_of(2) {
        writer.commit_offsets(Scope::default(), &commit(partition, *at))?;
    }
    Ok(())
}

/// What was acknowledged is restored, and nothing that was not begun.
fn check_restored(logs: &CoreLogs, promised: &Promised) -> [u64; CORES as usize] {
    let restored = logs.restored();
    let offsets = taken_in(&restored.offsets);
    for (restored, promised) in offsets.iter().zip(promised.offsets) {
        assert!(*restored >= promised, "{offsets:?} {promised}");
    }
    if let Some(cut) = &promised.cut {
        assert!(
            restored
                .cut
                .as_ref()
                .is_some_and(|found| found.epoch >= cut.epoch)
        );
    }
    assert!(logs.epoch() > promised.epoch);
    // What counts is exactly what the offsets say, of each partition in order and once.
    for core in 0..CORES {
        let all = merged(logs, &MergeOptions::all());
        let own = all.iter().filter(|seen| seen.core == core);
        let events: Vec<u64> = own.filter_map(|seen| seen.number).collect();
        let end = offsets[usize::try_from(core).unwrap()];
        let first = events.first().copied().unwrap_or(end);
        assert_eq!(events, (first..end).collect::<Vec<u64>>(), "core {core}");
        let cut = restored.cut.as_ref();
        let cut = cut.map_or([0; 2], |cut| taken_in(&cut.sources));
        assert!(first <= cut[usize::try_from(core).unwrap()], "{first}");
    }
    offsets
}

/// A whole life without a crash; how many operations it takes.
fn whole() -> u64 {
    let disk = SimDisk::new(30);
    live(&disk, &mut Promised::default()).unwrap();
    disk.operations()
}

/// Crashes the life at operation `at`, in every way, and lives on; every third time the recovery is cut
/// off too.
fn crash_at(at: u64) {
    let crashed = SimDisk::new(30);
    crashed.crash_at(at);
    let mut promised = Promised::default();
    let outcome = live(&crashed, &mut promised);
    assert_eq!(outcome.is_err(), !crashed.is_powered(), "{outcome:?}");
    for (way, ending) in (0_u64..).zip(Ending::ALL) {
        let disk = crashed.fork();
        let mut promised = promised.clone();
        let seed = at * 8 + way;
        ending.happen(&disk, seed);
        if seed.is_multiple_of(3) {
            disk.crash_at(disk.operations() + seed % 40);
            let again = live(&disk, &mut promised);
            assert_eq!(again.is_err(), !disk.is_powered(), "{again:?}");
            Ending::ALL[usize::try_from(seed % 5).unwrap()].happen(&disk, seed);
        }
        disk.crash_at(u64::MAX);
        live(&disk, &mut promised).unwrap_or_else(|error| {
            panic!("crash at {at}, {ending:?}: {error:?}");
        });
        let (logs, _writers) = CoreLogs::open(config(&disk, CORES)).unwrap();
        assert_eq!(check_restored(&logs, &promised), [EVENTS; CORES as usize]);
    }
}

/// Lesson 30, and every operation of the cut: each event is there exactly once in the end, wherever the
/// power went.
#[test]
fn each_event_is_there_exactly_once_wherever_the_power_goes() {
    let all = whole();
    assert!(all > 100, "{all}");
    for at in 0..=all {
        println!("crash at {at} of {all}");
        crash_at(at);
    }
}
