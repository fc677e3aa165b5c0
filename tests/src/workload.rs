//! What is done to a log, drawn from a seed. Nothing is done here.

use std::sync::Arc;

use nodedb_wal::storage::IoMode;
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
    /// Commit everything.
    Sync,
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
        let steps = (0..count)
            .map(|_| draw_step(&mut random, large_percent))
            .collect();
        Self {
            seed,
            tail_policy,
            io_mode,
            steps,
        }
    }
}

fn draw_step(random: &mut Random, large_percent: u64) -> Step {
    match random.below(100) {
        0..45 => Step::Append(draw_content(random, large_percent)),
        45..58 => {
            let count = 1 + random.index(6);
            let contents = (0..count).map(|_| draw_content(random, large_percent / 4));
            Step::Batch(contents.collect())
        }
        58..76 => Step::Commit {
            back: random.pick(&[0, 0, 0, 1, 3]),
        },
        76..82 => Step::Sync,
        82..88 => Step::Rotate,
        88..94 => Step::Truncate {
            percent: random.below(110),
        },
        _ => Step::Reopen {
            clean: random.percent(50),
        },
    }
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
