//! Holds placed, moved and dropped through the node's services, and truncation in between, with a
//! power cut at every operation of the disk: what was acknowledged is held, what was not is held or
//! not, and nothing that a hold needs is ever gone.
//!
//! `HOLDS_SEED` and `HOLDS_AT` try one crash again.

use std::collections::BTreeMap;
use std::sync::Mutex;

use nodedb_node::catalog::Catalog;
use nodedb_node::{Error, Node, NodeConfig, Truncation, WalManager};
use nodedb_tests::parallel::each;
use nodedb_tests::random::Random;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::types::{DatabaseId, Lsn, TenantId, VshardId};
use nodedb_wal::{Config, ReadOptions};

use crate::medium::Memory;
use crate::player::{Fallible, open_node};
use crate::sweep::{ENDINGS, asked};

const LIVES: u64 = 4;
const STEPS: usize = 50;
const NAMES: [&str; 3] = ["archive", "consumer", "backup"];
const ENGINE: &str = "kv";
const ENGINE_HOLD: &str = "checkpoint/kv";

type Held = BTreeMap<String, Option<u64>>;

/// What was said, as far as it was acknowledged.
#[derive(Clone, Debug, Default)]
struct Told {
    held: Held,
    /// What is held if the call that was under way got through.
    maybe: Option<Held>,
    checkpoint: u64,
    /// The log must start here or further on, and may start as far as this.
    start_must: u64,
    start_may: u64,
}

impl Told {
    /// How far truncation may go; nowhere while a hold has not said what it needs, or there is none.
    fn lowest(&self) -> Option<u64> {
        let needs: Option<Vec<u64>> = self.held.values().copied().collect();
        needs?.into_iter().min()
    }

    /// Says that `name` is to be held so, or no more.
    fn begin(&mut self, name: &str, needs: Option<Option<u64>>) {
        let mut held = self.held.clone();
        match needs {
            Some(needs) => held.insert(name.to_owned(), needs),
            None => held.remove(name),
        };
        self.maybe = Some(held);
    }

    fn end(&mut self) {
        self.held = self.maybe.take().unwrap_or_default();
    }
}

struct Life {
    disk: SimDisk,
    random: Random,
    told: Told,
}

impl Life {
    fn new(seed: u64) -> Self {
        Self {
            disk: SimDisk::new(seed),
            random: Random::new(seed),
            told: Told::default(),
        }
    }

    fn live(&mut self, seed: u64) -> Fallible<()> {
        let node = open_node(&self.disk, seed, false)?;
        for _ in 0..STEPS {
            self.step(&node)?;
        }
        Ok(())
    }

    fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.random.below(high - low + 1)
    }

    fn step(&mut self, node: &Node) -> Fallible<()> {
        let (start, next) = (
            node.wal().start_lsn().value(),
            node.wal().next_lsn().value(),
        );
        let name = self.random.pick(&NAMES);
        match self.random.below(20) {
            0..=6 => {
                let (t, v, d) = (TenantId::new(1), VshardId::new(1), DatabaseId::new(1));
                node.wal()
                    .append::<nodedb_wal::payload::Put>(t, v, d, &[7; 900][..])?;
            }
            7 | 8 => node.wal().rotate()?,
            9 => {
                if !self.told.held.contains_key(name) {
                    self.told.begin(name, Some(None));
                    node.declare_hold(name)?;
                    self.told.end();
                }
            }
            10..=12 => {
                let needs = self.between(start, next);
                self.told.begin(name, Some(Some(needs)));
                node.set_hold(name, Lsn::new(needs))?;
                self.told.end();
            }
            13 => {
                self.told.begin(name, None);
                node.release_hold(name)?;
                self.told.end();
            }
            14 | 15 => {
                let low = self.told.checkpoint.max(start - 1);
                let lsn = self.between(low, next - 1);
                self.told.begin(ENGINE_HOLD, Some(Some(lsn + 1)));
                node.checkpoint(ENGINE, Lsn::new(lsn))?;
                self.told.end();
                self.told.checkpoint = lsn;
            }
            _ => self.truncate(node)?,
        }
        Ok(())
    }

    fn truncate(&mut self, node: &Node) -> Fallible<()> {
        let lowest = self.told.lowest();
        self.told.start_may = self.told.start_may.max(lowest.unwrap_or(0));
        let is_done = if self.random.percent(50) {
            matches!(node.truncate_to_holds()?, Truncation::Done { .. })
        } else {
            node.tend()?;
            lowest.is_some()
        };
        assert_eq!(is_done, lowest.is_some(), "{:?}", self.told);
        self.told.start_must = node.wal().start_lsn().value();
        assert!(self.told.start_must <= self.told.start_may.max(1));
        Ok(())
    }
}

fn held(node: &Node) -> Fallible<Held> {
    let holds = node.holds()?;
    let held = holds.iter();
    Ok(held
        .map(|(name, hold)| (name.to_owned(), hold.needs.map(Lsn::value)))
        .collect())
}

/// Checks a node that was opened after a crash.
fn check(node: &Node, told: &Told) -> Fallible<Held> {
    let found = held(node)?;
    if found != told.held && Some(&found) != told.maybe.as_ref() {
        return Err(format!("held is {found:?}, after {told:?}").into());
    }
    let start = node.wal().start_lsn().value();
    let (must, may) = (told.start_must.max(1), told.start_may.max(1));
    if !(must..=may).contains(&start) {
        return Err(format!("the log starts at {start}, after {told:?}").into());
    }
    if let Some((name, needs)) = found
        .iter()
        .find(|(_, needs)| needs.is_some_and(|n| n < start))
    {
        return Err(format!("{name} needs {needs:?}, and the log starts at {start}").into());
    }
    let mut records = node.wal().read(ReadOptions::all())?;
    let mut expected = start;
    while let Some(record) = records.next()? {
        if record.header.lsn.value() != expected {
            return Err(format!("record {expected} is missing").into());
        }
        expected += 1;
    }
    Ok(found)
}

/// Without its catalog the node holds the same, or says that it misses it.
fn check_without_catalog(disk: &SimDisk, expected: &Held) -> Fallible<()> {
    let config = Config::on(disk.storage()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    let wal = WalManager::open(NodeConfig::from(config))?;
    let has_beginning = wal.start_lsn() == Lsn::FIRST;
    let catalog = Catalog::open_on("another", Box::new(Memory(Mutex::default())))?;
    match Node::on(wal, catalog) {
        Ok(node) if has_beginning && held(&node)? == *expected => Ok(()),
        Err(Error::CatalogMissing { .. }) if !has_beginning => Ok(()),
        Ok(node) => Err(format!("without a catalog: {:?}", node.holds()).into()),
        Err(error) => Err(error.into()),
    }
}

/// The power goes at operation `at`; how many crashes were looked at.
fn crash(seed: u64, at: u64) -> Fallible<u64> {
    let mut life = Life::new(seed);
    life.disk.crash_at(at);
    let lived = life.live(seed);
    if life.disk.is_powered() {
        lived?;
    }
    for (place, ending) in ENDINGS.into_iter().enumerate() {
        let disk = life.disk.fork();
        ending.happen(&disk, seed ^ (at << 8) ^ place as u64);
        disk.crash_at(u64::MAX);
        let node = open_node(&disk, seed, false)?;
        let found = check(&node, &life.told)?;
        drop(node);
        check_without_catalog(&disk.fork(), &found)?;
        // And it goes on.
        let mut told = life.told.clone();
        (told.held, told.maybe) = (found, None);
        let mut second = Life {
            disk,
            random: Random::new(at),
            told,
        };
        let node = open_node(&second.disk, seed, false)?;
        let checkpoints = node.checkpoints()?;
        second.told.checkpoint = checkpoints.get(ENGINE).map_or(0, |lsn| lsn.value());
        second.told.start_must = node.wal().start_lsn().value();
        for _ in 0..6 {
            second.step(&node)?;
        }
        drop(node);
        let node = open_node(&second.disk, seed, false)?;
        check(&node, &second.told)?;
    }
    Ok(ENDINGS.len() as u64)
}

#[test]
fn whatever_operation_the_power_goes_in_what_is_held_is_held_and_there() {
    let seeds = asked("HOLDS_SEED").map_or(1..1 + LIVES, |seed| seed..seed + 1);
    let mut points = Vec::new();
    for seed in seeds {
        let mut life = Life::new(seed);
        life.live(seed).unwrap();
        let last = life.disk.operations();
        match asked("HOLDS_AT") {
            Some(at) => points.push((seed, at)),
            None => points.extend((seed % 2..last).step_by(2).map(|at| (seed, at))),
        }
    }
    let (tried, mut crashes) = (points.len(), 0);
    let done = each(
        points.into_iter(),
        |(seed, at)| {
            crash(seed, at).map_err(|error| {
                format!(
                    "{error}\nrerun: HOLDS_SEED={seed} HOLDS_AT={at} cargo test -p nodedb-tests \
                     --test node held"
                )
            })
        },
        |more| crashes += more,
    );
    done.unwrap_or_else(|failure| panic!("{failure}"));
    println!("holds: {tried} crash points of {LIVES} lives, {crashes} crashes");
}
