//! The program from start to end: parse, carry out, print, exit.

use std::ffi::{OsStr, OsString};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser as _;

use super::answer::{Answer as _, Outcome, Output};
use super::args::{Cli, Command};
use super::error::{CliError, Failure, exit_code};
use super::{
    audit, bench, calvin, checkpoint, consumers, demo, dump, holds, ingest, inspect, merge, replay,
    surrogates, tail, tenants, times, truncate, verify,
};

/// Runs the program with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Asked of the bare arguments, so that errors in them come as JSON too.
    let json = arguments
        .iter()
        .any(|argument| argument == OsStr::new("--json"));
    // Not locked: the threads of a demo's writer print too.
    let mut out = BufWriter::new(io::stdout());
    let mut output = Output::new(json, &mut out);
    let result =
        carry_out(arguments, &mut output).and_then(|outcome| output.flush().map(|()| outcome));
    let code = exit_code(&result);
    if let Err(error) = &result {
        // A complaint that cannot be printed has nowhere else to go; the exit code stays.
        let _unprinted = complain(error, code, &mut output, json);
    }
    ExitCode::from(code)
}

/// Whether `arguments`, the program's name first, are a command it takes. Nothing is carried out.
#[must_use]
pub fn takes(arguments: &[OsString]) -> bool {
    Cli::try_parse_from(arguments).is_ok()
}

fn carry_out(arguments: Vec<OsString>, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let cli = Cli::try_parse_from(arguments)?;
    match cli.command {
        Command::Demo(args) => demo::run(&args, output),
        Command::DemoWorker(args) => demo::work(&args),
        Command::Ingest(args) => ingest::run(&args, output),
        Command::Inspect(args) => inspect::run(&args, output),
        Command::Dump(args) => dump::run(&args, output),
        Command::Tail(args) => tail::run(&args, output),
        Command::Verify(args) => verify::run(&args, output),
        Command::Replay(args) => replay::run(&args, output),
        Command::Surrogates(args) => surrogates::run(&args, output),
        Command::Calvin(args) => calvin::run(&args, output),
        Command::Merge(args) => merge::run(&args, output),
        Command::Truncate(args) => truncate::run(&args, output),
        Command::Audit(args) => audit::run(&args, output),
        Command::LsnAt(args) => times::lsn_at(&args, output),
        Command::TimeOf(args) => times::time_of(&args, output),
        Command::Holds(args) => holds::run(&args, output),
        Command::Consumers(args) => consumers::run(&args, output),
        Command::Tenants(args) => tenants::run(&args, output),
        Command::Checkpoint(args) => checkpoint::run(&args, output),
        Command::Bench(args) => bench::run(&args, output),
        Command::BenchWorker(args) => bench::work(&args, output),
    }
}

fn complain(
    error: &CliError,
    code: u8,
    output: &mut Output<'_>,
    json: bool,
) -> Result<(), CliError> {
    match error {
        CliError::Output(_) if error.is_fine() => Ok(()),
        CliError::Usage(usage) if error.is_fine() || !json => Ok(usage.print()?),
        _ if json => {
            output.answer(&Failure::new(error, code))?;
            output.flush()
        }
        _ => {
            // What was printed before the error is not lost behind it.
            output.flush()?;
            let text = Failure::new(error, code).text();
            Ok(writeln!(io::stderr().lock(), "{text}")?)
        }
    }
}
