//! What the program can be asked. Each command's own arguments stand with the command.

use clap::{Parser, Subcommand};

use super::audit::AuditArgs;
use super::bench::{BenchArgs, BenchWorkerArgs};
use super::calvin::CalvinArgs;
use super::checkpoint::CheckpointArgs;
use super::consumers::ConsumersArgs;
use super::demo::{DemoArgs, WorkerArgs};
use super::dump::DumpArgs;
use super::holds::HoldsArgs;
use super::ingest::IngestArgs;
use super::inspect::InspectArgs;
use super::merge::MergeArgs;
use super::replay::ReplayArgs;
use super::surrogates::SurrogatesArgs;
use super::tail::TailArgs;
use super::tenants::TenantsArgs;
use super::times::{LsnAtArgs, TimeOfArgs};
use super::truncate::TruncateArgs;
use super::verify::VerifyArgs;

const EXIT_CODES: &str = "Exit codes: 0 fine, 1 usage or refusal, 2 corruption, 3 I/O.";

/// A database node's write-ahead log: try it, fill it, look into it.
#[derive(Debug, Parser)]
#[command(name = "nodedb-node", version, after_help = EXIT_CODES, propagate_version = true)]
pub(super) struct Cli {
    /// Print JSON on standard output, errors included.
    #[arg(long, global = true)]
    pub(super) json: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write every kind of record, kill the writer, come back, and account for every record.
    Demo(DemoArgs),
    /// The writer of a demo, to be killed.
    #[command(hide = true)]
    DemoWorker(WorkerArgs),
    /// Append the content of files to a log.
    Ingest(IngestArgs),
    /// Show what a log holds.
    Inspect(InspectArgs),
    /// Print the records of a log, one a line.
    Dump(DumpArgs),
    /// Print the last records of a log, and with `-f` those to come.
    Tail(TailArgs),
    /// Read and check every byte of a log.
    Verify(VerifyArgs),
    /// Replay a log into nothing and print the account of every record.
    Replay(ReplayArgs),
    /// Show which primary keys have surrogates.
    Surrogates(SurrogatesArgs),
    /// Show which Calvin transactions were applied.
    Calvin(CalvinArgs),
    /// Print the records of one log per core, in order.
    Merge(MergeArgs),
    /// Drop whole segments of old records.
    Truncate(TruncateArgs),
    /// List the control records there ever were, or check them.
    Audit(AuditArgs),
    /// Find the first record written at a time or later.
    LsnAt(LsnAtArgs),
    /// Tell when a record was written.
    TimeOf(TimeOfArgs),
    /// Show who needs old records and what that costs; place or drop a hold.
    Holds(HoldsArgs),
    /// Show who reads the log and how far behind they are; add or drop a consumer.
    Consumers(ConsumersArgs),
    /// Show what each tenant's databases have written, and what the log still holds of it.
    Tenants(TenantsArgs),
    /// Show how far each engine's own files reach; say so for one.
    Checkpoint(CheckpointArgs),
    /// Measure the log beside the raw disk.
    Bench(BenchArgs),
    /// One workload of a benchmark.
    #[command(hide = true)]
    BenchWorker(BenchWorkerArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_commands_are_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_takes_json_before_or_after_it() {
        for line in [
            "demo",
            "ingest --wal d --kind put --tenant 1 --database 1 --vshard 1 --collection c f",
            "inspect --wal d",
            "dump --wal d",
            "tail --wal d",
            "tail --wal d -f -n 3 --from 9 --kind put --tenant 1",
            "verify --wal d",
            "replay --wal d",
            "surrogates --wal d",
            "calvin --wal d",
            "calvin --wal d --with e",
            "truncate --wal d --before 9",
            "audit --wal d",
            "audit --wal d --kind temporalpurge --tenant 1 --from 2026-11-21T12:00:00Z --after 9",
            "audit verify --wal d",
            "lsn-at --wal d 2026-11-21T12:00:00Z",
            "time-of --wal d 9",
            "truncate --wal d --to-holds",
            "holds --wal d",
            "holds --wal d --bytes-max 1000000",
            "holds --wal d set archive 9",
            "consumers --wal d",
            "consumers --wal d lag",
            "consumers --wal d add c --kind put --bytes-max 9 --drop-when-over",
            "checkpoint --wal d",
            "tenants --wal d",
            "checkpoint --wal d --engine kv --lsn 9",
            "merge --wal d --until-epoch 4",
            "bench --dir d",
        ] {
            assert!(!parse(&format!("n {line}")).unwrap().json, "{line}");
            assert!(parse(&format!("n {line} --json")).unwrap().json, "{line}");
            assert!(parse(&format!("n --json {line}")).unwrap().json, "{line}");
        }
    }

    #[test]
    fn what_is_missing_or_out_of_range_is_refused() {
        for line in [
            "",
            "inspect",
            "truncate --wal d",
            "truncate --wal d --before 9 --to-holds",
            "holds",
            "holds --wal d set archive",
            "checkpoint --wal d --engine kv",
            "consumers",
            "consumers --wal d add c --from 1 --next",
            "consumers --wal d drop",
            "truncate --wal d --before x",
            "dump --wal d --kind nonsense",
            "replay --wal d --tenant -1",
            "ingest --wal d --kind put --tenant 1 --database 1 --vshard 1 --collection c",
            "tail",
            "tail --wal d -n x",
            "audit",
            "audit verify",
            "audit --wal d --from yesterday",
            "lsn-at --wal d noon",
            "time-of --wal d",
            "demo --threads 0",
            "demo --rounds 0",
            "bench",
            "bench --dir d --only nonsense",
        ] {
            assert!(parse(&format!("n {line}")).is_err(), "{line}");
        }
    }
}
