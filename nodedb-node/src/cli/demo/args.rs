//! What a demo and its writer can be told.

use std::path::PathBuf;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};
use nodedb_wal::storage::IoMode;

#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct DemoArgs {
    /// The log's directory, kept at the end; a log that is there is gone on with. Without it, a
    /// temporary one that is removed.
    #[arg(long, value_name = "DIR")]
    pub(super) dir: Option<PathBuf>,
    /// Each round's writer is killed at a random moment within this time.
    #[arg(long, default_value = "2", value_parser = seconds)]
    pub(super) seconds: f64,
    /// Threads that write.
    #[arg(long, default_value = "8", value_parser = RangedU64ValueParser::<u32>::new().range(1..=256))]
    pub(super) threads: u32,
    /// How often a writer is started and killed, all on one log.
    #[arg(long, default_value = "3", value_parser = RangedU64ValueParser::<u32>::new().range(1..=100_000))]
    pub(super) rounds: u32,
    /// How bytes get to the disk. Direct turns buffered where the file system refuses it.
    #[arg(long, value_enum, default_value_t = Io::Direct)]
    pub(super) io: Io,
    /// What all content and every moment of death follow from. Without it, drawn and printed.
    #[arg(long)]
    pub(super) seed: Option<u64>,
}

#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct WorkerArgs {
    #[arg(long)]
    pub(super) dir: PathBuf,
    #[arg(long)]
    pub(super) threads: u32,
    #[arg(long)]
    pub(super) round: u32,
    #[arg(long)]
    pub(super) seed: u64,
    #[arg(long, value_enum)]
    pub(super) io: Io,
}

/// An I/O mode, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Io {
    Direct,
    Buffered,
}

impl Io {
    pub(super) const fn mode(self) -> IoMode {
        match self {
            Self::Direct => IoMode::Direct,
            Self::Buffered => IoMode::Buffered,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Buffered => "buffered",
        }
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("a number of seconds, above 0 and at most 86400".to_owned()),
    }
}
