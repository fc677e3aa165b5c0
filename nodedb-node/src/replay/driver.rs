//! Carries a plan out: what control records have said first, from the catalog or through the
//! footers of sealed segments; then one streaming pass in bounded memory.

use std::time::Instant;

use nodedb_wal::types::LsnRange;

use super::itinerary::{Itinerary, check_reach};
use super::outlet::{Direct, Outlet};
use super::stream::Stream;
use super::{Known, ReplayPlan, ReplayProgress, ReplayReport, ReplaySink, ReplaySource};
use crate::error::Result;

/// Delivers the records of `plan` to `sink`, up to the last one that was durable when it began.
///
/// `progress` is called now and then, and once at the end.
///
/// # Errors
///
/// As [`Replay::run`].
pub fn replay(
    source: &dyn ReplaySource,
    plan: &ReplayPlan,
    sink: &mut dyn ReplaySink,
    progress: &mut dyn FnMut(&ReplayProgress),
) -> Result<ReplayReport> {
    Replay::new(source, plan).on_progress(progress).run(sink)
}

/// A replay that is about to run: a log, a plan, and how it is to be done.
pub struct Replay<'a> {
    source: &'a dyn ReplaySource,
    plan: &'a ReplayPlan,
    known: Option<&'a Known>,
    progress: Option<&'a mut dyn FnMut(&ReplayProgress)>,
}

impl<'a> Replay<'a> {
    /// A replay of `plan` from a log.
    #[must_use]
    pub fn new(source: &'a dyn ReplaySource, plan: &'a ReplayPlan) -> Self {
        Self {
            source,
            plan,
            known: None,
            progress: None,
        }
    }

    /// Goes by what is known already, as the catalog has it, and does not look for control records
    /// in the log. Nothing behind [`Known::through`] is delivered.
    #[must_use]
    pub fn knowing(mut self, known: &'a Known) -> Self {
        self.known = Some(known);
        self
    }

    /// Calls `progress` now and then, and once at the end.
    #[must_use]
    pub fn on_progress(mut self, progress: &'a mut dyn FnMut(&ReplayProgress)) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Delivers the plan's records to `sink`, up to the last one that was durable when it began.
    ///
    /// # Errors
    ///
    /// [`Error`](crate::Error) says at which record it stopped, and why. A damaged log, an unknown
    /// required kind, an undecodable control record and a sink that fails all stop it: a state built
    /// from a part of the log is not handed out as a whole one.
    pub fn run(self, sink: &mut dyn ReplaySink) -> Result<ReplayReport> {
        self.run_into(&mut Direct(sink))
    }

    pub(super) fn run_into(self, outlet: &mut dyn Outlet) -> Result<ReplayReport> {
        let started = Instant::now();
        let start = self.source.start_lsn();
        check_reach(self.plan, self.source.last_lsn())?;
        let found;
        let known = match self.known {
            Some(known) => known,
            None => {
                found = Known::read(self.source)?;
                &found
            }
        };
        let mut report = ReplayReport {
            known_bytes_read: known.bytes_read,
            bytes_read: known.bytes_read,
            ..ReplayReport::default()
        };
        let last = known.through.min(self.source.last_lsn());
        if start <= last {
            let range = LsnRange { first: start, last };
            report.range = Some(range);
            let itinerary = Itinerary::new(self.plan, &known.state, range)?;
            report.skipped.before_start = itinerary.before;
            report.skipped.after_end = itinerary.after;
            report.tombstones = itinerary.filters.tombstones.len() as u64;
            let mut nobody = |_: &ReplayProgress| {};
            let progress = self.progress.unwrap_or(&mut nobody);
            if let Some(wanted) = itinerary.wanted {
                let records = self.source.read(itinerary.read(wanted))?;
                let stream = Stream {
                    wanted,
                    filters: &itinerary.filters,
                    outlet,
                    progress,
                    report: &mut report,
                    started,
                };
                stream.deliver(records)?;
                outlet.finish(wanted.last)?;
            }
        }
        report.duration = started.elapsed();
        Ok(report)
    }
}

impl std::fmt::Debug for Replay<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replay")
            .field("plan", self.plan)
            .field("known", &self.known.map(Known::through))
            .finish_non_exhaustive()
    }
}
