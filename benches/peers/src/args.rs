//! What the benchmark can be told.

use std::path::PathBuf;

use clap::Parser;
use clap::builder::RangedU64ValueParser;

use crate::peer::Kind;
use crate::peers;
use crate::task::Task;

/// Runs the same workloads on this log and on others, one after the other within each round, and prints
/// how they compare.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// The directory to measure on; a subdirectory of it is made, and removed at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
    /// How long each row of commits takes in each round, after it has warmed up.
    #[arg(long, value_name = "N", default_value = "1", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// How often everything is measured; the medians are printed.
    #[arg(long, value_name = "N", default_value = "3", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000))]
    pub(crate) runs: u32,
    /// MiB of payload of each stream, replay and open.
    #[arg(long, value_name = "N", default_value = "1024", value_parser = RangedU64ValueParser::<u32>::new().range(1..=65_536))]
    pub(crate) mib: u32,
    /// Only this peer, this workload, or this workload of this peer: `okaywal`, `/commit-4`,
    /// `ours/stream`. May be given several times.
    #[arg(long, value_name = "PEER/WORKLOAD", num_args = 1.., value_delimiter = ',', value_parser = pattern)]
    pub(crate) only: Vec<Pattern>,
    /// Adds the rows of an earlier run, from what it wrote with `--json`.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(crate) add: Vec<PathBuf>,
    /// Measures nothing: only prints what `--add` brings.
    #[arg(long, requires = "add")]
    pub(crate) print_only: bool,
    /// Writes every figure of every round as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes the tables as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

/// Which peers and which workloads; an empty name is all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    peer: String,
    task: String,
}

impl Pattern {
    fn names(&self, kind: &Kind, task: Task) -> bool {
        (self.peer.is_empty() || self.peer == kind.name)
            && (self.task.is_empty() || task.is_named_by(&self.task))
    }
}

impl Args {
    /// Whether `--only` leaves this in.
    pub(crate) fn wants(&self, kind: &Kind, task: Task) -> bool {
        let is_possible = task != Task::Open || kind.opens();
        is_possible && (self.only.is_empty() || self.only.iter().any(|only| only.names(kind, task)))
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(seconds),
        _ => Err("a number of seconds, above 0 and at most 3600".to_owned()),
    }
}

fn pattern(text: &str) -> Result<Pattern, String> {
    let (peer, task) = text.split_once('/').unwrap_or((text, ""));
    let pattern = Pattern {
        peer: peer.to_owned(),
        task: task.to_owned(),
    };
    let all = Task::all();
    let is_somebody = peers::ALL
        .iter()
        .any(|kind| all.iter().any(|task| pattern.names(kind, *task)));
    if is_somebody {
        return Ok(pattern);
    }
    let peers: Vec<&str> = peers::ALL.iter().map(|kind| kind.name).collect();
    let tasks: Vec<String> = all.iter().map(Task::name).collect();
    let (peers, tasks) = (peers.join(", "), tasks.join(", "));
    Err(format!(
        "there are the peers {peers}; the workloads {tasks}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(only: &str) -> Vec<String> {
        let line = ["peers", "--dir", "d", "--only", only];
        let args = Args::try_parse_from(line).unwrap();
        let mut wanted = Vec::new();
        for kind in peers::ALL {
            for task in Task::all() {
                if args.wants(kind, task) {
                    wanted.push(format!("{}/{}", kind.name, task.name()));
                }
            }
        }
        wanted
    }

    #[test]
    fn a_pattern_names_a_peer_a_workload_or_both() {
        assert_eq!(wanted("okaywal/commit-4"), ["okaywal/commit-4"]);
        assert_eq!(wanted("okaywal/commit").len(), 5);
        assert_eq!(wanted("okaywal").len(), Task::all().len());
        assert_eq!(wanted("/commit-64").len(), peers::ALL.len());
        assert_eq!(
            wanted("/open").len(),
            peers::ALL.len() - 1,
            "the disk has none"
        );
    }

    #[test]
    fn a_name_that_nobody_has_is_refused() {
        for only in ["nobody", "okaywal/nothing", "/commi"] {
            let line = ["peers", "--dir", "d", "--only", only];
            assert!(Args::try_parse_from(line).is_err(), "{only}");
        }
    }
}
