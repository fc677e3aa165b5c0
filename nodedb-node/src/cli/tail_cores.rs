//! `tail` of the logs of all cores: the last records of each; with `--follow`, each core's records in
//! its sequence, those of different cores as they become durable.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::task::{Context, Poll, Waker};

use nodedb_wal::percore::CoreFollower;
use nodedb_wal::types::Lsn;
use nodedb_wal::{OwnedRecord, Reader};

use super::answer::{Outcome, Output};
use super::core_line::CoreLine;
use super::error::CliError;
use super::interrupt::Interrupts;
use super::tail::TailArgs;

/// Prints what there is of each core, one after the other.
pub(super) fn print_last(
    args: &TailArgs,
    cores: &[(u32, PathBuf)],
    output: &mut Output<'_>,
) -> Result<Outcome, CliError> {
    for (core, directory) in cores {
        let reader = Reader::open(directory)?;
        let from = args.first(|| Ok(&reader))?;
        let mut records = reader.read(args.wanted().options(from))?;
        let mut left = args.limit().unwrap_or(u64::MAX);
        while left > 0
            && let Some(record) = records.next()?
        {
            output.line(&CoreLine::new(*core, &record.header))?;
            left -= 1;
        }
    }
    Ok(Outcome::Fine)
}

/// Prints what there is and what comes, of every core. `cores` are those there are now.
pub(super) fn follow(
    args: &TailArgs,
    cores: &[(u32, PathBuf)],
    output: &mut Output<'_>,
) -> Result<Outcome, CliError> {
    let mut firsts: BTreeMap<u32, Lsn> = BTreeMap::new();
    for (core, directory) in cores {
        firsts.insert(*core, args.first(|| Ok(Reader::open(directory)?))?);
    }
    let wanted = args.wanted();
    // Of a core that comes later everything is new.
    let start = move |core| {
        let first = firsts.get(&core).copied().unwrap_or(Lsn::FIRST);
        wanted.options(first)
    };
    let mut follower = CoreFollower::open(args.wal(), start)?;
    let stopper = follower.stopper();
    let _until_interrupted = Interrupts::listen(move || stopper.stop())?;
    let mut left = args.limit().unwrap_or(u64::MAX);
    while left > 0
        && let Some((core, record)) = next(&mut follower, output)?
    {
        output.line(&CoreLine::new(core, record.header()))?;
        left -= 1;
    }
    Ok(Outcome::Fine)
}

/// The next record. What was printed is not kept back while it waits.
fn next(
    follower: &mut CoreFollower,
    output: &mut Output<'_>,
) -> Result<Option<(u32, OwnedRecord)>, CliError> {
    let mut context = Context::from_waker(Waker::noop());
    match follower.poll_next(&mut context) {
        Poll::Ready(next) => Ok(next?),
        Poll::Pending => {
            output.flush()?;
            Ok(follower.next()?)
        }
    }
}
