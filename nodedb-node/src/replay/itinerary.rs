//! A plan put together with a log and what is known of it: which records are read, and what is
//! withheld of them. Pure.

use nodedb_wal::ReadOptions;
use nodedb_wal::types::{Lsn, LsnRange};

use super::filters::{AbortedWrites, CalvinGate, EngineFilter, Filters, FlushedArrays, Tombstones};
use super::plan::Start;
use super::{EngineFamily, ReplayPlan};
use crate::control::ControlState;
use crate::error::{Error, Result};

/// What a replay of a plan does on a log.
#[derive(Clone, Debug)]
pub(super) struct Itinerary {
    /// The records that are looked at; nothing when the log holds none of them.
    pub(super) wanted: Option<LsnRange>,
    /// Records of the log in front of those.
    pub(super) before: u64,
    /// Records of the log behind those.
    pub(super) after: u64,
    pub(super) filters: Filters,
}

impl Itinerary {
    /// The itinerary for a log that holds the records `log`, of which `state` says what control
    /// records have said.
    ///
    /// # Errors
    ///
    /// [`Truncated`](nodedb_wal::Error::Truncated): a record that is needed is gone.
    pub(super) fn new(plan: &ReplayPlan, state: &ControlState, log: LsnRange) -> Result<Self> {
        let engines = engines(plan, state);
        let first = first(plan, &engines, log.first)?;
        let end = log.last.next();
        let until = plan.until.map_or(end, |last| end.min(last.next()));
        let (first, until) = (first.min(end), until.max(log.first));
        let wanted = (first < until).then(|| LsnRange {
            first,
            last: until.previous(),
        });
        let before = distance(log.first, first);
        let behind = wanted.map_or(first, |wanted| wanted.last.next());
        Ok(Self {
            wanted,
            before,
            after: distance(behind, end),
            filters: filters(plan, state, engines),
        })
    }

    /// What is read: as little as the reader can tell. The Calvin gate needs whole batches.
    pub(super) fn read(&self, wanted: LsnRange) -> ReadOptions {
        let options = ReadOptions::from(wanted.first).until(wanted.last);
        let filters = &self.filters;
        if filters.calvin.is_some() {
            return options;
        }
        let options = filters.times.push_down(filters.scope.push_down(options));
        match (&filters.kinds.kinds, filters.engines.kinds()) {
            (None, Some(kinds)) => options.kinds(&kinds),
            _ => filters.kinds.push_down(options),
        }
    }
}

/// Sees to it that no sink holds more than a log that ends at `last`: it would pass over the records
/// that will get the LSNs it has seen already.
///
/// # Errors
///
/// [`Error::SinkAhead`].
pub(super) fn check_reach(plan: &ReplayPlan, last: Lsn) -> Result<()> {
    let own = match plan.start {
        Start::After(applied) => Some(applied),
        Start::At(_) | Start::Checkpoints => None,
    };
    let engines = plan.engines_after.iter().map(|(_, applied)| *applied);
    match engines.chain(own).max() {
        Some(applied) if applied > last => Err(Error::SinkAhead { applied, last }),
        _ => Ok(()),
    }
}

/// From where on each engine's records are delivered.
fn engines(plan: &ReplayPlan, state: &ControlState) -> EngineFilter {
    let wanted = plan.engines.as_deref().unwrap_or(&EngineFamily::ALL);
    wanted.iter().fold(EngineFilter::none(), |filter, &family| {
        filter.with(family, engine_start(plan, state, family))
    })
}

/// The first record of the engine that is wanted; [`Lsn::ZERO`] for the oldest there is.
fn engine_start(plan: &ReplayPlan, state: &ControlState, family: EngineFamily) -> Lsn {
    let own = plan.engines_after.iter().rev();
    let own = own.copied().find(|(named, _)| *named == family);
    if let Some((_, applied)) = own {
        return applied.next();
    }
    match plan.start {
        Start::At(lsn) => lsn,
        Start::After(applied) => applied.next(),
        Start::Checkpoints => {
            let checkpoint = state.checkpoints.get(family.name());
            checkpoint.map_or(Lsn::ZERO, |lsn| lsn.next())
        }
    }
}

/// Where the stream starts in a log whose oldest record is `oldest`.
fn first(plan: &ReplayPlan, engines: &EngineFilter, oldest: Lsn) -> Result<Lsn> {
    let first = match plan.start {
        // Records of no engine are wanted from there on.
        Start::At(lsn) => engines.first().map_or(lsn, |first| first.min(lsn)),
        Start::After(applied) => {
            let lsn = applied.next();
            engines.first().map_or(lsn, |first| first.min(lsn))
        }
        Start::Checkpoints => engines.first().unwrap_or_default(),
    };
    match first {
        Lsn::ZERO => Ok(oldest),
        lsn if lsn < oldest => Err(nodedb_wal::Error::Truncated { lsn, start: oldest }.into()),
        lsn => Ok(lsn),
    }
}

fn filters(plan: &ReplayPlan, state: &ControlState, engines: EngineFilter) -> Filters {
    let mut flushed = FlushedArrays::default();
    for (name, watermark) in &state.flushed {
        flushed.insert(name, *watermark);
    }
    let gate = || CalvinGate::new(state.calvin.clone());
    Filters {
        scope: plan.scope,
        times: plan.times.clone(),
        kinds: plan.kinds.clone(),
        engines,
        epoch: plan.epoch,
        aborted: AbortedWrites::from(state.aborted.clone()),
        calvin: plan.gates_calvin.then(gate),
        tombstones: Tombstones::as_of(&state.dropped, plan.epoch),
        flushed,
    }
}

/// How many records are from `first` up to but not including `end`.
pub(super) fn distance(first: Lsn, end: Lsn) -> u64 {
    end.value().saturating_sub(first.value())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: (u64, u64) = (10, 50);

    fn state(checkpoints: &[(EngineFamily, u64)]) -> ControlState {
        let checkpoint = |&(family, lsn): &(EngineFamily, u64)| {
            let name = family.name().to_owned();
            (name, Lsn::new(lsn))
        };
        ControlState {
            checkpoints: checkpoints.iter().map(checkpoint).collect(),
            ..ControlState::default()
        }
    }

    fn itinerary(plan: &ReplayPlan, state: &ControlState) -> Result<Itinerary> {
        let log = LsnRange {
            first: Lsn::new(LOG.0),
            last: Lsn::new(LOG.1),
        };
        Itinerary::new(plan, state, log)
    }

    /// The first and last record wanted; nothing when none is, and an error when one is gone.
    fn span(plan: &ReplayPlan, state: &ControlState) -> Option<Option<(u64, u64)>> {
        let itinerary = itinerary(plan, state).ok()?;
        let wanted = itinerary.wanted;
        let looked_at = wanted.map_or(0, LsnRange::count);
        let all = itinerary.before + looked_at + itinerary.after;
        assert_eq!(all, LOG.1 - LOG.0 + 1, "{plan:?}");
        Some(wanted.map(|range| (range.first.value(), range.last.value())))
    }

    #[test]
    fn a_plan_starts_where_it_says_or_where_the_log_does() {
        let state = state(&[]);
        let from = |lsn| ReplayPlan::from(Lsn::new(lsn));
        let after = |lsn| ReplayPlan::after(Lsn::new(lsn));
        let cases = [
            (ReplayPlan::default(), Some(Some((10, 50)))),
            (from(0), Some(Some((10, 50)))),
            (from(9), None),
            (from(10), Some(Some((10, 50)))),
            (from(50), Some(Some((50, 50)))),
            (from(51), Some(None)),
            (from(99), Some(None)),
            (after(0), None),
            (after(9), Some(Some((10, 50)))),
            (after(50), Some(None)),
            (from(20).until(Lsn::new(30)), Some(Some((20, 30)))),
            (from(20).until(Lsn::new(19)), Some(None)),
            (from(0).until(Lsn::new(5)), Some(None)),
            (from(0).until(Lsn::new(99)), Some(Some((10, 50)))),
        ];
        for (plan, expected) in cases {
            assert_eq!(span(&plan, &state), expected, "{plan:?}");
        }
    }

    #[test]
    fn the_lowest_checkpoint_of_the_engines_wanted_is_where_the_stream_starts() {
        use EngineFamily::{Array, Crdt, KeyValue};
        let state = state(&[(KeyValue, 30), (Crdt, 20), (Array, 5)]);
        let plan = ReplayPlan::from_checkpoints();
        let engines = |families: &[EngineFamily]| plan.clone().engines(families);
        let cases = [
            (engines(&[KeyValue, Crdt]), Some(Some((21, 50)))),
            (engines(&[KeyValue]), Some(Some((31, 50)))),
            // One that took none needs everything there is.
            (
                engines(&[KeyValue, EngineFamily::Vector]),
                Some(Some((10, 50))),
            ),
            // What follows this one's checkpoint is gone.
            (engines(&[KeyValue, Array]), None),
            (
                engines(&[KeyValue, Array]).engine_after(Array, Lsn::new(40)),
                Some(Some((31, 50))),
            ),
            (
                engines(&[KeyValue]).engine_after(KeyValue, Lsn::new(50)),
                Some(None),
            ),
        ];
        for (plan, expected) in cases {
            assert_eq!(span(&plan, &state), expected, "{plan:?}");
        }
    }
}
