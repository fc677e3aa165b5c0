//! Whether the counts are as they were, and what is said about it.

use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use super::baseline::Baseline;
use super::callgrind::{Count, count_all, tools};

/// How much more is too much: one part in so many.
const GROWTH_MAX: u64 = 20;

/// How a run ended.
pub(crate) enum Outcome {
    Accepted,
    /// Lines for each workload, and how many of them take too much.
    Compared(Vec<String>, usize),
    /// The stored numbers were counted with the first, and here is the second.
    OtherTools(String, String),
    /// Lines for each slow-down that was planted, and how many were judged wrongly.
    Planted(Vec<String>, usize),
    Usage,
}

/// Counts, and stores the numbers in `file`.
pub(crate) fn accept(file: &Path) -> io::Result<Outcome> {
    Baseline::write(file, &tools()?, &count_all()?)?;
    Ok(Outcome::Accepted)
}

/// Counts, and compares with the numbers in `file`.
pub(crate) fn compare(file: &Path) -> io::Result<Outcome> {
    let baseline = Baseline::read(file)?;
    let here = tools()?;
    if baseline.tools != here {
        return Ok(Outcome::OtherTools(baseline.tools, here));
    }
    let counts = count_all()?;
    let judged = counts.iter().map(|count| {
        let stored = baseline.counts.get(&count.name).copied();
        (line(count, stored), is_too_much(count.instructions, stored))
    });
    let (lines, too_much): (Vec<String>, Vec<bool>) = judged.unzip();
    let gone = baseline
        .counts
        .keys()
        .filter(|name| counts.iter().all(|count| count.name != **name))
        .map(|name| format!("{name:36} is stored and no longer counted"));
    let failures = too_much.into_iter().filter(|&is| is).count();
    Ok(Outcome::Compared(
        lines.into_iter().chain(gone).collect(),
        failures,
    ))
}

/// More than 5 % above the stored number, or none is stored.
pub(super) fn is_too_much(count: u64, stored: Option<u64>) -> bool {
    stored.is_none_or(|stored| count > stored + stored / GROWTH_MAX)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a percentage for people to read"
)]
pub(super) fn line(count: &Count, stored: Option<u64>) -> String {
    let (name, instructions) = (&count.name, count.instructions);
    let each = instructions / count.operations;
    let Some(stored) = stored else {
        return format!("{name:36} {each:>9} each  NOT STORED: accept it");
    };
    let percent = 100.0 * (instructions as f64 / stored as f64 - 1.0);
    let remark = match is_too_much(instructions, Some(stored)) {
        true => "  TOO MUCH",
        false if percent < -5.0 => "  better: accept it",
        false => "",
    };
    let stored = stored / count.operations;
    format!("{name:36} {each:>9} each  stored {stored:>9}  {percent:+6.2} %{remark}")
}

/// Prints how it ended, and says with what code.
pub(crate) fn report(answer: io::Result<Outcome>) -> ExitCode {
    let (text, code) = match answer {
        Ok(Outcome::Accepted) => ("accepted".to_owned(), 0),
        Ok(Outcome::Compared(lines, 0)) => (lines.join("\n"), 0),
        Ok(Outcome::Compared(lines, failures)) => {
            let lines = lines.join("\n");
            (format!("{lines}\n{failures} take too much"), 1)
        }
        Ok(Outcome::Planted(lines, failures)) => {
            let lines = lines.join("\n");
            let verdict = match failures {
                0 => "what was planted is told as it is",
                _ => "WHAT WAS PLANTED IS NOT TOLD AS IT IS",
            };
            (format!("{lines}\n{verdict}"), u8::from(failures > 0))
        }
        Ok(Outcome::OtherTools(stored, here)) => {
            (format!("counted with: {stored}\nhere is:      {here}"), 3)
        }
        Ok(Outcome::Usage) => ("--compare FILE, --accept FILE or --planted".to_owned(), 1),
        Err(error) => (error.to_string(), 1),
    };
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => ExitCode::from(code),
        Err(_) => ExitCode::FAILURE,
    }
}
