//! A scripted life of a node on a simulated disk, and the model that is told the same.

use std::error::Error;

use nodedb_node::catalog::Catalog;
use nodedb_node::{Batch, Node, NodeConfig, Truncation, WalManager};
use nodedb_tests::random::Random;
use nodedb_wal::Config;
use nodedb_wal::payload::{
    ArrayFlush, CalvinApplied, CalvinSeal, Checkpoint, CollectionTombstoned, CommitOffsets, Hold,
    Operation, PartitionOffset, Put, SurrogateAlloc, SurrogateBind, TemporalPurge, Transaction,
    WriteAborted,
};
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::types::{DatabaseId, Epoch, Lsn, TenantId, Timestamp, VshardId};

use crate::medium::{DiskFile, LEAD, NAME};
use crate::model::{ENGINE, ENGINE_HOLD, Model, Place, Said, Write};

pub(crate) type Fallible<T> = Result<T, Box<dyn Error>>;

pub(crate) const TENANTS: u64 = 2;
pub(crate) const DATABASES: u64 = 2;
pub(crate) const COLLECTIONS: [&str; 2] = ["orders", "users"];
pub(crate) const KEYS: u8 = 4;
const ARCHIVE: &str = "archive";

/// What goes on in a life besides records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deed {
    Rotate,
    Fold,
    Truncate,
    Seal,
    Reopen { clean: bool },
}

/// What is done next.
#[derive(Debug)]
enum Step {
    Say {
        batch: Vec<(Place, Said)>,
        commit: bool,
    },
    Do(Deed),
}

/// A node that is told things.
pub(crate) struct Player {
    pub(crate) disk: SimDisk,
    pub(crate) model: Model,
    pub(crate) node: Option<Node>,
    /// The catalog's file as it was at some time.
    pub(crate) old_catalog: Option<Vec<u8>>,
    seed: u64,
    random: Random,
    lies: bool,
    epoch: u64,
    position: u32,
    surrogate: u32,
}

/// Opens the node that is on the disk.
pub(crate) fn open_node(disk: &SimDisk, seed: u64, lies: bool) -> Fallible<Node> {
    let config = Config::on(disk.storage()).segment_bytes(Config::SEGMENT_BYTES_MIN);
    let wal = WalManager::open(NodeConfig::from(config))?;
    let catalog = Catalog::open_on(NAME, Box::new(DiskFile::open(disk, seed, lies)?))?;
    Ok(Node::on(wal, catalog)?)
}

impl Player {
    pub(crate) fn new(seed: u64, lies: bool) -> Self {
        Self {
            disk: SimDisk::new(seed),
            model: Model::default(),
            node: None,
            old_catalog: None,
            seed,
            random: Random::new(seed),
            lies,
            epoch: 1,
            position: 0,
            surrogate: 0,
        }
    }

    /// Lives for so many steps, or until something fails.
    pub(crate) fn live(&mut self, steps: usize) -> Fallible<()> {
        self.node = Some(open_node(&self.disk, self.seed, self.lies)?);
        let nobody = Place {
            tenant: 0,
            database: 0,
            vshard: 0,
        };
        // Nothing goes before the engine and the archive have it.
        let first = [ENGINE_HOLD, ARCHIVE].map(|name| {
            let name = name.to_owned();
            (
                nobody,
                Said::Hold {
                    name,
                    needs: Some(1),
                },
            )
        });
        self.say(first.to_vec(), true)?;
        for _ in 0..steps {
            match self.draw() {
                Step::Say { batch, commit } => self.say(batch, commit)?,
                Step::Do(deed) => self.carry_out(deed)?,
            }
        }
        Ok(())
    }

    fn draw(&mut self) -> Step {
        let random = &mut self.random;
        let place = Place {
            tenant: 1 + random.below(TENANTS),
            database: 1 + random.below(DATABASES),
            vshard: 1 + u32::try_from(random.below(2)).unwrap(),
        };
        let next = self.model.last() + 1;
        let mut write = || Write {
            collection: random.pick(&COLLECTIONS).to_owned(),
            key: u8::try_from(random.below(KEYS.into())).unwrap(),
            value: random.bits(),
        };
        let (first, second) = (write(), write());
        let collection = first.collection.clone();
        let here = |said: Said| vec![(place, said)];
        let batch = match random.below(100) {
            0..16 => here(Said::Put(first)),
            16..22 => vec![(place, Said::Put(first)), (place, Said::Put(second))],
            22..30 => here(Said::Transaction(vec![first, second])),
            30..35 => here(Said::Drop {
                collection,
                purge: next - random.below(3).min(next - 1),
            }),
            35..39 => here(Said::Abort {
                lsn: next.saturating_sub(1 + random.below(3)).max(1),
            }),
            39..45 => {
                self.surrogate += 1;
                let (surrogate, key) = (self.surrogate, first.key);
                here(Said::Bind {
                    collection,
                    surrogate,
                    key,
                })
            }
            45..47 => {
                let first = self.surrogate + 1;
                self.surrogate += 16;
                here(Said::Alloc { first, count: 16 })
            }
            47..55 => {
                self.position += 1;
                let (epoch, position) = (self.epoch, self.position);
                let mark = Said::Calvin { epoch, position };
                [Said::Put(first), Said::Put(second), mark]
                    .map(|said| (place, said))
                    .to_vec()
            }
            55..58 => {
                let epoch = self.epoch;
                self.epoch += 1;
                here(Said::CalvinSeal { epoch })
            }
            58..61 => here(Said::Flush {
                collection,
                watermark: next - 1,
            }),
            61..65 => here(Said::Purge {
                collection,
                purged: next,
            }),
            65..68 => here(Said::Offset {
                partition: u32::from(first.key),
                offset: next,
            }),
            68..73 => here(Said::Checkpoint {
                lsn: self.model.acknowledged,
            }),
            73..79 => {
                let start = self.model.start_may.max(1);
                let ahead = start + random.below(next + 1 - start);
                let needs = (!random.percent(8)).then_some(ahead);
                let name = ARCHIVE.to_owned();
                here(Said::Hold { name, needs })
            }
            79..84 => return Step::Do(Deed::Rotate),
            84..88 => return Step::Do(Deed::Fold),
            88..93 => return Step::Do(Deed::Truncate),
            93..95 => return Step::Do(Deed::Seal),
            number => return Step::Do(Deed::Reopen { clean: number > 97 }),
        };
        // What steers truncation is on disk before truncation goes by it.
        let steers = |said: &Said| matches!(said, Said::Hold { .. } | Said::Checkpoint { .. });
        let commit = batch.iter().any(|(_, said)| steers(said)) || random.percent(60);
        Step::Say { batch, commit }
    }

    pub(crate) fn say(&mut self, said: Vec<(Place, Said)>, commit: bool) -> Fallible<()> {
        let node = self.node.as_ref().ok_or("no node")?;
        let mut batch = Batch::in_epoch(epoch_of(&said));
        for (place, said) in &said {
            push(&mut batch, place, said)?;
        }
        let lsns = node.wal().append_batch(&batch)?;
        self.model.say(said);
        assert_eq!(lsns.last.value(), self.model.last(), "LSNs are dense");
        if commit {
            node.wal().commit(lsns.last)?;
            self.model.acknowledge();
        }
        Ok(())
    }

    fn carry_out(&mut self, deed: Deed) -> Fallible<()> {
        let node = self.node.as_ref().ok_or("no node")?;
        match deed {
            Deed::Rotate => {
                node.wal().rotate()?;
                self.model.acknowledge();
            }
            Deed::Fold => drop(node.fold()?),
            Deed::Seal => drop(node.seal_audit()?),
            Deed::Truncate => {
                self.model.start_may = self.model.start_may.max(self.model.lowest_hold());
                let done = node.truncate_to_holds()?;
                if let Truncation::Done { truncated, .. } = done {
                    self.model.start_must = truncated.start_lsn.value();
                }
            }
            Deed::Reopen { clean } => return self.reopen(clean),
        }
        self.learn_what_the_node_said();
        Ok(())
    }

    /// Whatever the node writes by itself is a seal, and durable when the call returns.
    fn learn_what_the_node_said(&mut self) {
        let Some(node) = &self.node else { return };
        if node.wal().next_lsn().value() > self.model.last() + 1 {
            self.model.say([(nobody(), Said::AuditSeal)]);
            self.model.acknowledge();
        }
        assert_eq!(node.wal().next_lsn().value(), self.model.last() + 1);
    }

    pub(crate) fn reopen(&mut self, clean: bool) -> Fallible<()> {
        let node = self.node.take().ok_or("no node")?;
        if clean {
            let appended = self.model.last();
            node.close()?;
            self.model.acknowledge();
            let file = self.disk.read_file(NAME)?;
            self.old_catalog
                .get_or_insert_with(|| file[LEAD..].to_vec());
            self.node = Some(open_node(&self.disk, self.seed, self.lies)?);
            let node = self.node.as_ref().ok_or("no node")?;
            if node.wal().durable_lsn().value() == appended + 1 {
                self.learn_what_the_node_said();
            }
        } else {
            drop(node);
            self.node = Some(open_node(&self.disk, self.seed, self.lies)?);
        }
        let node = self.node.as_ref().ok_or("no node")?;
        let last = node.wal().durable_lsn().value();
        if !self.model.may_end_at(last) {
            return Err(format!("reopened, the log ends at {last}").into());
        }
        self.model.end_at(last);
        Ok(())
    }
}

pub(crate) fn nobody() -> Place {
    Place {
        tenant: 0,
        database: 0,
        vshard: 0,
    }
}

/// A batch is of one epoch.
fn epoch_of(batch: &[(Place, Said)]) -> Epoch {
    let epochs = batch.iter().filter_map(|(_, said)| match said {
        Said::Calvin { epoch, .. } | Said::CalvinSeal { epoch } => Some(*epoch),
        _ => None,
    });
    epochs.last().map_or(Epoch::NONE, Epoch::new)
}

fn put(write: &Write) -> Put {
    Put {
        collection: write.collection.clone(),
        key: vec![write.key],
        value: write.value.to_le_bytes().to_vec(),
    }
}

/// Adds what is said as the typed payload it is.
fn push(batch: &mut Batch, place: &Place, said: &Said) -> Fallible<()> {
    let (t, d) = (TenantId::new(place.tenant), DatabaseId::new(place.database));
    let v = VshardId::new(place.vshard);
    match said.clone() {
        Said::Put(write) => batch.push(t, v, d, &put(&write))?,
        Said::Transaction(writes) => {
            let operations = writes.iter().map(|write| Operation::new(&put(write)));
            let operations = operations.collect::<Result<_, _>>()?;
            batch.push(t, v, d, &Transaction { operations })?;
        }
        Said::Drop { collection, purge } => {
            let purge_lsn = Lsn::new(purge);
            batch.push(
                t,
                v,
                d,
                &CollectionTombstoned {
                    collection,
                    purge_lsn,
                },
            )?;
        }
        Said::Abort { lsn } => {
            let (lsn, reason) = (Lsn::new(lsn), "test".to_owned());
            batch.push(t, v, d, &WriteAborted { lsn, reason })?;
        }
        Said::Flush {
            collection,
            watermark,
        } => {
            let (array, watermark) = ("a".to_owned(), Lsn::new(watermark));
            batch.push(
                t,
                v,
                d,
                &ArrayFlush {
                    collection,
                    array,
                    watermark,
                },
            )?;
        }
        Said::Checkpoint { lsn } => {
            let (engine, lsn) = (ENGINE.to_owned(), Lsn::new(lsn));
            batch.push(t, v, d, &Checkpoint { engine, lsn })?;
        }
        Said::Hold { name, needs } => {
            let needs = needs.map(Lsn::new);
            batch.push(t, v, d, &Hold { name, needs })?;
        }
        Said::Offset { partition, offset } => {
            let (source, watermark) = ("s".to_owned(), None);
            let offsets = vec![PartitionOffset { partition, offset }];
            batch.push(
                t,
                v,
                d,
                &CommitOffsets {
                    source,
                    offsets,
                    watermark,
                },
            )?;
        }
        said => push_rest(batch, place, said)?,
    }
    Ok(())
}

fn push_rest(batch: &mut Batch, place: &Place, said: Said) -> Fallible<()> {
    let (t, d) = (TenantId::new(place.tenant), DatabaseId::new(place.database));
    let v = VshardId::new(place.vshard);
    match said {
        Said::Calvin { epoch, position } => {
            let (epoch, vshard) = (Epoch::new(epoch), v);
            batch.push(
                t,
                v,
                d,
                &CalvinApplied {
                    epoch,
                    position,
                    vshard,
                },
            )?;
        }
        Said::CalvinSeal { epoch } => {
            let seal = CalvinSeal {
                epoch: Epoch::new(epoch),
                vshard: v,
                transactions: 1,
                records: 2,
                digest: 3,
            };
            batch.push(t, v, d, &seal)?;
        }
        Said::Alloc { first, count } => {
            let collection = None;
            batch.push(
                t,
                v,
                d,
                &SurrogateAlloc {
                    collection,
                    first,
                    count,
                },
            )?;
        }
        Said::Bind {
            collection,
            surrogate,
            key,
        } => {
            let primary_key = vec![key];
            batch.push(
                t,
                v,
                d,
                &SurrogateBind {
                    collection,
                    surrogate,
                    primary_key,
                },
            )?;
        }
        Said::Purge { collection, purged } => {
            let (engine, cutoff) = (ENGINE.to_owned(), Timestamp::from_nanos(5));
            batch.push(
                t,
                v,
                d,
                &TemporalPurge {
                    collection,
                    engine,
                    cutoff,
                    purged,
                },
            )?;
        }
        other => return Err(format!("{other:?} is not for saying").into()),
    }
    Ok(())
}
