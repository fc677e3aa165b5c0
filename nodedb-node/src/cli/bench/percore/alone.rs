//! Appends into memory alone: one log that all writers share, beside one log for each.
//!
//! What is measured is a few hundred microseconds long. So each writer keeps its thread, the rounds
//! begin together, the disk works between them only, and a round in the middle of many counts: memory
//! that a virtual machine never used, and a processor that fills the next segment, slow some of them.

use std::sync::Barrier;
use std::time::{Duration, Instant};

use nodedb_wal::Log;
use nodedb_wal::percore::{CoreLogs, CoreWriter, CoresConfig};

use super::super::logs::{append, records_in};
use super::super::place::Place;
use super::{append_own, joined};
use crate::cli::error::CliError;

/// Payload that each writer appends in a round: it fits into the buffer.
const ROUND_BYTES: u64 = 2 << 20;
const BUFFER_BYTES: usize = 32 << 20;
const ROUNDS: usize = 65;

/// What a round took, and the records that all writers appended in it.
pub(super) struct Alone {
    pub(super) shared: Duration,
    pub(super) own: Duration,
    pub(super) records: u64,
}

pub(super) fn beside_shared(place: &Place, writers: usize, len: usize) -> Result<Alone, CliError> {
    let each = records_in(ROUND_BYTES, len);
    Ok(Alone {
        shared: shared(place, writers, each, len)?,
        own: own(place, writers, each, len)?,
        records: (writers * each) as u64,
    })
}

fn shared(place: &Place, writers: usize, each: usize, len: usize) -> Result<Duration, CliError> {
    let spot = place.spot("alone")?;
    let log = Log::open(spot.config().buffer_bytes(BUFFER_BYTES))?;
    let mut owners: Vec<usize> = (0..writers).collect();
    let took = middle_round(
        &mut owners,
        &|number: &mut usize| append(&log, &place.content, *number * each, each, len),
        &|number: &mut usize| {
            // By one of them alone: while others wait for a sync, tenants have shares of a write.
            if *number == 0 {
                log.sync()?;
            }
            Ok(())
        },
    )?;
    log.close()?;
    Ok(took)
}

fn own(place: &Place, writers: usize, each: usize, len: usize) -> Result<Duration, CliError> {
    let spot = place.spot("alone")?;
    let config = spot.config().buffer_bytes(BUFFER_BYTES);
    let cores = u32::try_from(writers).unwrap_or(u32::MAX);
    let (logs, mut writers) = CoreLogs::open(CoresConfig::new(config, cores))?;
    let took = middle_round(
        &mut writers,
        &|writer: &mut CoreWriter| append_own(writer, &place.content, 0, each, len),
        &|writer: &mut CoreWriter| Ok(writer.sync().map(|_durable| ())?),
    )?;
    logs.close(writers)?;
    Ok(took)
}

/// From when until when one owner appended in a round.
#[derive(Clone, Copy)]
struct Span {
    begun: Instant,
    ended: Instant,
}

/// From the first owner's begin to the last one's end, in the median round. Each owner syncs after it.
fn middle_round<T: Send>(
    owners: &mut [T],
    work: &(impl Fn(&mut T) -> Result<(), CliError> + Sync),
    sync: &(impl Fn(&mut T) -> Result<(), CliError> + Sync),
) -> Result<Duration, CliError> {
    let gate = Barrier::new(owners.len());
    let rounds = |owner: &mut T| {
        let mut done = Ok(());
        let mut spans = Vec::with_capacity(ROUNDS);
        for _ in 0..ROUNDS {
            gate.wait();
            let begun = Instant::now();
            // Whoever failed goes on waiting, for the others wait too.
            done = done.and_then(|()| work(owner));
            let ended = Instant::now();
            spans.push(Span { begun, ended });
            gate.wait();
            done = done.and_then(|()| sync(owner));
        }
        done.map(|()| spans)
    };
    let spans: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = owners
            .iter_mut()
            .map(|owner| scope.spawn(|| rounds(owner)))
            .collect();
        let ended = threads.into_iter().map(joined);
        ended.collect::<Result<_, _>>()
    })?;
    Ok(middle(&spans))
}

/// What the median round took, from each owner's spans.
fn middle(spans: &[Vec<Span>]) -> Duration {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let begun = spans.iter().map(|spans| spans[round].begun).min();
            let ended = spans.iter().map(|spans| spans[round].ended).max();
            begun
                .zip(ended)
                .map_or(Duration::ZERO, |(begun, ended)| ended - begun)
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2]
}
