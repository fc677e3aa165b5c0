//! Consumers of a node that is killed at any operation of its log or its catalog, while old segments
//! are dropped and recycled: each sees every record at least once, in order, and exactly once where
//! the cursor is stored with what it is the cursor of.

use std::collections::{BTreeMap, BTreeSet};

use nodedb_node::consumers::{Consumer, ConsumerSpec};
use nodedb_node::{Batch, ConsumerFault, Error, Node, Truncation};
use nodedb_tests::parallel::each;
use nodedb_tests::random::Random;
use nodedb_wal::payload::Put;
use nodedb_wal::types::{DatabaseId, RecordKind, TenantId, VshardId};
use nodedb_wal::{Lsn, RecordView};

use crate::node::Home;
use crate::settings::seeds;

const T: TenantId = TenantId::new(1);
const D: DatabaseId = DatabaseId::new(1);
/// Schedules that everybody runs.
const SCHEDULES: u64 = 150;
const LIVES: u64 = 6;
const VSHARDS: u64 = 5;

/// Those that acknowledge behind processing.
const FAST: &str = "fast";
const SLOW: &str = "slow";
/// The one that stores its cursor with its state.
const OWN: &str = "own";
/// The one whose members share the vshards.
const GROUP: &str = "group";
const PARTITIONS: u32 = 3;

/// What a consumer has processed, in all lives.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// By lane, which is the vshard of a group's record: the last record.
    last: BTreeMap<u64, u64>,
    lsns: BTreeSet<u64>,
    again: u64,
}

/// A store that keeps what was committed when the power goes.
#[derive(Clone, Debug, Default)]
struct Store {
    committed: (u64, Seen),
    current: (u64, Seen),
}

#[derive(Default)]
struct Model {
    /// Every row: its vshard, by its LSN.
    rows: BTreeMap<u64, u64>,
    durable: u64,
    fast: Seen,
    slow: Seen,
    group: Seen,
    own: Store,
    tried: Tried,
}

#[derive(Clone, Copy, Debug, Default)]
struct Tried {
    crashes: u64,
    kills: u64,
    catalogs_lost: u64,
    segments_dropped: u64,
    rows: u64,
    delivered_again: u64,
    own_delivered: u64,
}

impl Seen {
    /// Takes a record in, of which those in front on its lane must have been.
    fn take(&mut self, rows: &BTreeMap<u64, u64>, lsn: u64, is_by_vshard: bool) {
        let vshard = *rows
            .get(&lsn)
            .unwrap_or_else(|| panic!("{lsn} was never written"));
        let lane = if is_by_vshard { vshard } else { 0 };
        let last = self.last.entry(lane).or_default();
        let mut skipped = rows.range(*last + 1..lsn.max(*last + 1));
        let skipped = skipped.find(|(_, other)| !is_by_vshard || **other == vshard);
        assert_eq!(skipped, None, "{lsn} came behind {last}");
        *last = lsn.max(*last);
        self.again += u64::from(!self.lsns.insert(lsn));
    }
}

/// The row a record is; nothing when it is the node's own.
fn row(record: &RecordView<'_>) -> Option<u64> {
    (record.header.kind == RecordKind::Put.code()).then(|| record.lsn().value())
}

fn spec(name: &str) -> ConsumerSpec {
    let mut spec = ConsumerSpec::new(name);
    if name != FAST {
        spec.filter.kinds = vec![RecordKind::Put];
    }
    if name == GROUP {
        spec.partitions = PARTITIONS;
    }
    spec
}

fn add(node: &Node, name: &str) -> Result<(), Error> {
    match node.add_consumer(&spec(name)) {
        Ok(_) => Ok(()),
        Err(Error::Consumer {
            source: ConsumerFault::Exists,
            ..
        }) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Processes up to so many records and says so, most of the time.
fn work(
    consumer: &mut Consumer<'_>,
    seen: &mut Seen,
    rows: &BTreeMap<u64, u64>,
    random: &mut Random,
    count: u64,
) -> Result<(), Error> {
    let is_group = consumer.name() == GROUP;
    let mut last = None;
    if random.percent(50) {
        for _ in 0..count {
            let Some(record) = consumer.next()? else {
                break;
            };
            last = Some(record.lsn());
            if let Some(lsn) = row(&record) {
                seen.take(rows, lsn, is_group);
            }
        }
    } else {
        let budget = random.below(4_000);
        let batch = consumer.read_batch(usize::try_from(budget).unwrap())?;
        last = batch.last_lsn();
        for record in batch.iter() {
            if record.header.kind == RecordKind::Put.code() {
                seen.take(rows, record.header.lsn.value(), is_group);
            }
        }
    }
    match (last, random.below(10)) {
        (Some(last), 0..=6) => consumer.acknowledge(last),
        (Some(last), 7) => consumer.acknowledge_durably(last),
        (Some(_), 8) => consumer.rewind(),
        _ => Ok(()),
    }
}

/// Processes records into a store that keeps the cursor too, and only then acknowledges.
fn work_once(
    consumer: &mut Consumer<'_>,
    store: &mut Store,
    rows: &BTreeMap<u64, u64>,
    random: &mut Random,
) -> Result<(), Error> {
    for _ in 0..1 + random.below(20) {
        let Some(record) = consumer.next()? else {
            break;
        };
        let lsn = record.lsn().value();
        let (cursor, seen) = &mut store.current;
        assert!(lsn > *cursor, "{lsn} came again, behind {cursor}");
        *cursor = lsn;
        seen.take(rows, lsn, false);
    }
    if random.percent(60) {
        store.committed = store.current.clone();
        let cursor = Lsn::new(store.committed.0);
        if random.percent(60) && consumer.position().delivered >= cursor {
            consumer.acknowledge(cursor)?;
        }
    }
    Ok(())
}

fn write(node: &Node, model: &mut Model, random: &mut Random) -> Result<(), Error> {
    let mut batch = Batch::new();
    let mut vshards = Vec::new();
    let many = if random.percent(70) {
        1
    } else {
        2 + random.below(6)
    };
    for _ in 0..many {
        let vshard = random.below(VSHARDS);
        let bytes = random.below(3_000);
        let bytes = random.bytes(usize::try_from(bytes).unwrap());
        let id = VshardId::new(u32::try_from(vshard).unwrap());
        batch.push::<Put>(T, id, D, &bytes[..])?;
        vshards.push(vshard);
    }
    let lsns = node.wal().append_batch(&batch)?;
    model.rows.extend((lsns.first.value()..).zip(vshards));
    if random.percent(60) {
        node.wal().commit(lsns.last)?;
        model.durable = lsns.last.value();
    }
    Ok(())
}

/// Some steps of a node's life, up to the first error.
fn live(random: &mut Random, node: &Node, model: &mut Model, steps: u64) -> Result<(), Error> {
    for name in [FAST, SLOW, OWN, GROUP] {
        add(node, name)?;
    }
    let mut fast = node.consumer(FAST)?;
    let mut slow = node.consumer(SLOW)?;
    let mut own = node.consumer(OWN)?;
    own.resume_at(Lsn::new(model.own.committed.0))?;
    let mut members = vec![node.join_consumer(GROUP, "a")?];
    for step in 0..steps {
        let rows = &model.rows;
        match random.below(20) {
            0..=7 => write(node, model, random)?,
            8 | 9 => work(&mut fast, &mut model.fast, rows, random, 40)?,
            10 => work(&mut slow, &mut model.slow, rows, random, 3)?,
            11 | 12 => work_once(&mut own, &mut model.own, rows, random)?,
            13 | 14 => {
                let member = random.index(members.len());
                work(&mut members[member], &mut model.group, rows, random, 9)?;
            }
            15 if members.len() < 3 => {
                members.push(node.join_consumer(GROUP, &format!("m{step}"))?);
            }
            15 => drop(members.swap_remove(random.index(members.len()))),
            16 => node.wal().rotate()?,
            17 => node.write_cursors()?,
            _ => {
                let done = node.truncate_to_holds()?;
                if let Truncation::Done { truncated, .. } = done {
                    model.tried.segments_dropped += truncated.segments as u64;
                }
            }
        }
    }
    Ok(())
}

/// Delivers everything there is to everybody.
fn drain(node: &Node, model: &mut Model) -> Result<(), Error> {
    let rows = &model.rows;
    let all = [
        (FAST, &mut model.fast),
        (SLOW, &mut model.slow),
        (GROUP, &mut model.group),
    ];
    for (name, seen) in all {
        let mut consumer = node.consumer(name)?;
        while let Some(record) = consumer.next()? {
            if let Some(lsn) = row(&record) {
                seen.take(rows, lsn, name == GROUP);
            }
        }
    }
    let mut own = node.consumer(OWN)?;
    own.resume_at(Lsn::new(model.own.current.0))?;
    while let Some(record) = own.next()? {
        let (cursor, seen) = &mut model.own.current;
        *cursor = record.lsn().value();
        seen.take(rows, *cursor, false);
    }
    Ok(())
}

/// Nothing, or an old copy, is found where the catalog was. What cannot be made again is refused.
fn lose_catalog(home: &Home, tried: &mut Tried) {
    let good = home.catalog.copy();
    home.catalog.put_back(&[]);
    match home.open() {
        Ok(_) => tried.catalogs_lost += 1,
        Err(Error::CatalogMissing { .. }) => home.catalog.put_back(&good),
        Err(error) => panic!("{error}"),
    }
}

fn schedule(seed: u64) -> Tried {
    let mut home = Home::new(seed);
    let mut random = Random::new(seed ^ 0x5eed);
    let mut model = Model::default();
    for _ in 0..LIVES {
        let is_killed = random.percent(25);
        if !is_killed {
            home.plan_crash(220);
        }
        let lived = home
            .open()
            .and_then(|node| live(&mut random, &node, &mut model, 70));
        if is_killed {
            // Gone without a word; the disk keeps what it was told.
            lived.unwrap();
            model.tried.kills += 1;
        } else {
            home.restart(lived.err().as_ref());
        }
        model.own.current = model.own.committed.clone();
        if random.percent(15) {
            lose_catalog(&home, &mut model.tried);
        }
        let last = home.open().unwrap().wal().durable_lsn().value();
        assert!(last >= model.durable);
        model.rows.retain(|lsn, _| *lsn <= last);
    }
    let node = home.open().unwrap();
    drain(&node, &mut model).unwrap();
    let rows: BTreeSet<u64> = model.rows.keys().copied().collect();
    let own = &model.own.current.1;
    for seen in [&model.fast, &model.slow, &model.group, own] {
        assert!(seen.lsns == rows, "records were lost, or made up");
    }
    assert_eq!(own.again, 0);
    Tried {
        crashes: home.crashes,
        rows: rows.len() as u64,
        delivered_again: model.fast.again + model.slow.again + model.group.again,
        own_delivered: own.lsns.len() as u64,
        ..model.tried
    }
}

/// Lessons 18, 26, 27 and 28: truncation passed slow consumers, cursors were positions in lists, were
/// saved before the work was done, and batches skipped entries.
#[test]
fn whoever_is_killed_consumers_see_each_record_once_at_least_and_with_their_own_cursor_exactly() {
    let mut all = Tried::default();
    let run = |seed| {
        std::panic::catch_unwind(|| schedule(seed)).map_err(|_| {
            format!(
                "see above; run it again: CRASH_SEED={seed} CRASH_SEEDS=1 cargo test -p nodedb-tests \
                 --test crash consumers"
            )
        })
    };
    let mut schedules = 0_u64;
    let done = each(seeds(SCHEDULES), run, |more| {
        schedules += 1;
        all.crashes += more.crashes;
        all.kills += more.kills;
        all.catalogs_lost += more.catalogs_lost;
        all.segments_dropped += more.segments_dropped;
        all.rows += more.rows;
        all.delivered_again += more.delivered_again;
        all.own_delivered += more.own_delivered;
    });
    done.unwrap_or_else(|failure| panic!("{failure}"));
    println!("consumers: {schedules} schedules, {all:?}");
    if crate::settings::is_usual() {
        assert!(all.segments_dropped > 0 && all.delivered_again > 0 && all.catalogs_lost > 0);
        assert_eq!(all.own_delivered, all.rows);
    }
}
