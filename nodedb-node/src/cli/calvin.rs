//! `calvin`: which transactions were applied on each vshard, and what sealed epochs come to.

use std::path::PathBuf;

use clap::Args;
use nodedb_wal::types::{Epoch, VshardId};
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::calvin_compare;
use super::error::CliError;
use super::look::look;
use super::text::{self, Column};
use super::values::vshard;
use crate::control::{EpochTally, VshardProgress};

#[derive(Debug, Args)]
pub(super) struct CalvinArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    pub(super) wal: PathBuf,
    /// The catalog; without it, `catalog.redb` in the log's directory.
    #[arg(long, value_name = "FILE")]
    pub(super) catalog: Option<PathBuf>,
    /// Only this vshard.
    #[arg(long, value_parser = vshard)]
    pub(super) vshard: Option<VshardId>,
    /// Compare the epochs that are sealed with those of a replica, whose log is in this directory.
    /// Exits 2 when the two applied something else.
    #[arg(long, value_name = "DIR")]
    with: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Progress {
    wal: PathBuf,
    applied_lsn: u64,
    vshards: Vec<Vshard>,
}

#[derive(Debug, Serialize)]
struct Vshard {
    vshard: u32,
    /// Every transaction up to this epoch was applied; 0 when no epoch ended.
    watermark: u64,
    /// The watermark's epoch.
    sealed: Option<EpochFacts>,
    /// Later epochs.
    open: Vec<EpochFacts>,
}

#[derive(Debug, Serialize)]
struct EpochFacts {
    epoch: u64,
    transactions: u64,
    records: u64,
    digest: String,
    /// The positions that were applied, of an epoch that is not sealed.
    positions: Option<Vec<[u32; 2]>>,
}

pub(super) fn run(args: &CalvinArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    if let Some(with) = &args.with {
        return calvin_compare::run(args, with, output);
    }
    let (_, catalog) = look(&args.wal, args.catalog.as_ref())?;
    let calvin = catalog.control_state()?.calvin;
    let vshards = calvin
        .iter()
        .filter(|(vshard, _)| args.vshard.is_none_or(|wanted| wanted == *vshard))
        .map(|(vshard, progress)| Vshard::new(vshard, progress))
        .collect();
    output.answer(&Progress {
        wal: args.wal.clone(),
        applied_lsn: catalog.applied().value(),
        vshards,
    })?;
    Ok(Outcome::Fine)
}

impl Vshard {
    fn new(vshard: VshardId, progress: &VshardProgress) -> Self {
        let sealed = progress.seal.map(|seal| EpochFacts {
            epoch: seal.epoch.value(),
            transactions: seal.transactions,
            records: seal.records,
            digest: format!("{:016x}", seal.digest),
            positions: None,
        });
        let open = progress.tallies.iter();
        Self {
            vshard: vshard.value(),
            watermark: progress.watermark.value(),
            sealed,
            open: open
                .map(|(epoch, tally)| EpochFacts::of_open(*epoch, tally, progress))
                .collect(),
        }
    }
}

impl EpochFacts {
    fn of_open(epoch: Epoch, tally: &EpochTally, progress: &VshardProgress) -> Self {
        let applied = progress.applied.iter().filter(|at| at.epoch == epoch);
        Self {
            epoch: epoch.value(),
            transactions: tally.transactions,
            records: tally.records,
            digest: format!("{:016x}", tally.digest),
            positions: Some(runs(applied.map(|at| at.position))),
        }
    }

    fn cells(&self, vshard: u32) -> [String; 6] {
        let positions = self.positions.as_ref().map(|runs| {
            let texts: Vec<String> = runs.iter().map(|run| run_text(*run)).collect();
            texts.join(", ")
        });
        [
            vshard.to_string(),
            self.epoch.to_string(),
            text::count(self.transactions),
            text::count(self.records),
            self.digest.clone(),
            positions.unwrap_or_else(|| "all: sealed".to_owned()),
        ]
    }
}

/// Positions, which rise, as first and last of each row without a gap.
fn runs(positions: impl Iterator<Item = u32>) -> Vec<[u32; 2]> {
    let mut runs: Vec<[u32; 2]> = Vec::new();
    for position in positions {
        match runs.last_mut() {
            Some([_, last]) if position.checked_sub(1) == Some(*last) => *last = position,
            _ => runs.push([position; 2]),
        }
    }
    runs
}

fn run_text([first, last]: [u32; 2]) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}..={last}")
    }
}

impl Answer for Progress {
    fn text(&self) -> String {
        use Column::{Left, Right};
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("up to LSN", self.applied_lsn.to_string()),
        ]);
        let columns = [
            Right("vshard"),
            Right("epoch"),
            Right("transactions"),
            Right("records"),
            Left("digest"),
            Left("positions"),
        ];
        let epochs = self.vshards.iter().flat_map(|vshard| {
            let all = vshard.sealed.iter().chain(&vshard.open);
            all.map(|epoch| epoch.cells(vshard.vshard))
        });
        format!("{facts}\n\n{}", text::table(&columns, epochs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_shown_in_runs() {
        assert_eq!(runs([].into_iter()), Vec::<[u32; 2]>::new());
        let found = runs([0, 1, 2, 5, 7, 8].into_iter());
        assert_eq!(found, [[0, 2], [5, 5], [7, 8]]);
        let texts: Vec<String> = found.into_iter().map(run_text).collect();
        assert_eq!(texts, ["0..=2", "5", "7..=8"]);
    }
}
