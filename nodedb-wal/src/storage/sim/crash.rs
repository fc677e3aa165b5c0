//! What a power loss leaves: which unsynced sectors, lengths and names survive, by chance or as a
//! test says.

use std::collections::BTreeSet;

use super::faults::{FaultCounts, FaultKind};
use super::names::FileId;
use super::page::SECTOR_BYTES;
use super::random::Random;
use super::state::State;

/// 512 bytes of a file: what a disk writes whole, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectorId {
    /// The file.
    pub file: FileId,
    /// Counted from the start of the file.
    pub sector: u64,
}

/// What may happen to unsynced things when the power goes, and the seed that decides.
///
/// Sectors are decided one by one, in any order and across files: writes that were not synced have
/// no order. A sector for which nothing is allowed is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPlan {
    /// Decides.
    pub seed: u64,
    /// A sector may be what was written last.
    pub kept: bool,
    /// A sector may be what was durable.
    pub dropped: bool,
    /// A sector written more than once may be what was written in between.
    pub between: bool,
    /// A sector may be new up to some byte and old from there on, or the other way round.
    pub torn: bool,
    /// A sector may be anything, also one that was written again with the same bytes.
    pub garbage: bool,
    /// Changes of length may be lost, the latest first.
    pub lengths_lost: bool,
    /// Changes of the directory may be lost, each with those that build on it.
    pub names_lost: bool,
}

impl CrashPlan {
    /// A disk that writes each sector whole or not at all, under a file system that promises no
    /// more than it must.
    #[must_use]
    pub fn atomic_sectors(seed: u64) -> Self {
        Self {
            seed,
            kept: true,
            dropped: true,
            between: true,
            torn: false,
            garbage: false,
            lengths_lost: true,
            names_lost: true,
        }
    }

    /// As [`Self::atomic_sectors`], with sectors that tear between the old bytes and the new: bytes
    /// written again as they were stay as they were.
    #[must_use]
    pub fn torn_sectors(seed: u64) -> Self {
        let torn = true;
        Self {
            torn,
            ..Self::atomic_sectors(seed)
        }
    }

    /// Everything at once: sectors being written can become anything.
    #[must_use]
    pub fn garbage_sectors(seed: u64) -> Self {
        let garbage = true;
        Self {
            garbage,
            ..Self::torn_sectors(seed)
        }
    }
}

/// Exactly what survives a crash of what is unsynced; or what is unsynced at the moment, which is
/// the most that can survive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survivors {
    /// Sectors that are what was written last.
    pub sectors: BTreeSet<SectorId>,
    /// Files whose changes of length survive, all of them.
    pub lengths: BTreeSet<FileId>,
    /// Changes of the directory, by their place in
    /// [`SimDisk::unsynced_names`](super::SimDisk::unsynced_names). One whose file or name an
    /// earlier lost change was about is lost with it.
    pub names: BTreeSet<usize>,
}

/// Decides, for each thing that is not durable, what becomes of it.
trait Decider {
    fn keeps_name(&mut self, place: usize) -> bool;

    /// How many of a file's `count` changes of length survive.
    fn lengths(&mut self, file: FileId, count: usize) -> usize;

    /// Fills a sector, which holds the first candidate.
    fn sector(
        &mut self,
        sector: SectorId,
        candidates: &[[u8; SECTOR_BYTES]],
        out: &mut [u8; SECTOR_BYTES],
    ) -> FaultKind;
}

impl State {
    /// What is unsynced now.
    pub(super) fn unsynced(&self) -> Survivors {
        let mut unsynced = Survivors::default();
        for (file, inode) in self.unsynced_inodes() {
            let sectors = inode.unsynced_sectors().into_iter();
            unsynced
                .sectors
                .extend(sectors.map(|sector| SectorId { file, sector }));
            if inode.unsynced_lengths() > 0 {
                unsynced.lengths.insert(file);
            }
        }
        unsynced.names = (0..self.names.unsynced().count()).collect();
        unsynced
    }

    /// The power goes, and chance decides.
    pub(super) fn crash_by_chance(&mut self, plan: &CrashPlan) {
        self.crash(&mut ByChance::new(*plan));
    }

    /// The power goes, and exactly this survives.
    pub(super) fn crash_exactly(&mut self, survivors: &Survivors) {
        self.crash(&mut Exactly { survivors });
    }

    fn crash(&mut self, decider: &mut dyn Decider) {
        self.power_off();
        let mut counts = FaultCounts::default();
        let lost = self.names.crash(&mut |place| decider.keeps_name(place));
        counts.count_many(FaultKind::NameLost, lost);
        self.collect_garbage();
        let files: Vec<FileId> = self.unsynced_inodes().map(|(file, _)| file).collect();
        for file in files {
            let Ok(inode) = self.inode_mut(file) else {
                continue;
            };
            let all = inode.unsynced_lengths();
            let lengths = decider.lengths(file, all).min(all);
            counts.count_many(FaultKind::LengthLost, all - lengths);
            inode.crash(lengths, |sector, candidates, out| {
                let kind = decider.sector(SectorId { file, sector }, candidates, out);
                // A sector written again as it was is nothing that happened, unless it is spoilt.
                let is_change = candidates
                    .iter()
                    .any(|candidate| *candidate != candidates[0]);
                if is_change || kind == FaultKind::SectorGarbage {
                    counts.count(kind);
                }
            });
        }
        self.counts.add(&counts);
    }
}

/// Exactly what a test asked for.
struct Exactly<'a> {
    survivors: &'a Survivors,
}

impl Decider for Exactly<'_> {
    fn keeps_name(&mut self, place: usize) -> bool {
        self.survivors.names.contains(&place)
    }

    fn lengths(&mut self, file: FileId, count: usize) -> usize {
        if self.survivors.lengths.contains(&file) {
            count
        } else {
            0
        }
    }

    fn sector(
        &mut self,
        sector: SectorId,
        candidates: &[[u8; SECTOR_BYTES]],
        out: &mut [u8; SECTOR_BYTES],
    ) -> FaultKind {
        match candidates.last() {
            Some(newest) if self.survivors.sectors.contains(&sector) => {
                *out = *newest;
                FaultKind::SectorKept
            }
            _ => FaultKind::SectorDropped,
        }
    }
}

/// Chance, within what a plan allows.
///
/// Sectors that each survive by the toss of a coin would almost never survive all together, or all
/// but one; so each file has a coin of its own, and many of the coins are loaded.
struct ByChance {
    plan: CrashPlan,
    random: Random,
    names_percent: u64,
    /// Of the file that is being decided.
    kept_percent: u64,
    spoilt_percent: u64,
}

/// How the coins are loaded.
const COINS: [u64; 7] = [0, 5, 30, 50, 70, 95, 100];

impl ByChance {
    fn new(plan: CrashPlan) -> Self {
        let mut random = Random::new(plan.seed);
        let names_percent = COINS[random.index(COINS.len())];
        Self {
            plan,
            random,
            names_percent,
            kept_percent: 0,
            spoilt_percent: 0,
        }
    }

    /// The candidates' place of what survives whole, and what that is called.
    fn whole(&mut self, count: usize) -> (usize, FaultKind) {
        let is_between = self.plan.between && count > 2 && self.random.percent(25);
        let prefers_kept = self.random.percent(self.kept_percent);
        if is_between {
            (1 + self.random.index(count - 2), FaultKind::SectorBetween)
        } else if self.plan.kept && (prefers_kept || !self.plan.dropped) {
            (count - 1, FaultKind::SectorKept)
        } else {
            (0, FaultKind::SectorDropped)
        }
    }

    fn tear(&mut self, newest: &[u8], out: &mut [u8]) {
        let at = 1 + self.random.index(SECTOR_BYTES - 1);
        if self.random.percent(50) {
            out[..at].copy_from_slice(&newest[..at]);
        } else {
            out[at..].copy_from_slice(&newest[at..]);
        }
    }
}

impl Decider for ByChance {
    fn keeps_name(&mut self, _place: usize) -> bool {
        self.random.percent(self.names_percent) || !self.plan.names_lost
    }

    fn lengths(&mut self, _file: FileId, count: usize) -> usize {
        self.kept_percent = COINS[self.random.index(COINS.len())];
        self.spoilt_percent = [0, 10, 50][self.random.index(3)];
        let survive = self.random.index(count + 1);
        if self.plan.lengths_lost {
            survive
        } else {
            count
        }
    }

    fn sector(
        &mut self,
        _sector: SectorId,
        candidates: &[[u8; SECTOR_BYTES]],
        out: &mut [u8; SECTOR_BYTES],
    ) -> FaultKind {
        let newest = &candidates[candidates.len() - 1];
        let is_spoilt = self.random.percent(self.spoilt_percent);
        let is_garbage = self.plan.garbage && (!self.plan.torn || self.random.percent(50));
        if is_spoilt && is_garbage {
            self.random.fill(out);
            return FaultKind::SectorGarbage;
        }
        if is_spoilt && self.plan.torn {
            self.tear(newest, out);
            return FaultKind::SectorTorn;
        }
        let (place, kind) = self.whole(candidates.len());
        *out = candidates[place];
        kind
    }
}
