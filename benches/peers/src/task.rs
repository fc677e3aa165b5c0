//! What there is to measure, and the steps it takes, each in a process of its own.

use serde::{Deserialize, Serialize};

/// Threads of the rows of commits.
const THREADS: [usize; 5] = [1, 4, 16, 64, 256];
/// Payloads of the streams and replays, and what they are called.
const PAYLOADS: [(usize, &str); 4] = [(64, "64"), (256, "256"), (4 << 10, "4k"), (64 << 10, "64k")];
/// The payload that is replayed cold too.
const COLD_BYTES: usize = 4 << 10;

/// One workload; a stream comes with the replay of what it wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Commit { threads: usize },
    Stream { payload_bytes: usize },
    Open,
}

/// What one process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Measures commits in an empty directory.
    Commit { threads: usize },
    /// Measures a stream in an empty directory, and leaves what it wrote.
    Stream { payload_bytes: usize },
    /// Measures a replay of what a stream wrote.
    Replay { payload_bytes: usize, cache: Cache },
    /// Leaves a log to be opened, closed.
    Fill,
    /// Opens it, appends some more, makes it durable, and waits to be killed.
    Crash,
    /// Measures opening it up to a first durable record, and closes it.
    Open { left: Left },
}

/// What the page cache holds of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Cache {
    Cold,
    Warm,
}

/// How the last process left a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Left {
    Crashed,
    Closed,
}

impl Task {
    /// Everything, in the order in which it runs.
    pub(crate) fn all() -> Vec<Self> {
        // Small writes before large ones: some disks grant so many bytes, then slow down.
        let mut all: Vec<Self> = THREADS.map(|threads| Self::Commit { threads }).into();
        all.extend(PAYLOADS.map(|(payload_bytes, _)| Self::Stream { payload_bytes }));
        all.push(Self::Open);
        all
    }

    /// What it is called on the command line.
    pub(crate) fn name(&self) -> String {
        match *self {
            Self::Commit { threads } => format!("commit-{threads}"),
            Self::Stream { payload_bytes } => format!("stream-{}", short(payload_bytes)),
            Self::Open => "open".to_owned(),
        }
    }

    /// Whether `text` is its name or the first words of it.
    pub(crate) fn is_named_by(&self, text: &str) -> bool {
        let name = self.name();
        let rest = name.strip_prefix(text);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }

    /// The steps in order; those of [`Task::Open`] find a log that was filled before.
    pub(crate) fn steps(&self) -> Vec<Step> {
        match *self {
            Self::Commit { threads } => vec![Step::Commit { threads }],
            Self::Stream { payload_bytes } => {
                let replay = |cache| Step::Replay {
                    payload_bytes,
                    cache,
                };
                let mut steps = vec![Step::Stream { payload_bytes }, replay(Cache::Warm)];
                if payload_bytes == COLD_BYTES {
                    steps.push(replay(Cache::Cold));
                }
                steps
            }
            Self::Open => vec![
                Step::Crash,
                Step::Open {
                    left: Left::Crashed,
                },
                Step::Open { left: Left::Closed },
            ],
        }
    }
}

impl Step {
    /// The row its figures go to; a step that measures nothing has one for its failures.
    pub(crate) fn row(&self) -> String {
        match *self {
            Self::Commit { threads } => format!("commit-{threads}"),
            Self::Stream { payload_bytes } => format!("stream-{}", short(payload_bytes)),
            Self::Replay {
                payload_bytes,
                cache,
            } => {
                let cache = match cache {
                    Cache::Cold => "cold",
                    Cache::Warm => "warm",
                };
                format!("replay-{}-{cache}", short(payload_bytes))
            }
            Self::Fill => "fill".to_owned(),
            Self::Crash => "crash".to_owned(),
            Self::Open {
                left: Left::Crashed,
            } => "open-crashed".to_owned(),
            Self::Open { left: Left::Closed } => "open-closed".to_owned(),
        }
    }
}

fn short(payload_bytes: usize) -> &'static str {
    let found = PAYLOADS.iter().find(|(bytes, _)| *bytes == payload_bytes);
    found.map_or("other", |(_, name)| name)
}
