//! Logs at rest to be damaged, and the damages.

use std::sync::Arc;

use nodedb_tests::model::{Content, Model};
use nodedb_tests::player::{Door, config};
use nodedb_tests::random::Random;
use nodedb_tests::scan::Scan;
use nodedb_wal::storage::sim::SimDisk;
use nodedb_wal::{Log, TailPolicy};

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    Bit(u64, u8),
    Zeros(u64),
    Garbage(u64),
    Stale(u64, usize),
}

impl Damage {
    pub(crate) fn happen(self, disk: &SimDisk, name: &str) {
        let done = match self {
            Self::Bit(offset, bit) => disk.flip_bit(name, offset, bit),
            Self::Zeros(sector) => disk.zero_sector(name, sector),
            Self::Garbage(sector) => {
                disk.patch(name, sector * 512, &Random::new(sector).bytes(512))
            }
            Self::Stale(sector, version) => disk.make_stale(name, sector, version),
        };
        done.unwrap();
    }
}

/// A log at rest.
pub(crate) struct Subject {
    pub(crate) disk: SimDisk,
    pub(crate) tail_policy: TailPolicy,
    pub(crate) model: Model,
    /// Its segments, in order, and whether the last is sealed.
    pub(crate) scans: Vec<(String, Scan)>,
    pub(crate) is_closed: bool,
    pub(crate) length: Length,
}

/// How long the last segment is, in rounds of writes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// All of it counts as its last writes.
    Short,
    /// The same, and something vouches for the last write.
    Witnessed,
    /// Most of it is in front of its last writes.
    Long,
}

impl Length {
    fn rounds(self, tail_policy: TailPolicy) -> usize {
        match (self, tail_policy) {
            (Self::Short | Self::Witnessed, _) => 1,
            (Self::Long, TailPolicy::Rewrite) => 9,
            (Self::Long, TailPolicy::Pad) => 2,
        }
    }
}

/// Two sealed segments and a third, which is sealed or not; each of several writes, with batches.
pub(crate) fn subject(tail_policy: TailPolicy, is_closed: bool, length: Length) -> Subject {
    let disk = SimDisk::new(3);
    let mut random = Random::new(4);
    let mut model = Model::new();
    let log = Log::open(config(&disk, Door::HONEST, tail_policy)).unwrap();
    for segment in 0..3 {
        let rounds = if segment < 2 {
            1
        } else {
            length.rounds(tail_policy)
        };
        let round = [&[40][..], &[200], &[10, 700, 30], &[0], &[90, 0], &[600]];
        for batch in round.repeat(rounds) {
            let contents: Vec<_> = batch
                .iter()
                .map(|len| Arc::new(Content::put(&random.bytes(*len))))
                .collect();
            let records: Vec<_> = contents.iter().map(|content| content.record()).collect();
            model
                .appended(&contents, log.append_batch(&records).unwrap())
                .unwrap();
            let durable = log.sync().unwrap();
            model.acknowledge(durable.lsn()).unwrap();
        }
        if segment < 2 {
            log.rotate().unwrap();
        }
    }
    // Waits for the seal of a segment that filled up: only the last one is to be unsealed.
    log.segments().unwrap();
    if length == Length::Witnessed {
        assert!(log.witness().unwrap() && !log.witness().unwrap());
    }
    if is_closed {
        log.close().unwrap();
    }
    let names = disk
        .names()
        .into_iter()
        .filter(|name| name.starts_with("wal-0"));
    let scans = names
        .map(|name| {
            let scan = Scan::of(&disk.read_file(&name).unwrap()).unwrap();
            (name, scan)
        })
        .collect();
    Subject {
        disk,
        tail_policy,
        model,
        scans,
        is_closed,
        length,
    }
}
