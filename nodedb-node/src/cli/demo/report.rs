//! What a demo comes to, for people and for programs.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::DemoArgs;
use super::aftermath::{Aftermath, Past};
use super::ledger::Ledger;
use super::round::Ran;
use crate::cli::answer::{Answer, Outcome};
use crate::cli::text::{self, Column};

#[derive(Debug, Serialize)]
pub(super) struct DemoReport {
    rounds: u32,
    seconds: f64,
    threads: u32,
    seed: u64,
    rerun: String,
    directory: PathBuf,
    /// Records that were in the log before.
    preexisting: u64,
    /// Records in the log that the demo wrote, acknowledged or not.
    records: u64,
    acked: u64,
    recovered: u64,
    lost: u64,
    invented: u64,
    filtered_tombstone: u64,
    filtered_epoch: u64,
    until_epoch: u64,
    filter_errors: u64,
    /// Records of the services' log that were acknowledged.
    services_acked: u64,
    /// Rows that were refused there, as their tenant's budget was used up.
    services_refused: u64,
    /// Where truncation to the holds has that log start.
    services_start_lsn: u64,
    services_errors: u64,
    commits: u64,
    commits_per_s: f64,
    /// The longest time a reopening took.
    recovery_ms: f64,
    segments: usize,
    problems: Vec<String>,
    each_round: Vec<RoundReport>,
}

#[derive(Debug, Serialize)]
struct RoundReport {
    round: u32,
    writing_ms: f64,
    acked: u64,
    recovered: u64,
    lost: u64,
    invented: u64,
    verdict: &'static str,
    dropped_records: u64,
    recovery_ms: f64,
    filtered_tombstone: u64,
    filtered_epoch: u64,
    filter_errors: u64,
}

impl DemoReport {
    pub(super) fn new(args: &DemoArgs, seed: u64, directory: PathBuf, past: Past) -> Self {
        let (rounds, seconds, threads) = (args.rounds, args.seconds, args.threads);
        Self {
            rounds,
            seconds,
            threads,
            seed,
            rerun: rerun(args, seed),
            directory,
            preexisting: past.records,
            records: 0,
            acked: 0,
            recovered: 0,
            lost: 0,
            invented: 0,
            filtered_tombstone: 0,
            filtered_epoch: 0,
            until_epoch: 0,
            filter_errors: 0,
            services_acked: 0,
            services_refused: 0,
            services_start_lsn: 0,
            services_errors: 0,
            commits: 0,
            commits_per_s: 0.0,
            recovery_ms: 0.0,
            segments: 0,
            problems: Vec::new(),
            each_round: Vec::new(),
        }
    }

    /// Takes in a round. Counts of records are of the whole log, so the last round's stand.
    pub(super) fn add(&mut self, round: u32, ran: Ran, ledger: &Ledger, after: Aftermath) {
        let findings = after.findings;
        let recovery_ms = text::millis(after.recovery);
        self.records = findings.records;
        self.acked = ledger.acknowledged();
        self.recovered = findings.recovered;
        self.lost = self.lost.max(findings.lost);
        self.invented = self.invented.max(findings.invented);
        self.filtered_tombstone = after.filtered_tombstone;
        self.filtered_epoch = after.filtered_epoch;
        self.until_epoch = after.until_epoch.value();
        self.filter_errors = self.filter_errors.max(after.filter_errors);
        self.services_acked = after.services.acknowledged;
        self.services_refused = ledger.services.refused;
        self.services_start_lsn = after.services.start.value();
        self.services_errors += after.services.problems.len() as u64;
        self.commits = ledger.commits();
        self.recovery_ms = self.recovery_ms.max(recovery_ms);
        self.segments = after.segments;
        let problems = findings.problems.into_iter();
        for problem in problems.chain(after.services.problems) {
            self.problems.push(format!("round {round}: {problem}"));
        }
        self.each_round.push(RoundReport {
            round,
            writing_ms: text::millis(ran.writing),
            acked: ledger.acknowledged(),
            recovered: findings.recovered,
            lost: findings.lost,
            invented: findings.invented,
            verdict: text::verdict(after.verdict),
            dropped_records: after.dropped_records,
            recovery_ms,
            filtered_tombstone: after.filtered_tombstone,
            filtered_epoch: after.filtered_epoch,
            filter_errors: after.filter_errors,
        });
        let writing: f64 = self.each_round.iter().map(|round| round.writing_ms).sum();
        let writing = Duration::from_secs_f64(writing / 1000.0);
        self.commits_per_s = text::per_second(self.commits, writing);
    }

    /// Whether everything acknowledged came back, nothing else did, and filters and services did their
    /// work.
    pub(super) fn outcome(&self) -> Outcome {
        let errors = [
            self.lost,
            self.invented,
            self.filter_errors,
            self.services_errors,
        ];
        if errors == [0; 4] {
            Outcome::Fine
        } else {
            Outcome::Damaged
        }
    }
}

/// The command that does the same again, to the moment of each kill.
fn rerun(args: &DemoArgs, seed: u64) -> String {
    let (rounds, seconds, threads) = (args.rounds, args.seconds, args.threads);
    let directory = args.dir.as_ref().map_or_else(String::new, |directory| {
        format!("--dir {} ", directory.display())
    });
    format!(
        "nodedb-node demo {directory}--rounds {rounds} --seconds {seconds} --threads {threads} \
         --io {} --seed {seed}",
        args.io.name()
    )
}

impl Answer for DemoReport {
    fn text(&self) -> String {
        use Column::{Left, Right};
        let rounds = text::table(
            &[
                Right("round"),
                Right("writing"),
                Right("acked so far"),
                Right("recovered"),
                Right("lost"),
                Right("invented"),
                Left("end of log"),
                Right("reopened in"),
                Right("by tombstone"),
                Right("by epoch"),
            ],
            self.each_round.iter().map(|round| {
                [
                    round.round.to_string(),
                    format!("{:.0} ms", round.writing_ms),
                    text::count(round.acked),
                    text::count(round.recovered),
                    round.lost.to_string(),
                    round.invented.to_string(),
                    round.verdict.to_owned(),
                    format!("{:.1} ms", round.recovery_ms),
                    text::count(round.filtered_tombstone),
                    text::count(round.filtered_epoch),
                ]
            }),
        );
        let facts = text::facts([
            ("directory", self.directory.display().to_string()),
            ("there before", text::count(self.preexisting)),
            ("records", text::count(self.records)),
            ("acknowledged", text::count(self.acked)),
            ("recovered", text::count(self.recovered)),
            ("lost", self.lost.to_string()),
            ("invented", self.invented.to_string()),
            ("filter errors", self.filter_errors.to_string()),
            (
                "services",
                format!(
                    "{} records acknowledged, {} over budget refused, {} errors, log starts at {}",
                    text::count(self.services_acked),
                    text::count(self.services_refused),
                    self.services_errors,
                    self.services_start_lsn
                ),
            ),
            (
                "commits",
                format!("{}, {:.0}/s", text::count(self.commits), self.commits_per_s),
            ),
            ("slowest reopening", format!("{:.1} ms", self.recovery_ms)),
            ("segments", self.segments.to_string()),
            ("to run it again", self.rerun.clone()),
        ]);
        let mut text = format!("{rounds}\n\n{facts}");
        for problem in &self.problems {
            text += "\nproblem: ";
            text += problem;
        }
        text
    }
}
