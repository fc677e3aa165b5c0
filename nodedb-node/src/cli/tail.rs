//! `tail`: the last records of a log; with `--follow`, those to come too, as they become durable, also
//! of a log per core.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use clap::Args;
use nodedb_wal::percore::core_directories;
use nodedb_wal::types::{DatabaseId, Lsn, RecordKind, TenantId, VshardId};
use nodedb_wal::{Follower, ReadOptions, Reader, Tailed};

use super::answer::{Outcome, Output};
use super::dump::Line;
use super::error::CliError;
use super::interrupt::Interrupts;
use super::tail_cores;
use super::values::{database, kind, lsn, tenant, vshard};

/// How many records are printed where nobody says how many.
const COUNT: u64 = 10;

#[derive(Debug, Args)]
pub(super) struct TailArgs {
    /// The log's directory.
    #[arg(long, value_name = "DIR")]
    wal: PathBuf,
    /// Start here, whether or not this record is written yet; without it, so many records before the
    /// end as `--count` says. Of a log per core it holds for each core.
    #[arg(long, value_name = "LSN", value_parser = lsn)]
    from: Option<Lsn>,
    /// Print this many records, 10 without it; behind `--from`, all there are without it.
    #[arg(long, short = 'n', value_name = "N")]
    count: Option<u64>,
    /// Go on with the records to come, each once something vouches for it as durable, until Ctrl-C;
    /// with `--from` and `--count`, until there were so many.
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    wanted: Wanted,
}

/// Which records are printed.
#[derive(Clone, Debug, Args)]
pub(super) struct Wanted {
    /// Only records of this kind; may be given several times.
    #[arg(long = "kind", value_name = "KIND", value_parser = kind)]
    kinds: Vec<RecordKind>,
    /// Only records of this tenant.
    #[arg(long, value_parser = tenant)]
    tenant: Option<TenantId>,
    /// Only records of databases with this number.
    #[arg(long, value_parser = database)]
    database: Option<DatabaseId>,
    /// Only records of this vshard.
    #[arg(long, value_parser = vshard)]
    vshard: Option<VshardId>,
}

pub(super) fn run(args: &TailArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let cores = core_directories(&args.wal)?;
    match (cores.as_slice(), args.follow) {
        ([], false) => print_last(args, output),
        ([], true) => follow(args, output),
        (cores, false) => tail_cores::print_last(args, cores, output),
        (cores, true) => tail_cores::follow(args, cores, output),
    }
}

/// Prints what there is.
fn print_last(args: &TailArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let reader = Reader::open(&args.wal)?;
    let from = args.first(|| Ok(&reader))?;
    let mut records = reader.read(args.wanted.options(from))?;
    let mut left = args.limit().unwrap_or(u64::MAX);
    while left > 0
        && let Some(record) = records.next()?
    {
        output.line(&Line::new(&record, false))?;
        left -= 1;
    }
    Ok(Outcome::Fine)
}

/// Prints what there is and what comes. What was printed is not kept back while it waits.
fn follow(args: &TailArgs, output: &mut Output<'_>) -> Result<Outcome, CliError> {
    let from = args.first(|| Ok(Reader::open(&args.wal)?))?;
    let mut follower = Follower::open(&args.wal, args.wanted.options(from))?;
    let stopper = follower.stopper();
    let _until_interrupted = Interrupts::listen(move || stopper.stop())?;
    let mut left = args.limit().unwrap_or(u64::MAX);
    while left > 0 {
        let tailed = follower.try_next()?;
        let record = match tailed {
            Tailed::Record(record) => record,
            Tailed::End => break,
            Tailed::NotYet => {
                output.flush()?;
                match follower.next()? {
                    Some(record) => record,
                    None => break,
                }
            }
        };
        output.line(&Line::new(&record, false))?;
        left -= 1;
    }
    Ok(Outcome::Fine)
}

impl TailArgs {
    /// How many records are printed from the first on; `None` is all there are.
    pub(super) fn limit(&self) -> Option<u64> {
        self.from.and(self.count)
    }

    pub(super) fn wal(&self) -> &Path {
        &self.wal
    }

    pub(super) fn wanted(&self) -> Wanted {
        self.wanted.clone()
    }

    /// Where to start in the log that `open` opens, if it has to be looked at.
    pub(super) fn first<R: Borrow<Reader>>(
        &self,
        open: impl FnOnce() -> Result<R, CliError>,
    ) -> Result<Lsn, CliError> {
        match self.from {
            Some(from) => Ok(from),
            None => self.first_of_last(open()?.borrow(), self.count.unwrap_or(COUNT)),
        }
    }

    /// The first of the last `count` records that are wanted. How far back they go nobody knows: it
    /// looks eight times as far each time.
    fn first_of_last(&self, reader: &Reader, count: u64) -> Result<Lsn, CliError> {
        let (start, end) = (reader.start_lsn(), reader.next_lsn());
        let mut span = count;
        loop {
            let from = Lsn::new(end.value().saturating_sub(span)).max(start);
            let mut records = reader.read(self.wanted.options(from).headers_only())?;
            let mut last = VecDeque::new();
            while let Some(record) = records.next()? {
                last.push_back(record.lsn());
                if last.len() as u64 > count {
                    last.pop_front();
                }
            }
            if from == start || last.len() as u64 == count {
                return Ok(last.front().copied().unwrap_or(end));
            }
            span = span.saturating_mul(8);
        }
    }
}

impl Wanted {
    /// What is read, from `from` on.
    pub(super) fn options(&self, from: Lsn) -> ReadOptions {
        let mut options = ReadOptions::from(from);
        if !self.kinds.is_empty() {
            options = options.kinds(&self.kinds);
        }
        if let Some(tenant) = self.tenant {
            options = options.tenant(tenant);
        }
        if let Some(database) = self.database {
            options = options.database(database);
        }
        if let Some(vshard) = self.vshard {
            options = options.vshard(vshard);
        }
        options
    }
}
