//! A scripted life of a node on a simulated disk, and the model that is told the same.

use std::error::Error;

use nodedb_node::catalog::Catalog;
use nodedb_node::{Batch, Node, NodeConfig, Truncation, WalManager};
use nodedb_tests::random::Random;
use nodedb_wal::Config;
use nodedb_wal::storage::sim::SimDisk;

use crate::medium::{DiskFile, LEAD, NAME};
use crate::model::{ENGINE_HOLD, Model, Place, Said, Write};
use crate::say::{epoch_of, push};

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
        let deed = match self.random.below(100) {
            0..5 => Deed::Rotate,
            5..9 => Deed::Fold,
            9..14 => Deed::Truncate,
            14..16 => Deed::Seal,
            16..19 => Deed::Reopen { clean: false },
            19..21 => Deed::Reopen { clean: true },
            number => {
                let place = Place {
                    tenant: 1 + self.random.below(TENANTS),
                    database: 1 + self.random.below(DATABASES),
                    vshard: 1 + u32::try_from(self.random.below(2)).unwrap(),
                };
                let said = if number < 60 {
                    self.draw_data()
                } else {
                    self.draw_control()
                };
                // What steers truncation is on disk before truncation goes by it.
                let steers =
                    |said: &Said| matches!(said, Said::Hold { .. } | Said::Checkpoint { .. });
                let commit = said.iter().any(steers) || self.random.percent(60);
                let batch = said.into_iter().map(|said| (place, said)).collect();
                return Step::Say { batch, commit };
            }
        };
        Step::Do(deed)
    }

    fn draw_write(&mut self) -> Write {
        Write {
            collection: self.random.pick(&COLLECTIONS).to_owned(),
            key: self.draw_key(),
            value: self.random.bits(),
        }
    }

    fn draw_key(&mut self) -> u8 {
        u8::try_from(self.random.below(KEYS.into())).unwrap()
    }

    /// Rows, alone, together, and with the mark that they were applied.
    fn draw_data(&mut self) -> Vec<Said> {
        let (first, second) = (self.draw_write(), self.draw_write());
        match self.random.below(5) {
            0 | 1 => vec![Said::Put(first)],
            2 => vec![Said::Put(first), Said::Put(second)],
            3 => vec![Said::Transaction(vec![first, second])],
            _ => {
                self.position += 1;
                let (epoch, position) = (self.epoch, self.position);
                let mark = Said::Calvin { epoch, position };
                vec![Said::Put(first), Said::Put(second), mark]
            }
        }
    }

    fn draw_control(&mut self) -> Vec<Said> {
        let collection = self.random.pick(&COLLECTIONS).to_owned();
        let key = self.draw_key();
        let next = self.model.last() + 1;
        let back = self.random.below(3).min(next - 1);
        vec![match self.random.below(11) {
            0 => Said::Drop {
                collection,
                purge: next - back,
            },
            1 => Said::Abort {
                lsn: next.saturating_sub(1 + back).max(1),
            },
            2 | 3 => {
                self.surrogate += 1;
                let surrogate = self.surrogate;
                Said::Bind {
                    collection,
                    surrogate,
                    key,
                }
            }
            4 => {
                let first = self.surrogate + 1;
                self.surrogate += 16;
                Said::Alloc { first, count: 16 }
            }
            5 => {
                let epoch = self.epoch;
                self.epoch += 1;
                Said::CalvinSeal { epoch }
            }
            6 => Said::Flush {
                collection,
                watermark: next - 1,
            },
            7 => Said::Purge {
                collection,
                purged: next,
            },
            8 => Said::Offset {
                partition: u32::from(key),
                offset: next,
            },
            9 => Said::Checkpoint {
                lsn: self.model.acknowledged,
            },
            _ => self.draw_hold(next),
        }]
    }

    /// The archive moves on, or says for a while that it does not know.
    fn draw_hold(&mut self, next: u64) -> Said {
        let start = self.model.start_may.max(1);
        let ahead = start + self.random.below(next + 1 - start);
        let needs = (!self.random.percent(8)).then_some(ahead);
        let name = ARCHIVE.to_owned();
        Said::Hold { name, needs }
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
