//! What is done to a log, and what its disk does meanwhile, drawn from a seed. Nothing is done here.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use nodedb_wal::storage::IoMode;
use nodedb_wal::storage::sim::{Fault, FaultPlan, ReadFault};
use nodedb_wal::{
    CollectionTag, DatabaseId, Epoch, RecordKind, Scope, TailPolicy, TenantId, VshardId,
};

use crate::model::Content;
use crate::random::Random;

/// One call, or two.
#[derive(Clone, Debug)]
pub enum Step {
    /// Append one record.
    Append(Arc<Content>),
    /// Append records that stand or fall together.
    Batch(Vec<Arc<Content>>),
    /// Commit the record that many before the last.
    Commit {
        /// How many.
        back: u64,
    },
    /// The same, as a future.
    CommitAsync {
        /// How many.
        back: u64,
    },
    /// Commit everything.
    Sync,
    /// Do nothing for a while, so that the log vouches for its last write.
    Idle,
    /// Read what one tenant has from this percentage of the log on.
    Read {
        /// Of all records ever appended.
        percent: u64,
        /// Whose.
        tenant: u64,
    },
    /// Read on where the last such step ended, with the same stream.
    Follow,
    /// Somebody without the lock reads everything.
    Bystander,
    /// Start a new segment.
    Rotate,
    /// Drop what is before this percentage of the log.
    Truncate {
        /// Of all records ever appended.
        percent: u64,
    },
    /// Close the log, or forget it, and open it again.
    Reopen {
        /// Whether it is closed first.
        clean: bool,
    },
    /// Close the log and open it again in the other I/O mode.
    SwitchIo,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Append(content) => {
                write!(f, "append {:?} of {}", content.kind, content.payload.len())
            }
            Self::Batch(contents) => {
                let lens: Vec<usize> = contents.iter().map(|c| c.payload.len()).collect();
                write!(f, "append a batch of {lens:?}")
            }
            other => write!(f, "{other:?}"),
        }
    }
}

/// A log's life.
#[derive(Clone, Debug)]
pub struct Workload {
    /// What it was drawn from.
    pub seed: u64,
    /// The log's setting.
    pub tail_policy: TailPolicy,
    /// The disk's setting.
    pub io_mode: IoMode,
    /// In order.
    pub steps: Vec<Step>,
    /// What the disk does that must make no difference: at which operation, and what.
    pub weather: Vec<(u64, Fault)>,
    /// The same, for reads.
    pub read_weather: Vec<(u64, ReadFault)>,
}

impl Workload {
    /// The life that `seed` stands for.
    #[must_use]
    pub fn draw(seed: u64, tail_policy: TailPolicy) -> Self {
        let mut random = Random::new(seed);
        let io_mode = random.pick(&[IoMode::Direct, IoMode::Direct, IoMode::Buffered]);
        // Some lives are of large records and many segments, some of small records in one.
        let large_percent = random.pick(&[0, 5, 40]);
        let count = 12 + random.index(30);
        let mut steps: Vec<Step> = (0..count)
            .map(|_| draw_step(&mut random, large_percent))
            .collect();
        if seed.is_multiple_of(4) {
            let at = random.index(steps.len());
            steps.insert(at, draw_large_batch(&mut random));
        }
        let gusts = random.pick(&[0, 0, 6, 20]);
        let weather = (0..gusts).map(|_| draw_weather(&mut random)).collect();
        let read_weather = (0..gusts)
            .map(|_| (random.below(400), draw_read_weather(&mut random)))
            .collect();
        Self {
            seed,
            tail_policy,
            io_mode,
            steps,
            weather,
            read_weather,
        }
    }

    /// The weather as a disk takes it.
    #[must_use]
    pub fn faults(&self) -> FaultPlan {
        FaultPlan {
            at: self.weather.iter().copied().collect(),
            reads_at: self.read_weather.iter().copied().collect(),
            ..FaultPlan::default()
        }
    }
}

fn draw_weather(random: &mut Random) -> (u64, Fault) {
    let hour = 3_600_000_000_000;
    let jump = i64::try_from(random.below(2 * hour)).unwrap_or(0);
    let fault = match random.below(4) {
        0 => Fault::Stall(Duration::from_millis(random.below(10_000))),
        1 => Fault::ClockJump(jump - 3_600_000_000_000),
        2 => Fault::Short,
        _ => Fault::Interrupted,
    };
    (random.below(150), fault)
}

fn draw_read_weather(random: &mut Random) -> ReadFault {
    random.pick(&[ReadFault::Short, ReadFault::Interrupted])
}

fn draw_step(random: &mut Random, large_percent: u64) -> Step {
    match random.below(100) {
        0..40 => Step::Append(draw_content(random, large_percent)),
        40..52 => {
            let count = 1 + random.index(6);
            let contents = (0..count).map(|_| draw_content(random, large_percent / 4));
            Step::Batch(contents.collect())
        }
        52..65 => Step::Commit {
            back: random.pick(&[0, 0, 0, 1, 3]),
        },
        65..70 => Step::CommitAsync {
            back: random.pick(&[0, 0, 2]),
        },
        70..74 => Step::Sync,
        74..75 => Step::Idle,
        75..77 => Step::Read {
            percent: random.below(110),
            tenant: random.below(5),
        },
        77..80 => Step::Follow,
        80..81 => Step::Bystander,
        81..87 => Step::Rotate,
        87..93 => Step::Truncate {
            percent: random.below(110),
        },
        93..95 => Step::SwitchIo,
        _ => Step::Reopen {
            clean: random.percent(50),
        },
    }
}

/// A batch that the buffer does not take, and perhaps no segment either.
fn draw_large_batch(random: &mut Random) -> Step {
    let bytes = random.pick(&[20_000, 50_000, 70_000, 130_000]);
    let mut left: usize = bytes;
    let contents = std::iter::from_fn(|| {
        let content = draw_content(random, 0);
        left = left.checked_sub(content.payload.len() + 64)?;
        Some(content)
    });
    Step::Batch(contents.collect())
}

/// A record of any kind, scope, epoch and size.
pub fn draw_content(random: &mut Random, large_percent: u64) -> Arc<Content> {
    let len = if random.percent(large_percent) {
        4096 + random.index(20_000)
    } else {
        match random.below(10) {
            0 => 0,
            1..7 => random.index(200),
            7..9 => random.index(4200),
            // The record and its frontier end about where a block does.
            _ => 4096 - 128 - 64 + 16 * random.index(8),
        }
    };
    let payload = if random.percent(10) {
        vec![0; len]
    } else {
        random.bytes(len)
    };
    Arc::new(Content {
        kind: random.pick(RecordKind::ALL),
        scope: Scope::new(
            TenantId::new(random.below(4)),
            DatabaseId::new(random.below(2)),
            VshardId::new(u32::try_from(random.below(8)).unwrap_or(0)),
        ),
        collection: random.pick(&[
            CollectionTag::NONE,
            CollectionTag::of("orders"),
            CollectionTag::of("events"),
        ]),
        epoch: Epoch::new(random.below(3)),
        payload,
        opaque: random.percent(50),
    })
}
