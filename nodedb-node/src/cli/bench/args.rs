//! What a benchmark can be told.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::work::{Work, chosen};

#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct BenchArgs {
    /// The directory to measure on; a subdirectory of it is made, and removed at the end.
    #[arg(long, value_name = "DIR")]
    pub(super) dir: PathBuf,
    /// How long each timed row takes in each round, after it has warmed up.
    #[arg(long, default_value = "2", value_parser = seconds)]
    pub(super) seconds: f64,
    /// How often everything is measured; the medians are printed.
    #[arg(long, default_value = "3", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_000))]
    pub(super) runs: u32,
    /// MiB of payload of each stream, replay and open.
    #[arg(long, value_name = "N", default_value = "1024", value_parser = RangedU64ValueParser::<u32>::new().range(1..=1_048_576))]
    pub(super) mib: u32,
    /// Only these workloads, one by one (`stream-4k`) or together (`commit`), and what they are
    /// compared with.
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = name)]
    pub(super) only: Vec<String>,
    /// Open a log of eight times the size too.
    #[arg(long)]
    pub(super) large: bool,
    /// Write the report as one page with plots.
    #[arg(long, value_name = "FILE")]
    pub(super) html: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 3600.0 => Ok(seconds),
        _ => Err("a number of seconds, above 0 and at most 3600".to_owned()),
    }
}

fn name(text: &str) -> Result<String, String> {
    let all = Work::all(true);
    if all.iter().any(|work| work.is_named_by(text)) {
        return Ok(text.to_owned());
    }
    let names: Vec<String> = all.iter().map(Work::name).collect();
    Err(format!("no workload; there are {}", names.join(", ")))
}

impl BenchArgs {
    /// What is to be measured, raw rows first.
    pub(super) fn works(&self) -> Vec<Work> {
        chosen(&self.only, self.large)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: BenchArgs,
    }

    fn parse(line: &str) -> Result<BenchArgs, clap::Error> {
        let words = std::iter::once("bench").chain(line.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args)
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let args = parse("--dir d").unwrap();
        assert_eq!((args.runs, args.mib, args.large), (3, 1024, false));
        assert!((args.seconds - 2.0).abs() < f64::EPSILON);
        assert_eq!(args.works(), Work::all(false));
    }

    #[test]
    fn names_are_given_apart_or_with_commas() {
        for line in [
            "--dir d --only commit-4 replay --seconds 0.5",
            "--dir d --only commit-4,replay --seconds 0.5",
        ] {
            assert_eq!(parse(line).unwrap().only, ["commit-4", "replay"], "{line}");
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "",
            "--dir d --seconds 0",
            "--dir d --seconds nan",
            "--dir d --runs 0",
            "--dir d --mib 0",
            "--dir d --only nonsense",
            "--dir d --only commi",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
