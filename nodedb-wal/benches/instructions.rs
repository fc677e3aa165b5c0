//! How many instructions the parts of the log take: one run of each workload of `support::all`
//! under callgrind, which counts the same number each time, compared with the numbers in
//! `benches/instructions.txt`. Started by `scripts/instructions`.
//!
//! Exit codes: 0 fine, 1 something takes more than 5 % more or could not be counted, 3 the stored
//! numbers were counted with other tools and say nothing here.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark whose workload fails has nothing to report"
)]

mod counting;
mod support;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let option = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).cloned()
    };
    if let Some(name) = option("--run") {
        let idle_rounds = option("--idle").and_then(|rounds| rounds.parse().ok());
        counting::run_one(&name, idle_rounds.unwrap_or_default());
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--planted") {
        return counting::report(counting::check_planted());
    }
    let answer = match (option("--accept"), option("--compare")) {
        (Some(file), _) => counting::accept(file.as_ref()),
        (None, Some(file)) => counting::compare(file.as_ref()),
        (None, None) => Ok(counting::Outcome::Usage),
    };
    counting::report(answer)
}
