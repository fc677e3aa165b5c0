//! The power goes at every operation of the disk in a node's life, those of its log and those of its
//! catalog: what comes back is what the model says, exactly.
//!
//! `NODE_STRIDE=1` tries every operation, where otherwise every so many are tried; `NODE_SEED` and
//! `NODE_AT` try one crash again; `NODE_LIVES` says how many lives there are.

use std::error::Error;

use nodedb_tests::parallel::each;
use nodedb_tests::sweep::Ending;

use crate::check::{check_after_crash, check_with_catalog, compare};
use crate::model::{Said, Write};
use crate::player::{Fallible, Player, nobody, open_node};

const STEPS: usize = 90;
pub(crate) const ENDINGS: [Ending; 4] = [
    Ending::DropAll,
    Ending::KeepAll,
    Ending::Torn,
    Ending::Sectors,
];

pub(crate) fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What was tried.
#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    points: u64,
    crashes: u64,
    second_lives: u64,
    /// Catalogs lost or old that came back the same, and that were refused.
    came_back: u64,
    refused: u64,
}

/// How many operations a whole life has, with a check at its end.
fn whole_life(seed: u64) -> Fallible<u64> {
    let mut player = Player::new(seed, false);
    player.live(STEPS)?;
    // A node tells of what is durable.
    if let Some(node) = &player.node {
        node.wal().sync()?;
        player.model.acknowledge();
        compare(node, &player.model)?;
    }
    player.reopen(true)?;
    if let Some(node) = &player.node {
        compare(node, &player.model)?;
    }
    Ok(player.disk.operations())
}

/// The power goes at operation `at`.
fn crash(seed: u64, at: u64, lies: bool) -> Fallible<Tried> {
    let mut player = Player::new(seed, lies);
    player.disk.crash_at(at);
    let lived = player.live(STEPS);
    if player.disk.is_powered() {
        lived?;
    }
    player.node = None;
    let mut tried = Tried {
        points: 1,
        ..Tried::default()
    };
    for (place, ending) in ENDINGS.into_iter().enumerate() {
        let chance = seed ^ (at << 8) ^ place as u64;
        let tell = |error: Box<dyn Error>| format!("{ending:?}: {}", chain(error.as_ref()));
        after(&player, ending, chance, &mut tried).map_err(tell)?;
    }
    Ok(tried)
}

/// An error and what led to it.
fn chain(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

fn after(player: &Player, ending: Ending, chance: u64, tried: &mut Tried) -> Fallible<()> {
    let disk = player.disk.fork();
    ending.happen(&disk, chance);
    disk.crash_at(u64::MAX);
    let mut model = player.model.clone();
    let node = open_node(&disk, chance, false)?;
    check_after_crash(&node, &mut model)?;
    drop(node);
    tried.crashes += 1;
    if chance.is_multiple_of(5) {
        let catalogs = std::iter::once(Vec::new()).chain(player.old_catalog.clone());
        for catalog in catalogs {
            if check_with_catalog(&disk.fork(), &model, catalog)? {
                tried.came_back += 1;
            } else {
                tried.refused += 1;
            }
        }
    }
    if chance.is_multiple_of(3) {
        tried.second_lives += 1;
        second_life(disk, model, chance)?;
    }
    Ok(())
}

/// What came back can be lived with.
fn second_life(
    disk: nodedb_wal::storage::sim::SimDisk,
    model: crate::model::Model,
    seed: u64,
) -> Fallible<()> {
    let mut player = Player::new(seed, false);
    player.node = Some(open_node(&disk, seed, false)?);
    (player.disk, player.model) = (disk, model);
    let write = Write {
        collection: "orders".to_owned(),
        key: 1,
        value: seed,
    };
    let collection = "users".to_owned();
    let drop = Said::Drop {
        collection,
        purge: player.model.last() + 1,
    };
    player.say(vec![(nobody(), Said::Put(write)), (nobody(), drop)], true)?;
    player.reopen(true)?;
    let node = player.node.as_ref().ok_or("no node")?;
    compare(node, &player.model)
}

#[test]
fn whatever_operation_of_the_log_or_the_catalog_the_power_goes_in_the_node_comes_back_exactly() {
    let stride = asked("NODE_STRIDE").unwrap_or(3);
    let seeds = match asked("NODE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 1..1 + asked("NODE_LIVES").unwrap_or(6),
    };
    let mut operations = 0;
    let mut points = Vec::new();
    for seed in seeds {
        let life = whole_life(seed).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        operations += life;
        match asked("NODE_AT") {
            Some(at) => points.push((seed, at)),
            None => points.extend(
                (seed % stride..life)
                    .step_by(usize::try_from(stride).unwrap())
                    .map(|at| (seed, at)),
            ),
        }
    }
    let mut sum = Tried::default();
    let failed = each(
        points.into_iter(),
        |(seed, at)| {
            crash(seed, at, false).map_err(|error| {
                format!(
                    "{error}\nrerun: NODE_SEED={seed} NODE_AT={at} cargo test -p nodedb-tests \
                     --test node sweep"
                )
            })
        },
        |tried| {
            sum.points += tried.points;
            sum.crashes += tried.crashes;
            sum.second_lives += tried.second_lives;
            sum.came_back += tried.came_back;
            sum.refused += tried.refused;
        },
    );
    if let Err(error) = failed {
        panic!("{error}");
    }
    println!("of {operations} operations: {sum:?}");
    if asked("NODE_AT").is_none() {
        assert!(
            sum.came_back > 0 && sum.refused > 0 && sum.second_lives > 0,
            "{sum:?}"
        );
    }
}

/// The sweep finds a catalog whose syncs do nothing: once segments are gone, what it lost is lost.
#[test]
fn a_catalog_whose_syncs_lie_is_found() {
    let found = (1..40).find_map(|seed| {
        let life = whole_life(seed).unwrap();
        (life / 2..life).step_by(17).find_map(|at| {
            crash(seed, at, true)
                .err()
                .map(|error| (seed, at, error.to_string()))
        })
    });
    let (seed, at, error) = found.unwrap();
    println!("found with seed {seed} at operation {at}: {error}");
}
