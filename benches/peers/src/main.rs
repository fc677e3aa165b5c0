//! The log beside the logs and stores people use today: the same workloads, interleaved within rounds,
//! on one disk, each with what its commit really does. `docs/BENCHMARKS.md` has the method.

mod args;
mod compare;
mod figures;
mod files;
mod measure;
mod peer;
mod peers;
mod report;
mod run;
mod task;
mod worker;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::Args;
use figures::Sample;
use peer::Failure;
use worker::{WORKER, WorkerArgs};

fn main() -> ExitCode {
    let mut words = std::env::args_os();
    let is_worker = words.nth(1).is_some_and(|word| word == WORKER);
    let done = if is_worker {
        let words = std::env::args_os().skip(1);
        worker::work(&WorkerArgs::parse_from(words), &mut io::stdout())
    } else {
        compare(&Args::parse())
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _nobody_reads = writeln!(io::stderr(), "{failure}");
            ExitCode::FAILURE
        }
    }
}

fn compare(args: &Args) -> Result<(), Failure> {
    let mut samples: Vec<Sample> = Vec::new();
    for path in &args.add {
        let earlier: Vec<Sample> = serde_json::from_slice(&fs::read(path)?)?;
        samples.extend(earlier);
    }
    if !args.print_only {
        samples.extend(run::measure(args)?);
    }
    if let Some(path) = &args.json {
        fs::write(path, serde_json::to_vec_pretty(&samples)?)?;
    }
    let facts = facts(args);
    if let Some(path) = &args.markdown {
        fs::write(path, report::markdown(&facts, &samples))?;
    }
    writeln!(io::stdout(), "{}", report::text(&facts, &samples))?;
    Ok(())
}

fn facts(args: &Args) -> String {
    let (seconds, runs, mib) = (args.seconds, args.runs, args.mib);
    let optimized = if cfg!(debug_assertions) {
        " NOT OPTIMIZED: build with --release."
    } else {
        ""
    };
    format!(
        "Medians of {runs} rounds; {seconds} s for each row of commits, {mib} MiB of payload for each \
         stream, replay and open.{optimized}"
    )
}
