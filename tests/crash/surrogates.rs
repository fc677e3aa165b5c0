//! Surrogates of a node that is killed at any operation, whose catalog is lost or replaced by an old
//! copy: every key keeps its surrogate, and none is handed out twice.

use std::collections::{BTreeMap, BTreeSet};

use nodedb_node::surrogate::{Collection, Surrogate};
use nodedb_node::{Error, Node, Truncation};
use nodedb_tests::parallel::each;
use nodedb_wal::Lsn;
use nodedb_wal::payload::Hold;
use nodedb_wal::types::{DatabaseId, TenantId, VshardId};

use crate::node::Home;
use crate::settings::seeds;

const TENANT: TenantId = TenantId::new(1);
/// Schedules that everybody runs.
const SCHEDULES: u64 = 300;
const LIVES: u64 = 6;

/// A key: its database and number.
type Key = (u64, u64);

/// What was acknowledged, in all lives.
#[derive(Default)]
struct Model {
    assigned: BTreeMap<Key, u32>,
    /// Of each database; the runs that callers took for themselves too.
    handed_out: BTreeMap<u64, BTreeSet<u32>>,
}

impl Model {
    fn assign(&mut self, key: Key, surrogate: u32) {
        match self.assigned.get(&key) {
            Some(known) => assert_eq!(*known, surrogate, "{key:?} lost its surrogate"),
            None => {
                self.hand_out(key.0, surrogate);
                self.assigned.insert(key, surrogate);
            }
        }
    }

    fn hand_out(&mut self, database: u64, surrogate: u32) {
        let is_new = self
            .handed_out
            .entry(database)
            .or_default()
            .insert(surrogate);
        assert!(
            is_new,
            "{surrogate} was handed out twice in database {database}"
        );
    }
}

fn collection(database: u64) -> Collection<'static> {
    Collection::new(TENANT, DatabaseId::new(database), "orders")
}

/// Some steps of a node's life, up to the first error.
fn live(home: &mut Home, node: &Node, model: &mut Model, steps: u64) -> Result<(), Error> {
    for _ in 0..steps {
        let database = 1 + home.random.below(2);
        let number = home.random.below(60);
        match home.random.below(20) {
            0..=9 => {
                let key = number.to_le_bytes();
                let surrogate = node.surrogates().assign(collection(database), &key)?;
                model.assign((database, number), surrogate.value());
            }
            10..=13 => {
                let numbers: Vec<[u8; 8]> = (number..number + 9).map(u64::to_le_bytes).collect();
                let keys = numbers.iter().map(<[u8; 8]>::as_slice);
                let many = node.surrogates().assign_many(collection(database), keys)?;
                for (number, surrogate) in (number..).zip(many) {
                    model.assign((database, number), surrogate.value());
                }
            }
            14 => {
                let id = DatabaseId::new(database);
                let run = node.surrogates().registry().allocate(TENANT, id, 5)?;
                for surrogate in run.first.value()..=run.last.value() {
                    model.hand_out(database, surrogate);
                }
            }
            15 => node.surrogates().fold_now()?,
            16 | 17 => node.wal().rotate()?,
            _ => truncate(node)?,
        }
    }
    Ok(())
}

/// Lets everything go that is durable now.
fn truncate(node: &Node) -> Result<(), Error> {
    let hold = Hold {
        name: "all".to_owned(),
        needs: Some(node.wal().next_lsn()),
    };
    let (vshard, database) = (VshardId::new(0), DatabaseId::new(1));
    let lsn = node.wal().append_hold(TENANT, vshard, database, &hold)?;
    node.wal().commit(lsn)?;
    let truncation = node.truncate_to_holds()?;
    assert!(
        matches!(truncation, Truncation::Done { .. }),
        "{truncation:?}"
    );
    Ok(())
}

/// Opens the node with an old copy of the catalog, or none. When that is refused, the refusal says
/// what to do, and the catalog is put back.
fn open_with_another_catalog(home: &Home, copy: &[u8], refusals: &mut u64) {
    let good = home.catalog.copy();
    home.catalog.put_back(copy);
    match home.open() {
        Ok(_) => {}
        Err(Error::CatalogMissing { start, .. } | Error::CatalogBehind { start, .. }) => {
            assert!(start > Lsn::FIRST);
            let error = home.open().unwrap_err().to_string();
            assert!(
                error.contains("put back a copy of the catalog")
                    || error.contains("put back a copy that reaches LSN"),
                "{error}"
            );
            home.catalog.put_back(&good);
            *refusals += 1;
        }
        Err(error) => panic!("{error}"),
    }
}

#[derive(Default)]
struct Tried {
    crashes: u64,
    swapped: u64,
    refusals: u64,
}

fn schedule(seed: u64) -> Tried {
    let mut home = Home::new(seed);
    let (mut model, mut tried) = (Model::default(), Tried::default());
    let mut copy = Vec::new();
    for life in 0..=LIVES {
        let is_last = life == LIVES;
        if !is_last {
            home.plan_crash(80);
        }
        let steps = if is_last { 5 } else { 60 };
        let lived = home
            .open()
            .and_then(|node| live(&mut home, &node, &mut model, steps));
        if is_last {
            lived.unwrap();
            break;
        }
        home.restart(lived.err().as_ref());
        match home.random.below(4) {
            // Nothing at all, or a file as it was some lives ago.
            0 => open_with_another_catalog(&home, &[], &mut tried.refusals),
            1 if !copy.is_empty() => open_with_another_catalog(&home, &copy, &mut tried.refusals),
            2 => copy = home.catalog.copy(),
            _ => continue,
        }
        tried.swapped += 1;
    }
    let node = home.open().unwrap();
    for (&(database, number), &surrogate) in &model.assigned {
        let key = number.to_le_bytes();
        let found = node.surrogates().find(collection(database), &key).unwrap();
        assert_eq!(found.map(Surrogate::value), Some(surrogate));
        let id = DatabaseId::new(database);
        let row = node
            .surrogates()
            .key_of(TENANT, id, found.unwrap())
            .unwrap();
        assert_eq!(row.unwrap().primary_key, key);
    }
    tried.crashes = home.crashes;
    tried
}

#[test]
fn whatever_crashes_and_whichever_catalog_is_found_no_surrogate_is_lost_or_used_twice() {
    let mut all = Tried::default();
    let run = |seed| {
        std::panic::catch_unwind(|| schedule(seed)).map_err(|_| {
            format!(
                "see above; run it again: CRASH_SEED={seed} CRASH_SEEDS=1 cargo test -p nodedb-tests \
                 --test crash whatever_crashes"
            )
        })
    };
    let done = each(seeds(SCHEDULES), run, |more| {
        all.crashes += more.crashes;
        all.swapped += more.swapped;
        all.refusals += more.refusals;
    });
    done.unwrap_or_else(|failure| panic!("{failure}"));
    let Tried {
        crashes,
        swapped,
        refusals,
    } = all;
    println!(
        "surrogates: {SCHEDULES} schedules, {crashes} crashes, {swapped} lost or old catalogs, of which \
         {refusals} were refused"
    );
    if crate::settings::is_usual() {
        assert!(refusals > 0 && refusals < swapped);
    }
}
