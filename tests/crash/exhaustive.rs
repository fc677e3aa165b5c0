//! Everything that can happen to small logs: each history of up to four calls, the power going in
//! each operation of it, and each subset of what was not durable surviving; and each length to which
//! a file can be cut.
//!
//! `EXHAUSTIVE_STRIDE=1` tries all of it, where otherwise every so many histories and lengths are
//! tried.

use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::sync::Arc;

use nodedb_tests::model::{Content, Model, Violation};
use nodedb_tests::parallel::each;
use nodedb_tests::player::{Door, Player, config};
use nodedb_tests::random::Random;
use nodedb_tests::workload::Step;
use nodedb_wal::storage::sim::{FileId, SectorId, SimDisk, Survivors};
use nodedb_wal::{Error, Log, TailPolicy};

const CALLS_MAX: u32 = 4;

/// Of more than this many things that may survive or not, this many subsets are drawn by chance.
const ALL_SUBSETS_OF: usize = 10;

fn stride() -> usize {
    let asked = std::env::var("EXHAUSTIVE_STRIDE").ok();
    asked.and_then(|stride| stride.parse().ok()).unwrap_or(13)
}

fn content(len: usize) -> Arc<Content> {
    Arc::new(Content::put(&Random::new(len as u64).bytes(len)))
}

fn alphabet() -> Vec<Step> {
    vec![
        Step::Append(content(40)),
        Step::Append(content(5000)),
        Step::Batch(vec![content(30), content(3000), content(60)]),
        Step::Sync,
        Step::Rotate,
        Step::Truncate { percent: 100 },
        Step::Reopen { clean: false },
        Step::Reopen { clean: true },
    ]
}

/// All histories, shorter ones first, each behind the opening of the log.
fn histories() -> impl Iterator<Item = Vec<Step>> + Send {
    let alphabet = alphabet();
    let base = alphabet.len();
    let of_len = move |len: u32| (0..base.pow(len)).map(move |number| (len, number));
    (0..=CALLS_MAX).flat_map(of_len).map(move |(len, number)| {
        let calls = (0..len).map(|at| alphabet[number / base.pow(at) % base].clone());
        std::iter::once(Step::Reopen { clean: false })
            .chain(calls)
            .collect()
    })
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    histories: u64,
    crash_points: u64,
    /// Of those, crash points of which not every subset was tried.
    sampled: u64,
    subsets: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.histories += more.histories;
        self.crash_points += more.crash_points;
        self.sampled += more.sampled;
        self.subsets += more.subsets;
    }
}

/// Plays `history` until the power goes, or to its end.
fn play(
    history: &[Step],
    tail_policy: TailPolicy,
    crash_at: u64,
) -> Result<(Player, u64), Violation> {
    let disk = SimDisk::new(1);
    disk.crash_at(crash_at);
    let mut player = Player::new(disk, tail_policy, Model::new(), Door::HONEST);
    let mut before_last = 0;
    for step in history {
        before_last = player.disk.operations();
        if player.apply(step)?.is_some() {
            break;
        }
    }
    Ok((player, before_last))
}

/// Crashes in each operation of the last call: those of the calls before are another history's.
fn crash(history: &[Step], tail_policy: TailPolicy) -> Result<Counts, Violation> {
    let (whole, first) = play(history, tail_policy, u64::MAX)?;
    let end = whole.disk.operations();
    drop(whole);
    let mut counts = Counts {
        histories: 1,
        ..Counts::default()
    };
    for at in first..end {
        let (mut player, _) = play(history, tail_policy, at)?;
        player.log = None;
        let unsynced = Unsynced::of(&player.disk);
        counts.crash_points += 1;
        counts.sampled += u64::from(unsynced.count() > ALL_SUBSETS_OF);
        for subset in unsynced.subsets() {
            let survivors = unsynced.survivors(&subset);
            let disk = player.disk.fork();
            disk.crash_exactly(&survivors);
            disk.restart();
            let model = player.model.clone();
            let mut after = Player::new(disk, tail_policy, model, Door::HONEST);
            let tell = |violation| Violation(format!("crash at {at}, {survivors:?}: {violation}"));
            after.must_open().map_err(tell)?;
            after.must_commit(&[content(1)]).map_err(tell)?;
            after.log = None;
            after.must_open().map_err(tell)?;
            counts.subsets += 1;
        }
    }
    Ok(counts)
}

/// What may survive or not, each by itself.
struct Unsynced {
    sectors: Vec<SectorId>,
    lengths: Vec<FileId>,
    names: usize,
}

impl Unsynced {
    fn of(disk: &SimDisk) -> Self {
        let unsynced = disk.unsynced();
        Self {
            sectors: unsynced.sectors.into_iter().collect(),
            lengths: unsynced.lengths.into_iter().collect(),
            names: unsynced.names.len(),
        }
    }

    fn count(&self) -> usize {
        self.sectors.len() + self.lengths.len() + self.names
    }

    /// All subsets, or as many as ten things have: nothing, everything, and others by chance.
    fn subsets(&self) -> Vec<Vec<bool>> {
        let count = self.count();
        if count <= ALL_SUBSETS_OF {
            let bits = |subset: usize| (0..count).map(move |at| subset & (1 << at) != 0);
            return (0..1 << count)
                .map(|subset| bits(subset).collect())
                .collect();
        }
        let mut random = Random::new(count as u64);
        let by_chance = (2..1 << ALL_SUBSETS_OF).map(|_| {
            let percent = random.pick(&[10, 50, 90]);
            (0..count).map(|_| random.percent(percent)).collect()
        });
        let by_chance: Vec<Vec<bool>> = by_chance.collect();
        [vec![vec![false; count], vec![true; count]], by_chance].concat()
    }

    fn survivors(&self, subset: &[bool]) -> Survivors {
        let (sectors, rest) = subset.split_at(self.sectors.len());
        let (lengths, names) = rest.split_at(self.lengths.len());
        Survivors {
            sectors: kept(&self.sectors, sectors),
            lengths: kept(&self.lengths, lengths),
            names: (0..self.names).filter(|at| names[*at]).collect(),
        }
    }
}

fn kept<T: Copy + Ord>(all: &[T], subset: &[bool]) -> BTreeSet<T> {
    let pairs = all.iter().zip(subset);
    pairs
        .filter(|(_, kept)| **kept)
        .map(|(one, _)| *one)
        .collect()
}

#[test]
fn every_short_history_survives_every_crash_with_every_subset() {
    for tail_policy in [TailPolicy::Rewrite, TailPolicy::Pad] {
        let mut counts = Counts::default();
        let all = histories().step_by(stride());
        let one = |history: Vec<Step>| {
            crash(&history, tail_policy).map_err(|violation| {
                let calls: Vec<String> = history.iter().map(ToString::to_string).collect();
                format!("{tail_policy:?}, {}: {violation}", calls.join(", "))
            })
        };
        let done = each(all, one, |more| counts += more);
        done.unwrap_or_else(|failure| panic!("{failure}"));
        println!("{tail_policy:?}, every {}: {counts:?}", stride());
        assert!(counts.subsets > 0);
    }
}

#[test]
fn a_file_cut_to_any_length_is_told() {
    let disk = SimDisk::new(1);
    let mut player = Player::new(disk, TailPolicy::Rewrite, Model::new(), Door::HONEST);
    player.must_open().unwrap();
    for clean in [true, false] {
        player.must_commit(&[content(100), content(5000)]).unwrap();
        player.apply(&Step::Reopen { clean }).unwrap();
    }
    player.must_commit(&[content(3)]).unwrap();
    player.log = None;
    let mut cuts = 0;
    let names = player.disk.names().into_iter();
    for name in names.filter(|name| name.starts_with("wal-0")) {
        let made = player.disk.read_file(&name).unwrap().len() as u64;
        let one = |len: u64| {
            let disk = player.disk.fork();
            disk.truncate_file(&name, len).unwrap();
            match Log::open(config(&disk, Door::HONEST, TailPolicy::Rewrite)) {
                Err(Error::SegmentLength { found_bytes, .. }) if found_bytes == len => Ok(()),
                other => Err(format!("{name} cut to {len}: {other:?}")),
            }
        };
        let done = each((0..made).step_by(stride()), one, |()| cuts += 1);
        done.unwrap_or_else(|failure| panic!("{failure}"));
    }
    println!("cuts, every {}: {cuts}", stride());
}
