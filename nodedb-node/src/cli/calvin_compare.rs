//! `calvin --with`: whether two replicas applied the same, as far as both have sealed it.

use std::path::{Path, PathBuf};

use nodedb_wal::types::VshardId;
use serde::Serialize;

use super::answer::{Answer, Outcome, Output};
use super::calvin::CalvinArgs;
use super::error::CliError;
use super::look::look;
use super::text::{self, Column};
use crate::audit::calvin_seals;
use crate::calvin::{SealComparison, VshardComparison, compare_replicas};

#[derive(Debug, Serialize)]
struct Comparison {
    wal: PathBuf,
    with: PathBuf,
    same: bool,
    vshards: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    vshard: u32,
    /// The last epoch that is sealed here; 0 when none is.
    sealed: u64,
    sealed_there: u64,
    /// Epochs that were compared.
    compared: u64,
    differs: Option<Difference>,
}

#[derive(Debug, Serialize)]
struct Difference {
    /// The first epoch that differs.
    epoch: u64,
    /// In what: transactions, records, or what these hold and their order.
    what: &'static str,
}

pub(super) fn run(
    args: &CalvinArgs,
    with: &Path,
    output: &mut Output<'_>,
) -> Result<Outcome, CliError> {
    let (reader, catalog) = look(&args.wal, args.catalog.as_ref())?;
    let ours = calvin_seals(Some(&catalog), &reader)?;
    let (reader, catalog) = look(with, None)?;
    let theirs = calvin_seals(Some(&catalog), &reader)?;
    let rows = compare_replicas(&ours, &theirs).into_iter();
    let is_wanted = |vshard: VshardId| args.vshard.is_none_or(|wanted| wanted == vshard);
    let rows = rows.filter(|row| is_wanted(row.vshard)).map(Row::new);
    let vshards: Vec<Row> = rows.collect();
    let answer = Comparison {
        wal: args.wal.clone(),
        with: with.to_owned(),
        same: vshards.iter().all(|row| row.differs.is_none()),
        vshards,
    };
    output.answer(&answer)?;
    Ok(if answer.same {
        Outcome::Fine
    } else {
        Outcome::Damaged
    })
}

impl Row {
    fn new(found: VshardComparison) -> Self {
        let differs = found.differs.map(|(epoch, what)| Difference {
            epoch: epoch.value(),
            what: name(what),
        });
        Self {
            vshard: found.vshard.value(),
            sealed: found.ours.value(),
            sealed_there: found.theirs.value(),
            compared: found.compared,
            differs,
        }
    }
}

const fn name(what: SealComparison) -> &'static str {
    match what {
        SealComparison::Same => "nothing",
        SealComparison::Unrelated => "epoch or vshard",
        SealComparison::Transactions => "number of transactions",
        SealComparison::Records => "number of records",
        SealComparison::Content => "records or their order",
    }
}

impl Answer for Comparison {
    fn text(&self) -> String {
        use Column::{Left, Right};
        let facts = text::facts([
            ("directory", self.wal.display().to_string()),
            ("with", self.with.display().to_string()),
            ("same", if self.same { "yes" } else { "NO" }.to_owned()),
        ]);
        let columns = [
            Right("vshard"),
            Right("sealed here"),
            Right("there"),
            Right("compared"),
            Left("first difference"),
        ];
        let rows = self.vshards.iter().map(|row| {
            let differs = row.differs.as_ref();
            let differs = differs.map(|found| format!("epoch {}: {}", found.epoch, found.what));
            [
                row.vshard.to_string(),
                row.sealed.to_string(),
                row.sealed_there.to_string(),
                text::count(row.compared),
                differs.unwrap_or_else(|| "none".to_owned()),
            ]
        });
        format!("{facts}\n\n{}", text::table(&columns, rows))
    }
}
